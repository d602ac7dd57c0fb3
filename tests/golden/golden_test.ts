// The command line as texts: the input, and all of its output. After an intended change:
// deno test --allow-all tests/golden -- --rewrite
import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Case, casesOf, outputOf, rewritten } from "./case.ts";

const FOLDER = new URL("./", import.meta.url);
const REWRITE = Deno.args.includes("--rewrite");

for (const { name } of [...Deno.readDirSync(FOLDER)].filter(({ name }) => name.endsWith(".txt"))) {
  const path = new URL(name, FOLDER), text = Deno.readTextFileSync(path);
  const outputs: string[][] = [];
  for (const each of casesOf(text)) {
    Deno.test(`${name}: ${each.title}`, async () => {
      const output = await outputOf(each);
      outputs.push(output);
      if (!REWRITE) assertEquals(output, [...each.output], "-- --rewrite writes it again");
      else if (outputs.length === casesOf(text).length) {
        Deno.writeTextFileSync(path, rewritten(text, outputs));
      }
    });
  }
}

Deno.test("a golden file is taken apart and put together again", () => {
  const text =
    "# A comment.\n\n== one\nenv A=b\n$ exoip -h\n> x\nexit 0\n\n== two\n$ exoip\nexit 2\n";
  const cases = casesOf(text);
  assertEquals(cases.map(({ title, input, output }) => [title, input, output]), [
    ["one", ["env A=b", "$ exoip -h"], ["> x", "exit 0"]],
    ["two", ["$ exoip"], ["exit 2"]],
  ]);
  assertEquals(rewritten(text, cases.map(({ output }) => output)), text);
  assert(rewritten(text, [["> y"], []]).includes("$ exoip -h\n> y\n\n== two\n$ exoip\n"));
});

Deno.test("a golden case that is no case is an error", async () => {
  assertThrows(() => casesOf("\n== one\n-h\n"), Error, "one: no line begins with");
  const odd: Case = { title: "odd", input: ["environment A=b", "$ exoip"], output: [] };
  const outcome = await outputOf(odd).catch((error) => error.message);
  assertEquals(outcome, 'odd: nobody understands "environment A=b"');
});
