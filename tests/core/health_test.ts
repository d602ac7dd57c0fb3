// The pure part of the checks: how many results in a row are needed, and the state before the first one.
import { assertEquals } from "@std/assert";
import fc from "../support/fast_check.ts";
import {
  type CheckState,
  type Health,
  noteResult,
  startHealth,
  unhealthyReasons,
} from "../../src/core/health.ts";
import { checkView } from "../../src/status/check_view.ts";

const SETTINGS = { rise: 2, fall: 3 };

/** One check after results, one per second: `+` is a success, `-` a failure. */
function after(results: string, settings = SETTINGS): Health {
  const start = startHealth(["one"], settings, { atMs: 0, graceMs: 500 });
  return [...results].reduce((health, sign, count) => {
    const result = { passing: sign === "+", reason: sign === "+" ? "" : "refused", tookMs: 3 };
    return noteResult(health, { index: 0, result, atMs: (count + 1) * 1_000 });
  }, start);
}

for (
  const [results, state, changedAtMs] of [
    ["", "pending", 0],
    ["+", "passing", 1_000],
    ["-", "failing", 1_000],
    ["+--", "passing", 1_000],
    ["+---", "failing", 4_000],
    ["+--+--", "passing", 1_000],
    ["+--+---", "failing", 7_000],
    ["-+", "failing", 1_000],
    ["-++", "passing", 3_000],
    ["-+-+", "failing", 1_000],
    ["-+-++", "passing", 5_000],
    ["-------", "failing", 1_000],
  ] as const
) {
  Deno.test(`a check with the results "${results}" is ${state} since ${changedAtMs} ms`, () => {
    const [check] = after(results).checks;
    assertEquals([check?.state, check?.changedAtMs], [state, changedAtMs]);
    assertEquals(check?.lastAtMs, results === "" ? null : results.length * 1_000);
  });
}

Deno.test("a check changes exactly when the last results all contradict it, whatever they were before", () => {
  const counts = fc.integer({ min: 1, max: 5 });
  const story = fc.string({ unit: fc.constantFrom("+", "-"), minLength: 1, maxLength: 40 });
  fc.assert(fc.property(counts, counts, story, (rise, fall, results) => {
    let expected: CheckState = results[0] === "+" ? "passing" : "failing";
    for (let end = 1; end <= results.length; end++) {
      const past = results.slice(0, end);
      if (expected === "passing" && past.endsWith("-".repeat(fall))) expected = "failing";
      else if (expected === "failing" && past.endsWith("+".repeat(rise))) expected = "passing";
      assertEquals(after(past, { rise, fall }).checks[0]?.state, expected, past);
    }
  }));
});

Deno.test("a node is healthy when all checks pass, and says which are not", () => {
  let health = startHealth(["one", "two"], SETTINGS, { atMs: 0, graceMs: 500 });
  const note = (index: number, reason: string, atMs: number) => {
    const result = { passing: reason === "", reason, tookMs: 1 };
    health = noteResult(health, { index, result, atMs });
  };
  assertEquals(unhealthyReasons(health, 499), []);
  assertEquals(unhealthyReasons(health, 500), ["one: no result yet", "two: no result yet"]);
  note(0, "", 600);
  assertEquals(unhealthyReasons(health, 600), ["two: no result yet"]);
  note(1, "refused", 700);
  assertEquals(unhealthyReasons(health, 700), ["two: refused"]);
  note(1, "", 800);
  assertEquals(unhealthyReasons(health, 800), ["two: refused"], "one success is not enough");
  note(1, "", 900);
  assertEquals(unhealthyReasons(health, 900), []);
});

Deno.test("startHealth() goes on with what is known of a check, and begins with the others", () => {
  const before = after("+--");
  const [one] = before.checks;
  const { checks } = startHealth(["two", "one"], SETTINGS, {
    atMs: 5_000,
    graceMs: 500,
    known: before.checks,
  });
  assertEquals(checks[1], one);
  assertEquals([checks[0]?.state, checks[0]?.changedAtMs], ["pending", 5_000]);
});

Deno.test("an operator is shown each check with its age, its last result and what is in a row", () => {
  const shown = (results: string) => {
    const [check] = after(results).checks;
    return check && checkView(check, 10_000);
  };
  assertEquals(shown(""), { name: "one", state: "pending", ageMs: null, reason: "" });
  assertEquals(shown("+"), { name: "one", state: "passing", ageMs: 9_000, reason: "passing" });
  const wavering = "refused (2 in a row)";
  assertEquals(shown("+--"), { name: "one", state: "passing", ageMs: 7_000, reason: wavering });
  assertEquals(shown("---+")?.reason, "passing (1 in a row)");
  assertEquals(shown("-"), { name: "one", state: "failing", ageMs: 9_000, reason: "refused" });
});
