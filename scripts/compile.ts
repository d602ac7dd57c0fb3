// Builds the standalone binary for this platform: dist/exoip. The commit is written beside it and embedded.
//
// `deno compile` downloads the runtime part that it embeds; where that host cannot be reached, DENORT_BIN may
// name a `denort` of the same version.

const OUTPUT = "dist/exoip";
/** Deno opens /proc/net/route and /sys/class/dmi only to a program that may do all. */
const PERMISSIONS = ["--allow-all"];
/**
 * A watchdog is small and mostly asleep: without V8's optimizing compilers and with a small nursery it takes 3 to
 * 6 MiB less at rest and 13 less in a flood, for a third more CPU in one and among hundreds of peers.
 */
const V8_FLAGS = ["--no-opt", "--no-maglev", "--max-semi-space-size=1"];

async function run(program: string, args: string[]): Promise<string> {
  const { code, stdout } = await new Deno.Command(program, { args, stderr: "inherit" }).output();
  if (code !== 0) throw new Error(`${program} ${args[0]} ended with ${code}`);
  return new TextDecoder().decode(stdout).trim();
}

await Deno.mkdir("dist", { recursive: true });
const commit = await run("git", ["rev-parse", "--short=12", "HEAD"]).catch(() => "unknown");
const changed = await run("git", ["status", "--porcelain", "-uno"]).catch(() => "");
await Deno.writeTextFile("dist/COMMIT", `${commit}${changed ? "+changes" : ""}\n`);
await run(Deno.execPath(), [
  "compile",
  "--quiet",
  "--no-prompt",
  // Else the program would run what it finds as compiled code under a name that anybody can write in /tmp.
  "--no-code-cache",
  `--v8-flags=${V8_FLAGS.join(",")}`,
  ...PERMISSIONS,
  "--include=dist/COMMIT",
  `--output=${OUTPUT}`,
  "main.ts",
]);
console.log(`${OUTPUT}: ${await run(`./${OUTPUT}`, ["-version"])}`);
