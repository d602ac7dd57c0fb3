// What is sent under a lease expires by the cloud's clock, which only the `Date` of its answers tells, in whole seconds.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { CloudClock } from "../../src/exoscale/cloud_clock.ts";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import { VirtualClock } from "../support/clock.ts";

/** The cloud's clock is ahead of the monotonic one by this much, and of the wall clock by an hour. */
const AHEAD_MS = 1_900_000_000_300, WALL_MS = AHEAD_MS - 3_600_000;

/** Both clocks. */
function clocks({ answers = 1 }: { answers?: number } = {}) {
  const clock = new VirtualClock({ nowMs: 50_000, epochMs: WALL_MS }),
    cloud = new CloudClock(clock);
  const answer = (aheadMs = AHEAD_MS, tookMs = 20) => {
    const date = new Date(clock.nowMs() + aheadMs).toUTCString();
    cloud.note({ headers: new Headers({ date }), tookMs });
  };
  for (let count = 0; count < answers; count++) {
    if (count > 0) clock.skip(30_130);
    answer();
  }
  /** How much of a lease that was just renewed for ten seconds a cloud that counts in whole ones would still grant. */
  const grantedMs = (aheadMs = AHEAD_MS, renewedAtMs = clock.nowMs()) => {
    const span = { renewedAtMs, endsAtMs: renewedAtMs + 10_000 };
    return cloud.lastSecondOf(span) + 1_000 - aheadMs - renewedAtMs;
  };
  return { clock, answer, grantedMs, cloud };
}

function isLate(work: () => unknown, text: string): void {
  const error = assertThrows(work, CloudError, text);
  assertEquals([error.kind, error.retryable, error.mayArrive], ["late", true, false]);
}

Deno.test("the last second of a lease is never after its end, whatever our wall clock says", () => {
  for (let phaseMs = 0; phaseMs < 1_000; phaseMs += 37) {
    const { clock, answer, grantedMs } = clocks({ answers: 0 });
    clock.skip(phaseMs);
    answer();
    clock.skip(phaseMs * 2);
    const ms = grantedMs();
    assert(ms > 7_900 && ms <= 10_000, `${ms} ms at ${phaseMs} ms`);
  }
});

Deno.test("many answers tell the cloud's clock better than one", () => {
  const { clock, grantedMs } = clocks({ answers: 40 });
  const granted = Array.from({ length: 20 }, () => {
    clock.skip(50);
    return grantedMs();
  });
  assert(Math.min(...granted) > 8_800, `${granted}: hardly more than the rounding is lost`);
  assert(Math.max(...granted) <= 10_000, `${granted}`);
});

Deno.test("the last second of a lease is a whole one", () => {
  const { cloud, clock } = clocks();
  const span = { renewedAtMs: clock.nowMs(), endsAtMs: clock.nowMs() + 4_567 };
  assertEquals(cloud.lastSecondOf(span) % 1_000, 0);
});

Deno.test("a cloud that tells no time is taken to have ours", () => {
  const { grantedMs, cloud } = clocks({ answers: 0 });
  cloud.note({ headers: new Headers({ date: "soon" }), tookMs: 5 });
  cloud.note({ headers: new Headers(), tookMs: 5 });
  const ms = grantedMs(WALL_MS);
  assert(ms > 9_000 && ms <= 10_000, `${ms}`);
});

Deno.test("nothing is signed for a lease whose last second is over", () => {
  const { clock, grantedMs } = clocks();
  const renewedAtMs = clock.nowMs();
  clock.skip(9_900);
  isLate(() => grantedMs(AHEAD_MS, renewedAtMs), "the lease is over");
  isLate(() => grantedMs(AHEAD_MS, -Infinity), "the lease is over");
});

Deno.test("after our clock stood still, a lease that was renewed before is not trusted", () => {
  const { clock, answer, grantedMs } = clocks({ answers: 10 });
  const renewedAtMs = clock.nowMs(), sleptMs = 60_000;
  // Before any answer: the cloud counts as being where it was, so it refuses what is signed now.
  const ms = grantedMs(AHEAD_MS, renewedAtMs);
  assert(ms <= 10_000, `${ms}`);
  clock.skip(100);
  answer(AHEAD_MS + sleptMs);
  isLate(() => grantedMs(AHEAD_MS, renewedAtMs), "a clock jumped");
  clock.skip(10);
  const renewed = grantedMs(AHEAD_MS + sleptMs);
  assert(renewed > 7_900 && renewed <= 10_000, `${renewed}`);
});

Deno.test("a cloud whose clock was set back is believed at once", () => {
  const { answer, grantedMs } = clocks({ answers: 10 });
  answer(AHEAD_MS - 5_000);
  const ms = grantedMs(AHEAD_MS - 5_000);
  assert(ms > 7_900 && ms <= 10_000, `${ms}`);
});

Deno.test("servers whose clocks differ a little are no jump", () => {
  const { clock, answer, grantedMs } = clocks({ answers: 20 });
  for (let count = 0; count < 40; count++) {
    clock.skip(1_130);
    answer(AHEAD_MS + (count % 2) * 300);
    const ms = grantedMs(AHEAD_MS + 300);
    assert(ms > 8_000 && ms <= 10_000, `${ms}`);
  }
});

Deno.test("a clock that drifts from ours is followed", () => {
  const { clock, answer, grantedMs } = clocks({ answers: 5 });
  for (const rate of [3e-4, -3e-4]) {
    let aheadMs = AHEAD_MS;
    for (let count = 0; count < 2_000; count++) {
      clock.skip(30_130);
      aheadMs += 30_130 * rate;
      answer(aheadMs);
      const ms = grantedMs(aheadMs);
      assert(ms > 8_500 && ms <= 10_000, `${ms} after ${count} answers`);
    }
    clock.skip(3_600_000);
    answer();
  }
});

Deno.test("a short sleep, hidden by slow answers, does not make a lease last longer that was renewed before", () => {
  for (let sleptMs = 100; sleptMs <= 5_600; sleptMs += 100) {
    const { clock, answer, grantedMs } = clocks({ answers: 0 });
    answer(AHEAD_MS, 5_000);
    const renewedAtMs = clock.nowMs();
    clock.skip(300);
    answer(AHEAD_MS + sleptMs, 5_000);
    try {
      const ms = grantedMs(AHEAD_MS, renewedAtMs);
      assert(ms <= 10_000, `${ms} ms after ${sleptMs} ms`);
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
    }
    assert(grantedMs(AHEAD_MS + sleptMs) > 7_900, "but one that was renewed since does");
  }
});
