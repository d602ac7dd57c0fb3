// Other users of the machine and the real program: it runs none of their files, and their locks do not stop it.
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { skippableTest } from "../support/skippable.ts";
import { ExoipProcess } from "../support/process.ts";

/** Another user: nobody, on every system. */
const STRANGER = 65534;
const MISSING = Deno.build.os !== "linux"
  ? `needs Linux, this is ${Deno.build.os}`
  : Deno.uid() !== 0
  ? "needs root, to give files away"
  : null;
const WHERE = "-xi 198.51.100.50 -i 9b1e6f20-53c4-4a7d-8e2f-0a1b2c3d4e5f --zone ch-gva-2";

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "exoip-strangers-" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs in that folder; resolves to exit code and output. */
async function runIn(
  folder: string,
  args: string,
  env: Record<string, string> = {},
): Promise<{ code: number; output: string }> {
  const wrap = ["sh", "-c", 'cd "$0" && exec "$@"', folder];
  const process = new ExoipProcess(args.split(" "), { wrap, env });
  return { code: await process.ended(), output: process.output };
}

skippableTest(
  "a stranger's exoscale.toml in the current folder is not read, and named not used",
  MISSING,
  () =>
    inFolder(async (folder) => {
      await Deno.chmod(folder, 0o777);
      const path = `${folder}/exoscale.toml`, ran = `${folder}/ran`;
      const command = `["sh", "-c", "echo > ${ran}; echo secret"]`;
      await Deno.writeTextFile(path, `[[accounts]]\nkey = "EXOk"\nsecretCommand = ${command}\n`);
      for (const mode of ["-W -n -p 127.0.0.2", "-A --print-config", "-A", "-W --doctor"]) {
        const { code, output } = await runIn(folder, `${mode} ${WHERE}`, { HOME: "/nonexistent" });
        assertEquals(code, 1, output);
        assertMatch(output, /the API key is missing/);
      }
      const named = { EXOSCALE_CONFIG: path };
      const open = await runIn(folder, `-A ${WHERE}`, named);
      assertStringIncludes(open.output, `others may write to its folder ${folder} (mode 0777)`);
      await Deno.chmod(folder, 0o755);
      await Deno.chown(path, STRANGER, STRANGER);
      const foreign = await runIn(folder, `-A ${WHERE}`, named);
      assertStringIncludes(foreign.output, `it belongs to another user (${STRANGER})`);
      assertEquals([open.code, foreign.code], [1, 1]);
      // Ours, and named: even so, checking the configuration runs nothing.
      await Deno.chown(path, 0, 0);
      const look = await runIn(folder, `-W -n -p 127.0.0.2 ${WHERE}`, named);
      assertMatch(look.output, /secretCommand \(sh\) prints the secret: not run now/);
      assertEquals(look.code, 0, look.output);
      assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["exoscale.toml"]);
    }),
);
