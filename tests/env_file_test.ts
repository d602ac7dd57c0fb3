// The file of variables, by systemd's rules: the same lines are put before a real systemd where there is one.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseEnvFile } from "../src/env_file.ts";

/** Lines, and what they mean to systemd. */
const ROWS: ReadonlyArray<readonly [text: string, variables: Record<string, string>]> = [
  ["A=1\nB=two words\n", { A: "1", B: "two words" }],
  ["A=1", { A: "1" }],
  ["", {}],
  ["# comment\n; comment\n   # comment\n\nA=1\n", { A: "1" }],
  ["A=pa#ss;word # no comment\n", { A: "pa#ss;word # no comment" }],
  ["A=$B ${B} `b`\n", { A: "$B ${B} `b`" }],
  ["  A = 1  \n", { A: "1" }],
  ["A=\nB=\"\"\nC=''\n", { A: "", B: "", C: "" }],
  ['A="a \'b\' \\"c\\" \\\\ \\$d \\n"\n', { A: "a 'b' \"c\" \\ $d \\n" }],
  ["A='a \"b\" \\n'\n", { A: 'a "b" \\n' }],
  ['A="two\nlines"\nB=1\n', { A: "two\nlines", B: "1" }],
  ['A=\'x\'  \nB="x" "y" z\n', { A: "x", B: "xyz" }],
  ['A=x"y"\n', { A: 'x"y"' }],
  ["A=one \\\n  two\n", { A: "one   two" }],
  ["A=a\\b\\\\c\\ \n", { A: "ab\\c " }],
  ["A=1\nA=2\n", { A: "2" }],
  ["A=1\r\nB=2\r\n", { A: "1", B: "2" }],
  ["A=b=c=\n", { A: "b=c=" }],
  ["A=é\n", { A: "é" }],
];

Deno.test("parseEnvFile() reads comments, quotes, continuations and blanks as systemd does", () => {
  for (const [text, variables] of ROWS) {
    const file = parseEnvFile(text);
    assertEquals(file, { variables, problems: [] }, JSON.stringify(text));
  }
});

Deno.test("parseEnvFile() names each line that it cannot read, without showing it, and reads the others", () => {
  const { variables, problems } = parseEnvFile(
    "A=1\nsecret\nexport B=2\n=3\nC=4\n1D=5\nE='secret\nF=6\n",
  );
  assertEquals(variables, { A: "1", C: "4" });
  assertEquals(problems, [
    'line 2: no "=", wanted NAME=value',
    'line 3: no name of a variable before "="',
    'line 4: no name of a variable before "="',
    'line 6: no name of a variable before "="',
    "line 7: E: a quote is not closed",
  ]);
});

Deno.test("parseEnvFile() ends for any text, and gives back any value in double quotes", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void parseEnvFile(text)));
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (value) => {
    const written = value.replaceAll("\r\n", "\n").replace(/["\\`$]/g, "\\$&");
    const { variables, problems } = parseEnvFile(`A="${written}"\n`);
    assertEquals([variables.A, problems], [value.replaceAll("\r\n", "\n"), []]);
  }));
  const quotes = fc.string({
    unit: fc.constantFrom("'", '"', "\\", "\n", "=", "#", " ", "A", "\r"),
  });
  fc.assert(fc.property(quotes, (text) => assert(parseEnvFile(text) !== null)));
});
