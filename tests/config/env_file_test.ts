// The file of variables, by systemd's rules. tests/packaging/systemd_test.ts tests the same rows with a real systemd.
import { assert, assertEquals } from "@std/assert";
import fc from "../support/fast_check.ts";
import { parseEnvFile, PROBLEMS_MAX } from "../../src/config/env_file.ts";
import { quickestMs } from "../support/quickest.ts";
import { ENV_ROWS } from "./env_rows.ts";

/** Linear: some tens of milliseconds. It took minutes when each problem counted lines from the start. */
const LIMIT_MS = 5_000;

Deno.test("parseEnvFile() reads comments, quotes, continuations and blanks as systemd does", () => {
  for (const [text, variables] of ENV_ROWS) {
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
    'line 3: "export" is shell syntax: write NAME=value without it',
    `line 4: what stands before "=" is not a variable's name (letters, digits and _)`,
    `line 6: what stands before "=" is not a variable's name (letters, digits and _)`,
    "line 7: E: a quote is not closed",
  ]);
});

Deno.test("parseEnvFile() ends for any text, and gives back any value in double quotes", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void parseEnvFile(text)));
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (value) => {
    const written = value.replace(/\r\n?/g, "\n").replace(/["\\`$]/g, "\\$&");
    const { variables, problems } = parseEnvFile(`A="${written}"\n`);
    assertEquals([variables.A, problems], [value.replace(/\r\n?/g, "\n"), []]);
  }));
  const quotes = fc.string({
    unit: fc.constantFrom("'", '"', "\\", "\n", "=", "#", " ", "A", "\r"),
  });
  fc.assert(fc.property(quotes, (text) => assert(parseEnvFile(text) !== null)));
});

Deno.test("parseEnvFile() is done with a large file of anything at once, and stops after some problems", async () => {
  const size = 1024 * 1024;
  const pieces = [
    "x\n",
    "x=\n=\n",
    'a="\n',
    "a='b",
    "\\\n",
    "a=\\\n",
    "\n",
    "# c\n",
    " ",
    "=",
    '"',
    "a=b\n",
  ];
  for (const piece of pieces) {
    let count = 0;
    const bestMs = await quickestMs(LIMIT_MS, () => {
      count = parseEnvFile(piece.repeat(size / piece.length)).problems.length;
    });
    assert(bestMs < LIMIT_MS, `${bestMs} ms: ${JSON.stringify(piece)}`);
    assert(count <= PROBLEMS_MAX + 1, `${count}`);
  }
  const { problems } = parseEnvFile("x\n".repeat(30));
  assertEquals(problems.slice(-2), [
    'line 20: no "=", wanted NAME=value',
    "line 21: and more: the rest is not read",
  ]);
});
