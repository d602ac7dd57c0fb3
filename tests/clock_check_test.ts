// Whose time is near enough, by tables: our wall clock may jump, a peer's may not.
import { nextSequence } from "../src/watch/sender.ts";
import { assertEquals } from "@std/assert";
import { agree, agreedMs, aheadMs, clockOff, suspectedClock } from "../src/core/clock_check.ts";

const HOUR = 3_600_000;
/** Ten seconds after the start, at a known Unix time. */
const NOW = { nowMs: 10_000, wallMs: 1_900_000_000_000 };
const later = (ms: number, jumpMs = 0) => ({
  nowMs: NOW.nowMs + ms,
  wallMs: NOW.wallMs + ms + jumpMs,
});

Deno.test("a sender's time is refused when it is more than 60 s from ours, in either direction", () => {
  const rows = [[0, false], [60_000, false], [-60_000, false], [60_001, true], [-60_001, true]];
  for (const [ms, refused] of rows as [number, boolean][]) {
    assertEquals(clockOff(aheadMs(null, NOW.wallMs + ms, NOW)), refused, `${ms} ms`);
  }
});

Deno.test("a jump of our wall clock changes nothing once a peer has agreed with it", () => {
  const agreed = agree(null, NOW.wallMs + 5_000, NOW);
  for (const jumpMs of [HOUR, -HOUR]) {
    const after = later(20_000, jumpMs);
    const sentMs = NOW.wallMs + 20_000;
    assertEquals(clockOff(aheadMs(agreed, sentMs, after)), false, "the peer is heard");
    assertEquals(
      clockOff(aheadMs(null, sentMs, after)),
      true,
      "by one who has just started it is not",
    );
    assertEquals(agreedMs(agreed, after), sentMs, "and we tell the time that it knows");
    const then = agreedMs(agree(agreed, sentMs, after), after);
    assertEquals(Math.abs(then - sentMs), 20, "which stays agreed upon, but for 0.1 %");
  }
});

Deno.test("steps of our wall clock add up to nothing, nor does one that runs too fast", () => {
  let agreed = agree(null, NOW.wallMs, NOW);
  for (let second = 1; second <= 600; second++) {
    const instant = later(second * 1_000, Math.min(second, 300) * 1_000);
    const sentMs = NOW.wallMs + second * 1_000;
    assertEquals(clockOff(aheadMs(agreed, sentMs, instant)), false, `second ${second}`);
    agreed = agree(agreed, sentMs, instant);
  }
  const drifted = agreedMs(agreed, later(600_000)) - NOW.wallMs - 600_000;
  assertEquals(Math.round(drifted), 600);
});

Deno.test("a recording from an hour ago is none of now because our wall clock was set back", () => {
  const agreed = agree(null, NOW.wallMs, NOW), after = later(20_000, -HOUR);
  assertEquals(clockOff(aheadMs(agreed, after.wallMs, after)), true);
  assertEquals(agree(agreed, after.wallMs, after), agreed);
});

Deno.test("after a sleep, in which the monotonic clock stood still, a peer brings us to its time", () => {
  const agreed = agree(null, NOW.wallMs, NOW), after = later(20_000, HOUR);
  assertEquals(clockOff(aheadMs(agreed, after.wallMs, after)), false);
  assertEquals(agreedMs(agree(agreed, after.wallMs, after), after), after.wallMs);
});

Deno.test("nextSequence() rises, but gives up what a clock that was wrong at the start has told", () => {
  assertEquals([nextSequence(0, 1_000), nextSequence(1_000, 1_000)], [1_000, 1_001]);
  assertEquals(nextSequence(61_000, 1_000), 61_001);
  assertEquals(nextSequence(HOUR, 1_000), 1_000);
});

Deno.test("a peer whose own clock has jumped is refused, though it is known", () => {
  const agreed = agree(null, NOW.wallMs, NOW), after = later(1_000);
  assertEquals(clockOff(aheadMs(agreed, after.wallMs + HOUR, after)), true);
  assertEquals(agree(agreed, after.wallMs + HOUR, after), agreed);
});

Deno.test("suspectedClock() tells whose clock to look at", () => {
  const of = (ahead: Record<string, number>) => suspectedClock("a", new Map(Object.entries(ahead)));
  assertEquals(of({ a: 75_000 }), "either");
  assertEquals(of({ a: 75_000, b: 10, c: -20 }), "peer");
  assertEquals(of({ a: 75_000, b: 74_900, c: 75_300 }), "own");
  assertEquals(of({ a: 75_000, b: 74_900, c: 3 }), "either");
});
