// The limit on requests, in virtual time.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Pace } from "../src/exoscale/pace.ts";
import type { Clock } from "../src/world.ts";
import { PATIENT } from "./exoscale/stage.ts";

/** A request that wants to start. */
interface Arrival {
  readonly atMs: number;
  readonly writes: boolean;
}

/** When it was let through. */
interface Start extends Arrival {
  readonly startedAtMs: number;
}

/** Time that passes only when everybody sleeps. */
class VirtualClock implements Clock {
  #nowMs = 0;
  #sleepers: { atMs: number; wake: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#sleepers.push({ atMs: this.#nowMs + Math.max(ms, 0), wake: resolve });
    return promise;
  }

  /** Lets time pass until nobody sleeps any more. */
  async run(): Promise<void> {
    for (let turns = 0;; turns++) {
      assert(turns < 10_000, "somebody waits for ever");
      for (let settling = 0; settling < 20; settling++) await Promise.resolve();
      const next = this.#sleepers.reduce<{ atMs: number; wake: () => void } | null>(
        (first, sleeper) => first && first.atMs <= sleeper.atMs ? first : sleeper,
        null,
      );
      if (!next) return;
      this.#sleepers = this.#sleepers.filter((sleeper) => sleeper !== next);
      this.#nowMs = next.atMs;
      next.wake();
    }
  }
}

/** Starts in the order in which they were let through. */
async function startsOf(arrivals: readonly Arrival[]): Promise<Start[]> {
  const clock = new VirtualClock();
  const pace = new Pace(clock);
  const starts: Start[] = [];
  for (const arrival of arrivals) {
    clock.sleep(arrival.atMs)
      .then(() => pace.turn(arrival.writes, PATIENT))
      .then(() => starts.push({ ...arrival, startedAtMs: clock.nowMs() }));
  }
  await clock.run();
  return starts;
}

/** The largest number of starts within any window of one second. */
function busiestSecond(starts: readonly Start[]): number {
  return Math.max(
    0,
    ...starts.map(({ startedAtMs: fromMs }) =>
      starts.filter(({ startedAtMs }) => startedAtMs >= fromMs && startedAtMs < fromMs + 1_000)
        .length
    ),
  );
}

const someArrivals = fc.array(
  fc.record({ atMs: fc.integer({ min: 0, max: 8_000 }), writes: fc.boolean() }),
  { maxLength: 40 },
);

Deno.test("Pace.turn() never lets more than five start in any second", async () => {
  await fc.assert(fc.asyncProperty(someArrivals, async (arrivals) => {
    const starts = await startsOf(arrivals);
    assertEquals(starts.length, arrivals.length);
    assert(busiestSecond(starts) <= 5, "more than five in a second");
    const reads = starts.filter(({ writes }) => !writes);
    assert(busiestSecond(reads) <= 4, "more than four readings in a second");
  }));
});

Deno.test("Pace.turn() lets everybody through within the time that four a second take", async () => {
  await fc.assert(fc.asyncProperty(someArrivals, async (arrivals) => {
    const starts = await startsOf(arrivals);
    const lastMs = Math.max(0, ...arrivals.map(({ atMs }) => atMs));
    const endMs = Math.max(0, ...starts.map(({ startedAtMs }) => startedAtMs));
    assert(endMs <= lastMs + Math.ceil(arrivals.length / 4) * 1_100, `last start at ${endMs} ms`);
  }));
});

Deno.test("Pace.turn() makes a change wait for no number of readings", async () => {
  const someReads = fc.array(fc.integer({ min: 0, max: 4_000 }), { maxLength: 40 });
  const property = fc.asyncProperty(someReads, fc.nat(4_000), async (readsAtMs, atMs) => {
    const reads = readsAtMs.map((readAtMs) => ({ atMs: readAtMs, writes: false }));
    const starts = await startsOf([...reads, { atMs, writes: true }]);
    assertEquals(starts.find(({ writes }) => writes)?.startedAtMs, atMs);
  });
  await fc.assert(property);
});

Deno.test("Pace.turn() lets four readings and one change start at once, and the rest later", async () => {
  const many = (writes: boolean) => Array.from({ length: 6 }, () => ({ atMs: 0, writes }));
  const atOnce = async (arrivals: Arrival[]) =>
    (await startsOf(arrivals)).filter(({ startedAtMs }) => startedAtMs === 0).length;
  assertEquals(await atOnce(many(false)), 4);
  assertEquals(await atOnce(many(true)), 5);
  assertEquals(await atOnce([...many(false), ...many(true)]), 5);
});

Deno.test("Pace.turn() lets those who wait start in the order in which they came", async () => {
  const arrivals = Array.from({ length: 15 }, (_, number) => ({ atMs: number, writes: false }));
  const starts = await startsOf(arrivals);
  assertEquals(starts.map(({ atMs }) => atMs), arrivals.map(({ atMs }) => atMs));
});

Deno.test("Pace.turn() holds up nobody who is told to end", async () => {
  const clock = new VirtualClock();
  const pace = new Pace(clock);
  for (let count = 0; count < 10; count++) await pace.turn(false, AbortSignal.abort());
  assertEquals(clock.nowMs(), 0);
});
