// The steps of .ci/run, with real runs of `deno test`.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";

const STEP = new URL("../../.ci/step.sh", import.meta.url).pathname;

/** As the project's own: one within the other. */
const TASKS = { test: "deno task runner --parallel .", runner: "deno test --quiet --allow-all" };

/** Runs one step with the tests of `file` and sums up, as .ci/run does. */
async function stepWith(file: string): Promise<{ ok: boolean; lines: string[]; text: string }> {
  const folder = await Deno.makeTempDir({ prefix: "exoip-" });
  try {
    await Deno.writeTextFile(`${folder}/some_test.ts`, file);
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ tasks: TASKS }));
    const script = `source "$0"; step title "$1" task test; total`;
    const { success, stdout } = await new Deno.Command("bash", {
      args: ["-c", script, STEP, Deno.execPath()],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(stdout);
    return { ok: success, lines: text.trimEnd().split("\n"), text };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Tests that fail as often as they are told, each with a name that is no plain pattern. */
function failing(...times: number[]): string {
  return times.map((times, index) => `
    Deno.test("${index}: a (b)'s [c] costs 1.5 | 2 $?", async (t) => {
      await Deno.writeTextFile("runs-${index}", ".", { append: true });
      const runs = (await Deno.readTextFile("runs-${index}")).length;
      await t.step("a step", () => {
        if (runs <= ${times}) throw new Error("run " + runs + " of ${index} is bad");
      });
    });`).join("\n");
}

Deno.test({
  name: "a step counts its tests, and a good one is run once",
  ignore: Deno.build.os === "windows",
  async fn() {
    const { ok, lines, text } = await stepWith(failing(0, 0, 0));
    assert(ok);
    assertEquals(lines.at(-1), "3 passed, 0 failed");
    assertEquals(text.match(/ \| \d+ passed/g)?.length, 1, text);
  },
});

Deno.test({
  name: "a step tries what failed once more, alone, and tells of it at the end",
  ignore: Deno.build.os === "windows",
  async fn() {
    const { ok, lines, text } = await stepWith(failing(0, 1, 0, 1));
    assert(ok, text);
    assertEquals(lines.at(-1), "4 passed, 0 failed");
    const end = text.slice(text.indexOf('=== failed in "title"'));
    assertStringIncludes(end, "run 1 of 1 is bad");
    assertStringIncludes(end, "run 1 of 3 is bad");
    assertStringIncludes(end, '=== passed at the second attempt: 2 in "title"');
    assertStringIncludes(text, "ok | 2 passed (2 steps) | 0 failed | 2 filtered out");
  },
});

Deno.test({
  name: "a step fails if the second attempt does, and has none if too many fail",
  ignore: Deno.build.os === "windows",
  async fn() {
    const twice = await stepWith(failing(0, 2, 1));
    assert(!twice.ok);
    assertEquals(twice.lines.at(-1), "1 passed, 2 failed");
    assertStringIncludes(twice.text, "=== failed at the second attempt, too");
    assertStringIncludes(twice.text, "run 2 of 1 is bad");
    const many = await stepWith(failing(1, 1, 1, 1, 1, 1, 0));
    assert(!many.ok);
    assertEquals(many.lines.at(-1), "1 passed, 6 failed");
    assert(!many.text.includes("second attempt"), many.text);
  },
});

Deno.test({
  name: "a step fails with a test file that cannot be run",
  ignore: Deno.build.os === "windows",
  async fn() {
    const { ok, lines, text } = await stepWith(`Deno.test("a", () => {}); throw new Error("no");`);
    assert(!ok);
    assertEquals(lines.at(-1), "0 passed, 1 failed");
    assertStringIncludes(text, "Error: no");
  },
});
