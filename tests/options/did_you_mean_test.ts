// Which known word is close to a typo, and when there is no suggestion.
import { assert, assertEquals } from "@std/assert";
import fc from "../support/fast_check.ts";
import { didYouMean, distance, nearest } from "../../src/options/did_you_mean.ts";

const KNOWN = ["status", "stop", "check", "check-rise", "check-fall", "W", "v", "xi", "xk"];

Deno.test("nearest() finds what differs by case, by a few letters, or by a missing end", () => {
  const rows: ReadonlyArray<readonly [word: string, near: string | null]> = [
    ["stauts", "status"],
    ["statu", "status"],
    ["STATUS", "status"],
    ["check_rise", "check-rise"],
    ["check-r", "check-rise"],
    ["checks", "check"],
    ["w", "W"],
    ["V", "v"],
    // Two words are equally close, or equally long.
    ["check-", "check"],
    ["check-all", "check-fall"],
    ["xj", null],
    ["x", null],
    ["st", null],
    ["sta", "status"],
    ["frobnicate", null],
    ["", null],
  ];
  for (const [word, near] of rows) assertEquals([word, nearest(word, KNOWN)], [word, near]);
});

Deno.test("nearest() names none of several that are as near", () => {
  assertEquals(nearest("check-x", ["check-a", "check-b"]), null);
  assertEquals(nearest("che", ["check-a", "check-b"]), null);
});

Deno.test("didYouMean() writes the word as a user would", () => {
  assertEquals(
    didYouMean("stauts", KNOWN, (word) => `--${word}`),
    " (did you mean --status?)",
  );
  assertEquals(didYouMean("frobnicate", KNOWN), "");
});

Deno.test("distance() counts letters that are changed, added, left out or swapped", () => {
  const rows: ReadonlyArray<readonly [one: string, other: string, far: number]> = [
    ["status", "status", 0],
    ["stauts", "status", 1],
    ["statu", "status", 1],
    ["statuss", "status", 1],
    ["stabus", "status", 1],
    ["", "abc", 3],
    ["kitten", "sitting", 3],
  ];
  for (const [one, other, far] of rows) assertEquals([one, distance(one, other)], [one, far]);
});

Deno.test("distance() is the same both ways, and at most the longer length", () => {
  const word = fc.string({ maxLength: 20 });
  fc.assert(fc.property(word, word, (one, other) => {
    const far = distance(one, other);
    assertEquals(far, distance(other, one));
    assert(far <= Math.max(one.length, other.length));
    assertEquals(far === 0, one === other);
  }));
});
