// The mutants: found by syntax alone, sampled, tried in a copy of the tree.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { isOf, readAccepted, staleAmong } from "../../scripts/mutate/accepted.ts";
import { apply, findMutants } from "../../scripts/mutate/find.ts";
import { Imports, importsOf } from "../../scripts/mutate/notice.ts";
import plugin, { type Edit } from "../../scripts/mutate/points.ts";
import { choose } from "../../scripts/mutate/sample.ts";
import { SMALL, tree } from "../support/small_tree.ts";

/** The mutations of a source. */
function mutations(source: string): string[] {
  const reports = Deno.lint.runPlugin(plugin, "sample.ts", source);
  return reports.flatMap(({ message }) => {
    const edit: Edit | null = JSON.parse(message);
    return edit === null ? [] : apply(source, edit);
  });
}

const ROWS: ReadonlyArray<readonly [source: string, ...mutants: string[]]> = [
  ["a < b;", "a <= b;", "a >= b;"],
  ["a >= b;", "a > b;", "a < b;"],
  ["a === b;", "a !== b;"],
  ["a && b;", "a || b;"],
  ["(a) /* && */ && (b);", "(a) /* && */ || (b);"],
  ["a ?? b;", "(a);", "(b);"],
  ["a ?? null;", "(null);"],
  ["a + b - c * d;", "a + b + c * d;", "a - b - c * d;", "a + b - c / d;"],
  ["a += b;", "a -= b;"],
  ["!a;", "a;"],
  ["!(a && b);", "(a && b);", "!(a || b);"],
  ["-a;", "a;"],
  ["5;", "6;", "4;"],
  ["5_000;", "0;", "10000;"],
  ["0x0f;", "16;", "14;"],
  ["0.5;", "0;", "1;"],
  ["true;", "false;"],
  ["Math.min(a, b);", "Math.max(a, b);"],
  ["a.some(b);", "a.every(b);"],
  ["a?.b.c;", "a.b.c;"],
  ["a?.[b];", "a[b];"],
  ["if (a) b();", "if (true) b();", "if (false) b();"],
  ["a ? b : c;", "true ? b : c;", "false ? b : c;"],
  ["while (a) b();", "while (false) b();"],
  // Only executed code is changed, not texts, types, comments or names.
  ['"1 < 2" + a; `1 + ${b}`; // 1 < 2'],
  ["type A = -1 | 1 | true; let a: 0 | Array<false>; ({ 1: a });"],
  ["a.toString(); b.constructor();"],
];

for (const [source, ...expected] of ROWS) {
  Deno.test(`a mutant of ${source} is ${expected.join(" or ") || "none"}`, () => {
    assertEquals(mutations(source).sort(), expected.sort());
  });
}

Deno.test("findMutants() gives each change its place, and the line before and after", async () => {
  await using small = await tree(SMALL);
  const mutants = await findMutants(small.root, ["src/small.ts"]);
  const lines = mutants.map(({ line, before, after }) => `${line} ${before} -> ${after}`);
  assert(lines.includes("5 return count < 5; -> return count <= 5;"), lines.join("\n"));
  assert(lines.includes(
    "4 for (let at = 0; at < count; at++) if (at > 9) return false; -> " +
      "for (let at = 0; at < count; at++) if (at > 9) return true;",
  ));
  assert(mutants.every(({ line }) => line === 4 || line === 5));
  // The linter caches files without findings.
  assertEquals(await findMutants(small.root, ["src/small.ts"]), mutants);
});

Deno.test("findMutants() says why when a file cannot be parsed", async () => {
  await using broken = await tree({ "src/broken.ts": "export const a = ;" });
  let message = "";
  await findMutants(broken.root, ["src/broken.ts"]).catch((error) => message = `${error}`);
  assert(message.includes("deno lint cannot read the files"), message);
});

/** Mutants of which only the text counts. */
const some = (...texts: string[]) =>
  texts.map((after, line) => ({
    file: "src/core/a.ts",
    line,
    before: "a",
    after,
    edit: { start: 0, end: 0, text: after },
  }));

Deno.test("choose() makes the same choice each time, in order, and new mutants elsewhere do not change it", () => {
  const mutants = some(...Array.from({ length: 200 }, (_, index) => `b${index}`));
  const chosen = choose(mutants, { seed: 1, sample: 50 });
  assertEquals(chosen.length, 50);
  assertEquals(chosen, choose(mutants, { seed: 1, sample: 50 }));
  assertEquals(
    chosen.map(({ line }) => line),
    chosen.map(({ line }) => line).sort((a, b) => a - b),
  );
  assert(choose(mutants, { seed: 2, sample: 50 }).some((each) => !chosen.includes(each)));
  const more = [...some("new", "newer"), ...mutants];
  const again = choose(more, { seed: 1, sample: 50 });
  assert(again.filter((each) => chosen.includes(each)).length >= 48);
  assertEquals(choose(mutants, { seed: 1, sample: Infinity }), mutants);
});

Deno.test("readAccepted() reads files, changes and reasons, and refuses a change without a reason", () => {
  const list = readAccepted(`# Comment.

src/core/a.ts
- a
+ b
+ c
The reason
in two lines.
`);
  const reason = "The reason in two lines.";
  assertEquals(list, [
    { file: "src/core/a.ts", before: "a", after: "b", reason },
    { file: "src/core/a.ts", before: "a", after: "c", reason },
  ]);
  const [first, second] = some("b", "d");
  assert(first && second && list[0]);
  assertEquals([isOf(first, list[0]), isOf(second, list[0])], [true, false]);
  assertThrows(() => readAccepted("src/core/a.ts\n- a\n+ b\n"), Error, "src/core/a.ts");
  assertThrows(() => readAccepted("src/core/a.ts\nThe reason.\n"), Error, "src/core/a.ts");
});

Deno.test("staleAmong() finds the entries whose change, or whose file, is gone", () => {
  const entry = (file: string, before: string) => ({ file, before, after: "b();", reason: "r" });
  const there = entry("a.ts", "a();"),
    changed = entry("a.ts", "c();"),
    gone = entry("b.ts", "a();");
  const elsewhere = entry("c.ts", "a();");
  assertEquals(
    staleAmong([there, changed, gone, elsewhere], {
      mutants: [there],
      files: ["a.ts"],
      paths: ["a.ts", "c.ts"],
    }),
    [changed, gone],
  );
});

Deno.test("every accepted mutant exists", async () => {
  const list = new URL("../../scripts/mutate/accepted.txt", import.meta.url);
  const root = new URL("../../", import.meta.url).pathname.slice(0, -1);
  const accepted = readAccepted(Deno.readTextFileSync(list));
  const files = [...new Set(accepted.map(({ file }) => file))];
  const mutants = await findMutants(root, files);
  assertEquals(staleAmong(accepted, { mutants, files, paths: files }), []);
});

Deno.test("importsOf() leaves out imports that are only for types", () => {
  const source = `import { a, type B } from "./a.ts";
import type { C } from "./c.ts";
import { type D } from "../d.ts";
export {
  type E,
  f,
} from "../core/e.ts";
import { x } from "@std/x";
`;
  assertEquals(importsOf("src/core/main.ts", source), ["src/core/a.ts", "src/core/e.ts"]);
});

Deno.test("a change in a file is tried on the tests that import it first, and on those that do so through its floor", async () => {
  const part = (name: string) => `import { ${name} } from "./${name}.ts";\n`;
  await using small = await tree({
    "src/core/a.ts": "export const a = 1;\n",
    "src/core/b.ts": part("a"),
    "src/host/host.ts": 'import { b } from "./core/b.ts";\n',
    "tests/a_test.ts": 'import { a } from "../src/core/a.ts";\n',
    "tests/helper.ts": 'import { b } from "../src/core/b.ts";\n',
    "tests/b_test.ts": 'import { b } from "./helper.ts";\n',
    "tests/host_test.ts": 'import { host } from "../../src/host/host.ts";\n',
    "tests/simulation/simulation_test.ts": 'import { b } from "../helper.ts";\n',
    "tests/e2e/a_test.ts": 'import { a } from "../../src/core/a.ts";\n',
  });
  const stages = new Imports(small.root, small.paths).stagesFor("src/core/a.ts");
  assertEquals(stages.map(({ files }) => files), [
    ["tests/a_test.ts"],
    ["tests/b_test.ts"],
    ["tests/simulation/simulation_test.ts"],
  ]);
});
