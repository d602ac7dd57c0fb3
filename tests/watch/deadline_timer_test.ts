// The loop's timer: it fires at the instant that was set last, and measures its own lag.
import { assertEquals } from "@std/assert";
import { DeadlineTimer } from "../../src/watch/deadline_timer.ts";
import { VirtualClock } from "../support/clock.ts";

Deno.test("DeadlineTimer fires once, at the last instant that was set, and never after it is cancelled", async () => {
  const clock = new VirtualClock({ nowMs: 100 });
  const fired: number[] = [];
  const timer = new DeadlineTimer(clock, () => fired.push(clock.nowMs()));
  timer.set(150.2);
  timer.set(150.2);
  assertEquals(clock.sleptMs, [51], "one sleep, rounded up");
  timer.set(120);
  timer.set(Infinity);
  assertEquals(clock.sleeping, 0);
  timer.set(130);
  clock.skip(31);
  await clock.pass(0);
  assertEquals(fired, [131]);
  timer.set(140);
  timer.cancel();
  await clock.pass(1_000);
  assertEquals(fired, [131]);
});

Deno.test("DeadlineTimer tells how late it was, at worst, and how overdue it is", async () => {
  const clock = new VirtualClock({ nowMs: 100 });
  const timer = new DeadlineTimer(clock, () => {});
  assertEquals(timer.lag(100), {
    overdueMs: 0,
    lateMs: 0,
    lateAgeMs: null,
    worstLateMs: 0,
    worstLateAgeMs: null,
  });
  for (const [dueAtMs, wokenAtMs] of [[200, 207], [300, 302]] as const) {
    timer.set(dueAtMs);
    clock.skip(wokenAtMs - clock.nowMs());
    await clock.pass(0);
  }
  timer.set(400);
  assertEquals(timer.lag(399).overdueMs, 0);
  assertEquals(timer.lag(12_400), {
    overdueMs: 12_000,
    lateMs: 2,
    lateAgeMs: 12_098,
    worstLateMs: 7,
    worstLateAgeMs: 12_193,
  });
});
