// The limit on requests, in virtual time.
import { assert, assertEquals } from "@std/assert";
import fc from "../support/fast_check.ts";
import { RateLimiter } from "../../src/exoscale/rate_limiter.ts";
import { VirtualClock } from "../support/clock.ts";
import { PATIENT } from "../support/cloud/cloud_fixture.ts";

/** A request that is to start, and its fate. */
interface Arrival {
  readonly atMs: number;
  readonly writes: boolean;
  readonly tookMs: number;
  /** When the server sees it, as a share of its duration, 0 to 1. */
  readonly transit: number;
  /** It is given up without an answer. */
  readonly broken: boolean;
}

/** When it was let through. */
interface Start extends Arrival {
  readonly startedAtMs: number;
}

/** Starts in the order in which they were let through. */
async function startsOf(arrivals: readonly Arrival[]): Promise<Start[]> {
  const clock = new VirtualClock();
  const limiter = new RateLimiter(clock);
  const starts: Start[] = [];
  for (const arrival of arrivals) {
    const { atMs, writes, tookMs, broken } = arrival;
    const request = async () => {
      const settle = await limiter.turn(writes, PATIENT);
      starts.push({ ...arrival, startedAtMs: clock.nowMs() });
      await clock.sleep(tookMs);
      settle(broken ? "doubtful" : "answered");
    };
    clock.sleep(atMs).then(request);
  }
  await clock.idle();
  return starts;
}

/** The largest number of requests that a server sees within any window of one second. */
function busiestSecond(starts: readonly Start[], sinceMs = 0): number {
  const seen = starts.flatMap(({ startedAtMs, tookMs, transit, broken }) => {
    return broken ? [] : [startedAtMs + tookMs * transit];
  }).filter((atMs) => atMs >= sinceMs);
  const within = (fromMs: number) =>
    seen.filter((atMs) => atMs >= fromMs && atMs < fromMs + 1_000).length;
  return Math.max(0, ...seen.map(within));
}

const someArrivals = (fate: Partial<Record<keyof Arrival, fc.Arbitrary<unknown>>> = {}) =>
  fc.array(
    fc.record({
      atMs: fc.integer({ min: 0, max: 8_000 }),
      writes: fc.boolean(),
      tookMs: fc.nat(3_000),
      transit: fc.double({ min: 0, max: 1, noNaN: true }),
      broken: fc.boolean(),
      ...fate,
    }) as fc.Arbitrary<Arrival>,
    { maxLength: 40 },
  );
const answered = { broken: fc.constant(false) };

Deno.test("RateLimiter never lets a server see more than five requests in any second", async () => {
  await fc.assert(fc.asyncProperty(someArrivals(answered), async (arrivals) => {
    const starts = await startsOf(arrivals);
    assertEquals(starts.length, arrivals.length);
    assert(busiestSecond(starts) <= 5, "more than five in a second");
  }));
});

Deno.test("RateLimiter expects what was given up to arrive at any later time", async () => {
  const giveUp = { broken: fc.constant(true), tookMs: fc.constant(15_000), atMs: fc.nat(5_000) };
  await fc.assert(fc.asyncProperty(someArrivals(giveUp), fc.nat(60_000), async (arrivals, ms) => {
    const starts = await startsOf(arrivals);
    // Requests whose packets were lost arrive together when packets get through again.
    const lost = starts.slice(0, 5), others = starts.slice(5);
    const endMs = (lost.at(-1)?.startedAtMs ?? 0) + ms;
    const meanwhile = others.filter(({ startedAtMs }) =>
      startedAtMs > endMs - 1_000 && startedAtMs < endMs + 1_000
    );
    assert(lost.filter(({ startedAtMs }) => startedAtMs < 1_000).length <= 5);
    // Meanwhile one per second is let through.
    assert(meanwhile.length <= 2, `${meanwhile.length} beside ${lost.length}`);
  }));
});

Deno.test("RateLimiter lets everybody through, if one after the other", async () => {
  await fc.assert(fc.asyncProperty(someArrivals(), async (arrivals) => {
    const starts = await startsOf(arrivals);
    assertEquals(starts.length, arrivals.length);
    const lastMs = Math.max(0, ...arrivals.map(({ atMs }) => atMs));
    const endMs = Math.max(0, ...starts.map(({ startedAtMs }) => startedAtMs));
    const allMs = arrivals.reduce((sum, { tookMs }) => sum + tookMs + 1_100, 0);
    assert(endMs <= lastMs + allMs, `last start at ${endMs} ms`);
  }));
});

Deno.test("RateLimiter makes a change wait for no number of readings, only for an answer", async () => {
  const someReads = fc.array(fc.integer({ min: 0, max: 4_000 }), { maxLength: 40 });
  const property = fc.asyncProperty(
    someReads,
    fc.nat(4_000),
    fc.nat(50),
    async (readsAtMs, atMs, tookMs) => {
      const request = { tookMs, transit: 1, broken: false };
      const reads = readsAtMs.map((readAtMs) => ({ ...request, atMs: readAtMs, writes: false }));
      const starts = await startsOf([...reads, { ...request, atMs, writes: true }]);
      const startedAtMs = starts.find(({ writes }) => writes)?.startedAtMs ?? Infinity;
      assert(startedAtMs <= atMs + tookMs, `waited ${startedAtMs - atMs} ms`);
    },
  );
  await fc.assert(property);
});

Deno.test("RateLimiter lets four readings or five changes start in a second, and three or four without an answer", async () => {
  const many = (writes: boolean, tookMs: number): Arrival[] =>
    Array.from({ length: 6 }, () => ({ atMs: 0, writes, tookMs, transit: 1, broken: false }));
  const early = async (arrivals: Arrival[]) =>
    (await startsOf(arrivals)).filter(({ startedAtMs }) => startedAtMs <= 20).length;
  assertEquals(await early(many(false, 1)), 4);
  assertEquals(await early(many(true, 1)), 5);
  assertEquals(await early(many(false, 1_000)), 3);
  assertEquals(await early([...many(false, 1_000), ...many(true, 1_000)]), 4);
});

Deno.test("RateLimiter.inDoubt tells of a request that has had no answer for a while", async () => {
  const clock = new VirtualClock();
  const limiter = new RateLimiter(clock);
  const settle = await limiter.turn(false, PATIENT);
  assertEquals(limiter.inDoubt, false);
  clock.sleep(1_500);
  await clock.idle();
  assertEquals(limiter.inDoubt, true);
  settle("doubtful");
  assertEquals(limiter.inDoubt, false);
});

Deno.test("RateLimiter lets those who wait start in the order in which they came", async () => {
  const arrivals = Array.from({ length: 15 }, (_, number) => ({
    atMs: number,
    writes: false,
    tookMs: 5,
    transit: 1,
    broken: number % 4 === 0,
  }));
  const starts = await startsOf(arrivals);
  assertEquals(starts.map(({ atMs }) => atMs), arrivals.map(({ atMs }) => atMs));
});

Deno.test("RateLimiter holds up nobody who is told to end", async () => {
  const clock = new VirtualClock();
  const limiter = new RateLimiter(clock);
  for (let count = 0; count < 10; count++) await limiter.turn(false, AbortSignal.abort());
  assertEquals(clock.nowMs(), 0);
});
