// Builds the standalone binary for this platform: dist/exoip. The commit is written beside it and embedded.
//
// `deno compile` downloads the runtime part that it embeds; where that host cannot be reached, DENORT_BIN may
// name a `denort` of the same version.

const OUTPUT = "dist/exoip";
/** Deno opens /proc/net/route and /sys/class/dmi only to a program that may do all. */
const PERMISSIONS = ["--allow-all"];

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
  ...PERMISSIONS,
  "--include=dist/COMMIT",
  `--output=${OUTPUT}`,
  "main.ts",
]);
console.log(`${OUTPUT}: ${await run(`./${OUTPUT}`, ["-version"])}`);
