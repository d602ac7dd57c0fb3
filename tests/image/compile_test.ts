// `deno task compile`: the same sources give the same bytes, and failures have clear messages.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { copy, sha256 } from "../../scripts/release/files.ts";
import { binaryName, hostTarget, VERSION } from "../../scripts/release/targets.ts";
import { run } from "./archive.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const host = hostTarget();

/** A copy of the sources without git, and the compiler in it. */
async function compile(
  folder: string,
  { args = [], env = {} }: { args?: readonly string[]; env?: Record<string, string> } = {},
): Promise<{ code: number; output: string }> {
  for (const name of ["main.ts", "src", "scripts", "deno.json", "deno.lock"]) {
    await copy(ROOT + name, `${folder}/${name}`);
  }
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", "scripts/release/compile.ts", ...args],
    cwd: folder,
    env: { NO_COLOR: "1", SOURCE_DATE_EPOCH: "1700000000", GIT_DIR: "/nonexistent", ...env },
  });
  const { code, stdout, stderr } = await command.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, output: text(stdout) + text(stderr) };
}

Deno.test({
  name: "the same sources give the same binary in any folder, without what only tests need",
  ignore: host === undefined,
  async fn(t) {
    const folder = await Deno.makeTempDir({ prefix: "exoip-twice-" });
    try {
      const names = ["one", "another-folder"].map((name) => `${folder}/${name}`);
      const sums: string[] = [];
      for (const name of names) {
        await Deno.mkdir(name);
        const { code, output } = await compile(name);
        if (code !== 0 && /Download|sending request/.test(output)) {
          // Only the attempt shows whether the runtime part is here or can be downloaded.
          const name = "skipped: Deno's runtime part cannot be downloaded here";
          await t.step({ name, ignore: true, fn: () => {} });
          return;
        }
        assertEquals(code, 0, output);
        assertStringIncludes(output, `exoip ${VERSION} (commit unknown)`);
        const path = `${name}/dist/${host ? binaryName(host) : ""}`;
        const binary = await Deno.readFile(path);
        sums.push(await sha256(binary));
        assertStringIncludes(await Deno.readTextFile(`${name}/dist/SHA256SUMS`), sums.at(-1) ?? "");
        assertMatch(await run(`${name}/dist/exoip`, ["-version"]), /^exoip \d/);
        const text = new TextDecoder("latin1").decode(binary.subarray(-8_000_000));
        assert(text.includes("smol-toml"), "what the program needs is inside");
        assert(!text.includes("fast-check"), "what only tests need is not");
      }
      assertEquals(sums[0], sums[1]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "without the right runtime part it says what is missing and what to do, and leaves nothing",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "exoip-never-" });
    try {
      const env = { DENORT_BIN: "/bin/true" };
      // Deno itself does not notice a runtime part for another processor.
      const other = Deno.build.arch === "x86_64" ? "linux-arm64" : "linux-x64";
      for (const args of [[], ["--target", other]]) {
        const { code, output } = await compile(folder, { args, env });
        assertEquals(code, 1, output);
        assertMatch(output, /^exoip for linux-\w+ was not built\./m);
        assertMatch(
          output,
          new RegExp(`denort-\\S+ of version ${Deno.version.deno.replaceAll(".", "\\.")}`),
        );
        assertStringIncludes(output, "DENORT_BIN=/path/to/denort");
        assert(!output.includes("Stack backtrace"), output);
      }
      const unknown = await compile(folder, { args: ["--target", "plan9"] });
      assertMatch(unknown.output, /no target plan9; there are: all, linux-x64/);
      assertEquals([...Deno.readDirSync(`${folder}/dist`)].map(({ name }) => name), []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
