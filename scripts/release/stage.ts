// What a binary is compiled from: a copy of the program whose time stamps are those of the commit, since
// `deno compile` embeds them, and whose deno.json names no package that only tests use, since it embeds all.
// So the same commit gives the same bytes, whoever builds it, wherever and whenever.
import { copy, files, output } from "./files.ts";

const PROGRAM = ["main.ts", "src", "deno.lock"];

/** A folder to compile in, and the cache to do it with. */
export interface Stage {
  readonly folder: string;
  /** For `DENO_DIR`. */
  readonly cache: string;
  readonly commit: string;
}

/** Makes the copy of the checkout `root` in an empty folder. */
export async function makeStage(root: string, folder: string): Promise<Stage> {
  const stage = { folder: `${folder}/exoip`, cache: `${folder}/cache`, commit: await commit(root) };
  await Deno.mkdir(stage.folder);
  for (const name of PROGRAM) await copy(`${root}/${name}`, `${stage.folder}/${name}`);
  await Deno.mkdir(`${stage.folder}/dist`);
  await Deno.writeTextFile(`${stage.folder}/dist/COMMIT`, `${stage.commit}\n`);
  const manifest = JSON.parse(await Deno.readTextFile(`${root}/deno.json`));
  manifest.imports = await usedImports(manifest.imports, stage.folder);
  await Deno.writeTextFile(`${stage.folder}/deno.json`, JSON.stringify(manifest, null, 2) + "\n");
  await copyCache(stage);
  const seconds = await builtAtSeconds(root);
  for await (const path of files(folder)) await Deno.utime(path, seconds, seconds);
  return stage;
}

/** Commit of the checkout, with `+changes` when it has some. */
async function commit(root: string): Promise<string> {
  const id = await output("git", ["-C", root, "rev-parse", "--short=12", "HEAD"]).catch(() => "");
  if (!id) return "unknown";
  const changes = await output("git", ["-C", root, "status", "--porcelain", "-uno"]);
  return changes ? `${id}+changes` : id;
}

/** The instant that counts as that of the build: `SOURCE_DATE_EPOCH`, else that of the commit, else 1970. */
async function builtAtSeconds(root: string): Promise<number> {
  const given = sourceDateEpoch();
  if (given !== null) return given;
  const args = ["-C", root, "log", "-1", "--format=%ct"];
  return Number(await output("git", args).catch(() => "0"));
}

/** `SOURCE_DATE_EPOCH`, null when it is not set. Source: https://reproducible-builds.org/specs/source-date-epoch. */
export function sourceDateEpoch(): number | null {
  const text = Deno.env.get("SOURCE_DATE_EPOCH") ?? "";
  return /^\d{1,11}$/.test(text) ? Number(text) : null;
}

/** Those imports of deno.json that a source names. */
async function usedImports(
  imports: Record<string, string>,
  folder: string,
): Promise<Record<string, string>> {
  const texts: string[] = [];
  for await (const path of files(folder)) {
    if (path.endsWith(".ts")) texts.push(await Deno.readTextFile(path));
  }
  const used = (name: string) =>
    texts.some((text) => text.includes(`"${name}"`) || text.includes(`"${name}/`));
  return Object.fromEntries(Object.entries(imports).filter(([name]) => used(name)));
}

/**
 * A cache that shares with the user's what has no time stamps, and has copies of the npm packages, which have.
 * Without it every build would fetch the runtime part again.
 */
async function copyCache({ folder, cache }: Stage): Promise<void> {
  await output(Deno.execPath(), ["cache", "--quiet", "main.ts"], { cwd: folder });
  const info = JSON.parse(
    await output(Deno.execPath(), ["info", "--json", "main.ts"], { cwd: folder }),
  );
  const { denoDir } = JSON.parse(await output(Deno.execPath(), ["info", "--json"]));
  await Deno.mkdir(cache);
  for (const name of ["dl", "remote"]) {
    await Deno.mkdir(`${denoDir}/${name}`, { recursive: true });
    await Deno.symlink(`${denoDir}/${name}`, `${cache}/${name}`);
  }
  type Package = { name: string; registryUrl: string };
  for (const { name, registryUrl } of Object.values<Package>(info.npmPackages ?? {})) {
    const path = `npm/${new URL(registryUrl).host}/${name}`;
    await copy(`${denoDir}/${path}`, `${cache}/${path}`);
    await moveLicenses(`${cache}/${path}`, `${folder}/dist/licenses/${name}`);
  }
}

/**
 * Moves a package's license beside the program. Where it was, `deno compile` would take it for JavaScript and
 * embed the complaint that it is none, with the path of this folder.
 */
async function moveLicenses(from: string, to: string): Promise<void> {
  for await (const path of files(from)) {
    const name = path.split("/").at(-1) ?? "";
    if (name.includes(".")) continue;
    await Deno.mkdir(to, { recursive: true });
    await Deno.rename(path, `${to}/${name}`);
  }
}
