// The packages for a repository.

/** One package. */
export interface Package {
  readonly name: string;
  readonly path: string;
  /** The processor, as the package's own world calls it: `amd64`, `x86_64`. */
  readonly arch: string;
}

/** All of them, sorted by name. */
export interface Packages {
  readonly deb: readonly Package[];
  readonly rpm: readonly Package[];
}

const NAMES = {
  deb: /^exoip_[^_]+_(amd64|arm64)\.deb$/,
  rpm: /^exoip-.+\.(x86_64|aarch64)\.rpm$/,
};

/** The packages of exoip in a folder. Throws when it has no such package. */
export async function findPackages(folder: string): Promise<Packages> {
  const names: string[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) if (isFile) names.push(name);
  const matching = (pattern: RegExp) =>
    names.sort().flatMap((name) => {
      const arch = pattern.exec(name)?.[1];
      return arch === undefined ? [] : [{ name, path: `${folder}/${name}`, arch }];
    });
  const found = { deb: matching(NAMES.deb), rpm: matching(NAMES.rpm) };
  if (found.deb.length + found.rpm.length > 0) return found;
  throw new Error(`no package in ${folder}: run deno task package first`);
}
