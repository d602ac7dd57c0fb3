// The loop's timer: it rings at the instant that was set last, and knows how well it kept it.
import { assertEquals } from "@std/assert";
import { DeadlineTimer } from "../../src/watch/deadline_timer.ts";
import type { Clock } from "../../src/world.ts";

/** A clock that a test moves; sleepers wake when it says so, however late that is. */
function handClock() {
  const sleepers: { ms: number; wake: () => void; signal: AbortSignal | undefined }[] = [];
  const state = { nowMs: 100 };
  const clock: Clock = {
    nowMs: () => state.nowMs,
    wallMs: () => state.nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        sleepers.push({ ms, wake: resolve, signal });
        signal?.addEventListener("abort", () => resolve());
      }),
  };
  return { state, clock, sleepers };
}

/** Lets what was woken run. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("Alarm rings once, at the last instant that was set, and never after it is cancelled", async () => {
  const { state, clock, sleepers } = handClock();
  const rung: number[] = [];
  const timer = new DeadlineTimer(clock, () => rung.push(state.nowMs));
  timer.set(150.2);
  timer.set(150.2);
  assertEquals(sleepers.map(({ ms }) => ms), [51], "one sleep, rounded up");
  timer.set(120);
  timer.set(Infinity);
  assertEquals(sleepers.map(({ signal }) => signal?.aborted), [true, true]);
  timer.set(130);
  state.nowMs = 131;
  sleepers.at(-1)?.wake();
  await settle();
  assertEquals(rung, [131]);
  timer.set(140);
  timer.cancel();
  sleepers.at(-1)?.wake();
  await settle();
  assertEquals(rung, [131]);
});

Deno.test("Alarm tells how late it was, at worst, and how overdue it is", async () => {
  const { state, clock, sleepers } = handClock();
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
    state.nowMs = wokenAtMs;
    sleepers.at(-1)?.wake();
    await settle();
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
