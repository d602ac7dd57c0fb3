// Builds standalone binaries: `deno task compile [--target NAME|all]...`, for this platform unless told otherwise.
// Each becomes dist/exoip-VERSION-OS-ARCH, that of this platform also dist/exoip; dist/SHA256SUMS has their sums.
//
// `deno compile` downloads the runtime part that it embeds; where that host cannot be reached, DENORT_BIN may
// name a `denort` of the same version and platform.
import { messageOf } from "../../src/core/message_of.ts";
import { output, replaceFile } from "./files.ts";
import { makeStage, type Stage } from "./stage.ts";
import { writeSums } from "./sums.ts";
import {
  binaryName,
  findTarget,
  hostTarget,
  platformOf,
  suffix,
  type Target,
  targetName,
  TARGETS,
  VERSION,
} from "./targets.ts";

/** Deno allows /proc/net/route and /sys/class/dmi only to a program with all permissions. */
const PERMISSIONS = ["--allow-all"];
/**
 * A watchdog is small and mostly asleep. Without V8's optimizing compilers and with a small nursery it takes 3 to 6 MiB
 * less at rest and 13 less in a flood, but a third more CPU in a flood and among hundreds of peers.
 */
const V8_FLAGS = ["--no-opt", "--no-maglev", "--max-semi-space-size=1"];

/** The platforms given on the command line. */
function wantedTargets(args: readonly string[]): readonly Target[] {
  const names = args.flatMap((arg, index) => {
    if (arg.startsWith("--target=")) return [arg.slice("--target=".length)];
    if (args[index - 1] === "--target") return [arg];
    if (arg === "--target" && args[index + 1] !== undefined) return [];
    throw new Error(`${arg} is not understood; usage: deno task compile [--target NAME|all]...`);
  });
  if (names.includes("all")) return TARGETS;
  if (names.length > 0) return [...new Set(names.map(findTarget))];
  const host = hostTarget();
  if (!host) throw new Error(`no binary is made for ${Deno.build.target}; give a --target`);
  return [host];
}

/** Compiles for a platform, checks that the result is for it, and runs it if this machine can. */
async function compile(target: Target, { folder, cache, commit }: Stage): Promise<void> {
  const name = binaryName(target), path = `${folder}/${name}`;
  const args = [
    "compile",
    "--quiet",
    "--no-prompt",
    // Else the program would run code that it finds cached under a name that anybody can write in /tmp.
    "--no-code-cache",
    `--v8-flags=${V8_FLAGS.join(",")}`,
    ...PERMISSIONS,
    "--include=dist",
    "--include=src/status/page",
    `--target=${target.triple}`,
    `--output=${path}`,
    "main.ts",
  ];
  try {
    await output(Deno.execPath(), args, { cwd: folder, env: { DENO_DIR: cache } });
    const bytes = await Deno.readFile(path);
    const platform = platformOf(bytes);
    if (platform !== targetName(target)) throw new Error(`the result is one for ${platform}`);
    const wanted = `exoip ${VERSION} (commit ${commit})`;
    const version = target === hostTarget() ? await output(path, ["-version"]) : "not run here";
    if (target === hostTarget() && version !== wanted) {
      throw new Error(`it says ${version || "nothing"}`);
    }
    await replaceFile(`dist/${name}`, bytes, 0o755);
    console.log(`dist/${name}: ${version}`);
  } catch (error) {
    throw new Error(`${messageOf(error)}\n\n${advice(target)}`);
  }
}

/** The remedy when the runtime part is missing or wrong. */
function advice(target: Target): string {
  const { deno } = Deno.version, runtime = `denort-${target.triple}`;
  const given = Deno.env.get("DENORT_BIN");
  const state = given
    ? `and DENORT_BIN=${given} names another file`
    : "which could not be downloaded or used";
  return `exoip for ${
    targetName(target)
  } was not built. It needs Deno's runtime part for that platform,
${runtime} of version ${deno}, ${state}. Either
  - let this machine reach https://dl.deno.land, or name a proxy in HTTPS_PROXY, and repeat; or
  - unpack ${runtime}.zip of https://github.com/denoland/deno/releases/tag/v${deno} and repeat
    with DENORT_BIN=/path/to/denort and --target ${targetName(target)}; or
  - take the binary of a release.`;
}

/** Copies the binary for this platform to its short name. */
async function nameShort(target: Target): Promise<void> {
  const path = `dist/${binaryName(target)}`, short = `dist/exoip${suffix(target)}`;
  await Deno.remove(short).catch(() => {});
  await Deno.link(path, short).catch(() => Deno.copyFile(path, short));
  console.log(`${short}: the same`);
}

const temporary = await Deno.makeTempDir({ prefix: "exoip-compile-" });
try {
  const targets = wantedTargets(Deno.args);
  await Deno.mkdir("dist", { recursive: true });
  const stage = await makeStage(Deno.cwd(), temporary);
  for (const target of targets) await compile(target, stage);
  const host = targets.find((target) => target === hostTarget());
  if (host) await nameShort(host);
  console.log((await writeSums()).join("\n"));
} catch (error) {
  console.error(messageOf(error));
  Deno.exitCode = 1;
} finally {
  await Deno.remove(temporary, { recursive: true });
}
