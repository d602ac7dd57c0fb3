// Markdown to roff: what the manual pages need, and errors for the rest.
import { assertEquals, assertThrows } from "@std/assert";
import { prose, roff, roffOf, sectionOf, sectionsOf } from "../../scripts/docs/roff.ts";

const ROWS: ReadonlyArray<readonly [what: string, markdown: string, roff: readonly string[]]> = [
  ["a paragraph, one line for each sentence", "One two\nthree. Four.", [
    ".PP",
    "One two three.",
    "Four.",
  ]],
  ["code, strong words, emphasis", "`-W`, **one-two** and *n*/2.", [
    ".PP",
    "\\fB\\-W\\fR, \\fBone\\-two\\fR and \\fIn\\fR/2.",
  ]],
  ["a link as its text", "See [the `-p` page](x.md#y).", [".PP", "See the \\fB\\-p\\fR page."]],
  ["what would be a request", ".TH is none.\n\n'x", [".PP", "\\&.TH is none.", ".PP", "\\&'x"]],
  ["letters beyond ASCII", "− 1 × 2", [".PP", "\\[u2212] 1 \\[u00D7] 2"]],
  ["a list", "- one\n  more\n- two", [".IP \\(bu 4", "one more", ".IP \\(bu 4", "two"]],
  ["a numbered list", "1. one\n2. two", [".IP 1. 4", "one", ".IP 2. 4", "two"]],
  ["a table of two columns", "| A | B |\n| - | - |\n| `x\\|y` | z. |", [
    ".TP",
    "\\fBx|y\\fR",
    "z.",
  ]],
  ["a table of more", "| A | B | C |\n| - | - | - |\n| a | b | – |", [".TP", "\\fBa\\fR", "B: b"]],
  ["a fence", "```sh\n.x -y\n\n# z\n```", [
    ...[".PP", ".RS 4", ".nf", "\\&.x \\-y", "", "# z", ".fi", ".RE"],
  ]],
  ["no comments", "<!-- x -->", []],
];

for (const [what, markdown, lines] of ROWS) {
  Deno.test(`roffOf() writes ${what}`, () => {
    assertEquals(roffOf({ lines: markdown.split("\n") }), lines);
  });
}

Deno.test("roffOf() refuses what it does not know", () => {
  for (const text of ["> quoted", "<picture>", "- one\n    - nested"]) {
    assertThrows(() => roffOf({ lines: text.split("\n") }), Error, "no roff for");
  }
});

Deno.test("sectionsOf() takes no comment of a fence for a heading, and sectionOf() wants one that is there", () => {
  const page = "# A\n\n```sh\n# x\n```\n\n## `B` c\ntext";
  assertEquals(sectionsOf(page).map(({ title, level }) => [title, level]), [["A", 1], ["B c", 2]]);
  assertEquals(sectionOf(page, "B c").lines, ["text"]);
  assertThrows(() => sectionOf(page, "D"), Error, 'no section "D"');
});

Deno.test("roff() and prose() keep backslashes and dashes", () => {
  assertEquals(roff("a\\b --c"), "a\\eb \\-\\-c");
  assertEquals(prose("`\\n` and more."), ["\\fB\\en\\fR and more."]);
});
