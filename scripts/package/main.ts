// Builds the Debian and RPM packages of a compiled binary into dist: `deno task package [--binary FILE] [--arch
// x86_64|aarch64] [--version V] [--output FOLDER] [deb|rpm]`. If dpkg-deb or rpmbuild is missing, it builds the other
// package, names the missing tool, and exits with 1.
import { messageOf } from "../../src/core/message_of.ts";
import { VERSION } from "../../src/version.ts";
import type { Build } from "./contents.ts";
import { buildDeb } from "./deb.ts";
import { buildRpm } from "./rpm.ts";
import { sourceDateEpoch } from "../release/stage.ts";

const BUILDERS = { deb: buildDeb, rpm: buildRpm };
const NAMES: Readonly<Record<Build["arch"], string>> = { x86_64: "x64", aarch64: "arm64" };

/** The program that builds each format, and how to install it. */
const TOOLS = {
  deb: { program: "dpkg-deb", cure: "install dpkg" },
  rpm: { program: "rpmbuild", cure: "install rpm (Debian, Ubuntu) or rpm-build (Fedora, RHEL)" },
} as const;

/** Some packages could not be built, because a tool is missing. */
export class ToolMissing extends Error {
  override readonly name = "ToolMissing";
  /** The packages that were built. */
  readonly paths: readonly string[];

  constructor(problems: readonly string[], paths: readonly string[]) {
    super(problems.join("\n"));
    this.paths = paths;
  }
}

/** Builds the requested packages; returns their paths. Also throws `ToolMissing`. */
export async function packageAll(args: readonly string[]): Promise<string[]> {
  const given = new Map<string, string>();
  const formats: (keyof typeof BUILDERS)[] = [];
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? "";
    if (word === "deb" || word === "rpm") formats.push(word);
    else if (/^--(binary|arch|version|output)$/.test(word)) {
      given.set(word.slice(2), args[++at] ?? "");
    } else {throw new Error(
        `unknown argument ${word}: wanted --binary, --arch, --version, --output, deb or rpm`,
      );}
  }
  const asked = given.get("arch") ?? Deno.build.arch;
  const arch = (["x86_64", "aarch64"] as const).find((each) => each === asked);
  if (arch === undefined) throw new Error(`no packages for ${asked}: wanted x86_64 or aarch64`);
  const version = given.get("version") ?? VERSION;
  // It becomes part of paths, and of files that packaging tools read.
  if (!/^\d[\w.+~]{0,40}$/.test(version)) {
    throw new Error(`--version: found ${JSON.stringify(version)}, wanted one such as 0.5.0`);
  }
  const output = given.get("output") ?? "dist";
  const binary = given.get("binary") ?? await compiled(version, arch);
  const build = { version, arch, binary, output, epoch: await commitTime() };
  await Deno.mkdir(output, { recursive: true });
  const paths: string[] = [], missing: string[] = [];
  for (const format of formats.length > 0 ? formats : ["deb", "rpm"] as const) {
    const { program, cure } = TOOLS[format];
    if (await isThere(program)) paths.push(await BUILDERS[format](build));
    else missing.push(`no ${format} package: there is no ${program} here: ${cure}`);
  }
  if (missing.length > 0) throw new ToolMissing(missing, paths);
  return paths;
}

async function isThere(program: string): Promise<boolean> {
  const command = new Deno.Command(program, {
    args: ["--version"],
    stdout: "null",
    stderr: "null",
  });
  try {
    await command.output();
    return true;
  } catch {
    return false;
  }
}

/** The binary that `deno task compile` has built. */
async function compiled(version: string, arch: Build["arch"]): Promise<string> {
  const named = `dist/exoip-${version}-linux-${NAMES[arch]}`;
  const candidates = arch === Deno.build.arch ? [named, "dist/exoip"] : [named];
  for (const path of candidates) {
    if (await Deno.stat(path).then(({ isFile }) => isFile, () => false)) return path;
  }
  throw new Error(`there is no ${candidates.join(" and no ")}: run deno task compile first`);
}

/** Time of the commit, or SOURCE_DATE_EPOCH. */
export async function commitTime(): Promise<number> {
  const told = sourceDateEpoch();
  if (told !== null) return told;
  const args = ["log", "-1", "--format=%ct"];
  try {
    const { stdout } = await new Deno.Command("git", { args, stderr: "null" }).output();
    return Number(new TextDecoder().decode(stdout).trim()) || 0;
  } catch {
    // Without git, use the oldest possible time.
    return 0;
  }
}

if (import.meta.main) {
  try {
    for (const path of await packageAll(Deno.args)) console.log(path);
  } catch (error) {
    for (const path of error instanceof ToolMissing ? error.paths : []) console.log(path);
    console.error(error instanceof ToolMissing ? error.message : messageOf(error));
    Deno.exit(1);
  }
}
