// Mutants tried in a copy of the tree, with a compiler and tests of its own.
import { assert, assertEquals } from "@std/assert";
import { Slot } from "../../scripts/mutate/slot.ts";
import { SMALL, tree } from "../support/small_tree.ts";

Deno.test("a slot distinguishes mutants that tests notice, that survive, and that hang", async () => {
  await using small = await tree(SMALL);
  await using slot = await Slot.of(small.root, small.paths);
  const text = SMALL["src/small.ts"];
  const stage = { name: "tests", files: ["tests/small_test.ts"], filter: null };
  const outcome = (before: string, after: string) => {
    const start = text.indexOf(before);
    const edit = { start, end: start + before.length, text: after };
    const mutant = { file: "src/small.ts", line: 0, before, after, edit };
    return slot.with(mutant, () => slot.run(stage, after === "at--" ? 1_500 : 60_000));
  };
  assertEquals(await outcome("count < 5", "count <= 5"), "failed");
  assertEquals(await outcome("at > 9", "at > 10"), "passed");
  assertEquals(await outcome("at++", "at--"), "hung");
  assertEquals(await slot.run(stage, 60_000), "passed", "the copy is as it was");
  assertEquals(Deno.readTextFileSync(`${small.root}/src/small.ts`), text);
  let message = "";
  await outcome("count < 5", "count < ;").catch((error) => message = `${error}`);
  assert(message !== "", "a mutant that is no program is a mistake of ours, and not noticed");
});

Deno.test("a slot notices mutants that the compiler refuses", async () => {
  const file = "src/small.ts", text = "export const first = (x: { y?: string }) => x.y?.length;\n";
  await using small = await tree({ [file]: text });
  await using slot = await Slot.of(small.root, small.paths);
  const compiles = (after: string) => {
    const start = text.indexOf("?.");
    const edit = { start, end: start + 2, text: after };
    return slot.with({ file, line: 1, before: "", after, edit }, () => slot.compiles(file));
  };
  assertEquals([await compiles("."), await compiles("!.")], [false, true]);
});
