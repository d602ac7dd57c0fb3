// Durations on the command line: the original's whole seconds, and the new forms.
import { assert, assertEquals } from "@std/assert";
import fc from "../support/fast_check.ts";
import { parseDuration } from "../../src/options/duration.ts";

Deno.test("parseDuration() reads seconds, and numbers with a unit, as milliseconds", () => {
  const rows: ReadonlyArray<readonly [text: string, ms: number]> = [
    ["0", 0],
    ["1", 1_000],
    ["0.2", 200],
    [".5", 500],
    ["2.", 2_000],
    ["+3", 3_000],
    ["-1", -1_000],
    ["200ms", 200],
    ["1s", 1_000],
    ["1.5s", 1_500],
    ["2m", 120_000],
    ["2min", 120_000],
    ["1h", 3_600_000],
    ["1d", 86_400_000],
  ];
  for (const [text, ms] of rows) assertEquals(parseDuration(text), ms, text);
});

Deno.test("parseDuration() refuses everything else", () => {
  const rows = [
    "",
    " ",
    ".",
    "s",
    "ms",
    "one",
    "1 s",
    " 1",
    "1\n",
    "1S",
    "1sec",
    "1m30s",
    "1e3",
    "0x10",
    "1,5",
    "NaN",
    "Infinity",
    "--1",
    "1s1",
    "1.2.3",
    "١",
  ];
  for (const text of rows) assertEquals(parseDuration(text), null, JSON.stringify(text));
});

Deno.test("parseDuration() reads back every whole number of milliseconds", () => {
  fc.assert(fc.property(fc.integer({ min: -1e9, max: 1e9 }), (ms) => {
    assertEquals(parseDuration(`${ms}ms`), ms === 0 ? 0 : ms);
  }));
});

Deno.test("parseDuration() returns a finite number or null for any text", () => {
  const digits = fc.string({ unit: fc.constantFrom(..."0123456789.+-smhd e") });
  fc.assert(fc.property(fc.oneof(digits, fc.string()), (text) => {
    const ms = parseDuration(text);
    assert(ms === null || !Number.isNaN(ms), `${JSON.stringify(text)} gave ${ms}`);
  }));
});
