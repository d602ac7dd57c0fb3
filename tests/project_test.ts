// Promises of the repository itself: a pure core, and files short enough to read. tests/docs has those of the
// documents.
import { assert, assertEquals } from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";
import { encodeBase64 } from "@std/encoding/base64";
import { decodeHex, encodeHex } from "@std/encoding/hex";
import plugin from "../scripts/dev/lint_core.ts";
import { OPTIONS } from "../src/options/all.ts";
import { help } from "../src/commands/help.ts";

const ROOT = new URL("../", import.meta.url);

/** The purity rule's findings in a file. */
function complaints(file: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, file, source).map(({ message }) => message);
}

const IMPURE = [
  ["a clock", "export const now = performance.now();"],
  ["a wall clock", "export const now = Date.now();"],
  ["a date", "export const now = new Date();"],
  ["chance", "export const roll = Math.random();"],
  ["a timer", "setTimeout(() => {}, 1);"],
  ["the runtime", "export const pid = Deno.pid;"],
  ["waiting", "export async function f() { await g(); } declare function g(): unknown;"],
  ["an import from outside", 'import { x } from "../world.ts"; export const y = x;'],
  ["an import of a package", 'import { x } from "@std/log/logger"; export const y = x;'],
] as const;

for (const [what, source] of IMPURE) {
  Deno.test(`the lint rule core/pure refuses ${what} in src/core, and only there`, () => {
    assert(complaints("/project/src/core/sample.ts", source).length > 0);
    assertEquals(complaints("/project/src/host/sample.ts", source), []);
  });
}

Deno.test("the lint rule core/pure accepts what the core does", () => {
  const source = 'import { x } from "./peer.ts"; export const y = Math.min(x, 1);';
  assertEquals(complaints("/project/src/core/sample.ts", source), []);
});

Deno.test("-h all lists every option with its variables", () => {
  const text = help("all");
  for (const { name, variables } of OPTIONS) {
    assert(text.includes(`-${name}`), name);
    for (const variable of variables) assert(text.includes(variable), variable);
  }
});

Deno.test("source files are at most 500 lines long, lines at most 120 characters", () => {
  for (const path of [...sources("src"), ...sources("scripts")]) {
    const lines = Deno.readTextFileSync(path).split("\n");
    assert(lines.length <= 500, `${path}: ${lines.length} lines`);
    const long = lines.findIndex((line) => line.length > 120);
    assert(long < 0, `${path}:${long + 1} is longer than 120 characters`);
  }
});

Deno.test("property tests draw the same values in each run", () => {
  for (const path of sources("tests")) {
    if (!path.pathname.endsWith("_test.ts")) continue;
    assert(
      !/^import .* from "fast-check"/m.test(Deno.readTextFileSync(path)),
      `${path}: see fast_check.ts`,
    );
  }
});

Deno.test("every task that runs tests looks for leaks, and task test is a part of task test:all", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const running = Object.keys(tasks).filter((name) => tasks[name].includes("deno test "));
  assertEquals(running, ["runner"]);
  for (const kind of ["OPS", "RESOURCES"]) {
    assert(tasks.runner.includes(`DENO_TEST_SANITIZE_${kind}=1 `), kind);
  }
  const folders = (name: string) => /--ignore=(\S+)/.exec(tasks[name])?.[1]?.split(",") ?? [];
  const more = folders("test").filter((folder) => !folders("test:all").includes(folder));
  assertEquals(more, ["tests/ci", "tests/e2e", "tests/leases", "tests/page", "tests/slow"]);
  assertEquals(folders("test").slice(more.length), folders("test:all"));
});

Deno.test("parseArgs() behaves as the program relies on, whichever package it comes from", () => {
  const options = { string: ["xi", "p", "not-preempt", "W"], collect: ["p"] };
  const flags = [
    "--xi==1",
    "--xi==2",
    "--p==a",
    "--p==",
    "--p===b",
    "--not-preempt==true",
    "--W==x",
  ];
  const { _: _rest, ...parsed } = parseArgs(flags, options);
  assertEquals({ ...parsed }, { xi: "=2", p: ["=a", "=", "==b"], "not-preempt": "=true", W: "=x" });
  assertEquals({ ...parseArgs([], options) }.p, []);
});

Deno.test("the encodings behave as the program relies on, whichever package they come from", () => {
  assertEquals(encodeHex(Uint8Array.of(0, 15, 255)), "000fff");
  assertEquals(decodeHex("000FfF"), Uint8Array.of(0, 15, 255));
  assertEquals(encodeBase64(Uint8Array.of(251, 255).buffer), "+/8=");
  assertEquals(encodeBase64("Zürich"), "WsO8cmljaA==");
});

function* sources(folder: string): Generator<URL> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* sources(path);
    else if (name.endsWith(".ts")) yield new URL(path, ROOT);
  }
}
