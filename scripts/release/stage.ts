// Prepares the folder that a binary is compiled from: a copy of the program with the commit's time as time stamps,
// since `deno compile` embeds them, and with a deno.json without test-only packages, since it embeds all. So the same
// commit gives the same bytes, on any machine at any time.
import { copy, files, output } from "./files.ts";

const PROGRAM = ["main.ts", "src", "deno.lock"];

/** A folder to compile in, and its cache. */
export interface Stage {
  readonly folder: string;
  /** For `DENO_DIR`. */
  readonly cache: string;
  readonly commit: string;
}

/** Copies the checkout `root` into an empty folder. */
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

/** Commit of the checkout, with `+changes` when it has uncommitted ones. */
async function commit(root: string): Promise<string> {
  const id = await output("git", ["-C", root, "rev-parse", "--short=12", "HEAD"]).catch(() => "");
  if (!id) return "unknown";
  const changes = await output("git", ["-C", root, "status", "--porcelain", "-uno"]);
  return changes ? `${id}+changes` : id;
}

/** The build time: `SOURCE_DATE_EPOCH`, else the commit's time, else 1970. */
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

/** The imports of deno.json that a source uses. */
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
 * A cache that shares the parts without time stamps with the user's cache, and has copies of the npm packages, which
 * have time stamps. Without it every build would download the runtime part again.
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
 * Moves a package's license beside the program. In its original place, `deno compile` would parse it as JavaScript and
 * embed the error message, with the path of this folder.
 */
async function moveLicenses(from: string, to: string): Promise<void> {
  for await (const path of files(from)) {
    const name = path.split("/").at(-1) ?? "";
    if (name.includes(".")) continue;
    await Deno.mkdir(to, { recursive: true });
    await Deno.rename(path, `${to}/${name}`);
  }
}
