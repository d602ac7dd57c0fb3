// Without a secret, anybody who can send from a peer's address can forge its heartbeats. The damage is bounded.
import { assert, assertEquals } from "@std/assert";
import fc from "../support/fast_check.ts";
import { play } from "../support/simulation/scenario.ts";

/** Dead time of the clusters here. */
const DEAD_MS = 3_000;
/** Time for the effects after the last forged heartbeat: its death, and the calls that attach again. */
const AFTERWARDS_MS = 10_000;
const BEGIN_MS = 60_000, END_MS = 400_000;

/** One forged heartbeat, or two in the names of both nodes at the same time. */
interface Forgery {
  readonly path: string;
  readonly afterMs: number;
  readonly priority: number;
  readonly holds: boolean;
  readonly both: boolean;
}

/** For how long no node held after the first hold, in ms; all nodes live all the time. */
function unheldMs(trace: readonly string[]): number {
  let sumMs = 0, sinceMs: number | null = null;
  for (const line of trace) {
    const [, at, holders] = /^([\d.]+)s cloud (.+)$/.exec(line) ?? [];
    if (at === undefined) continue;
    if (sinceMs !== null) sumMs += Number(at) * 1_000 - sinceMs;
    sinceMs = holders === "nobody" ? Number(at) * 1_000 : null;
  }
  return sumMs + (sinceMs === null ? 0 : END_MS - sinceMs);
}

/** Plays it; returns the number of forged heartbeats and the time without a holder. */
async function forge(cluster: string, forgeries: readonly Forgery[]) {
  let atMs = BEGIN_MS, count = 0;
  const lines = forgeries.flatMap(({ path, afterMs, priority, holds, both }) => {
    atMs += afterMs;
    const paths = both ? [path, path.split(">").reverse().join(">")] : [path];
    count += paths.length;
    return paths.map((each) => `forge ${each} P=${priority}${holds ? " holds" : ""} at ${atMs}ms`);
  });
  const { trace } = await play([cluster, ...lines, `run ${END_MS}ms`].join("\n"));
  return { count, unheldMs: unheldMs(trace), trace };
}

const BROKEN = "cluster a=10 b=20 c=30 interval=1s ratio=3\ncut a b at 20s\ncut a c at 20s";
const CLUSTERS = [BROKEN, "cluster a=10 b=10 c=20 interval=1s ratio=3"];

const forgery = fc.record({
  path: fc.constantFrom("a>b", "b>a", "a>c", "c>a", "b>c"),
  afterMs: fc.integer({ min: 100, max: 9_000 }),
  priority: fc.constantFrom(1, 20, 200),
  holds: fc.boolean(),
  both: fc.boolean(),
});
/** Several in a row in the same peer's name, close enough to count as one life. */
const burst = fc.tuple(
  forgery,
  fc.integer({ min: 1, max: 8 }),
  fc.integer({ min: 500, max: 2_900 }),
)
  .map(([first, count, afterMs]) =>
    Array.from({ length: count }, (_, at) => at === 0 ? first : { ...first, afterMs })
  );

Deno.test("n forged heartbeats leave nobody holding for n/2 dead times and ten seconds at most", async () => {
  const bursts = fc.array(burst, { minLength: 1, maxLength: 12 }).map((each) => each.flat());
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...CLUSTERS), bursts, async (cluster, forgeries) => {
      const { count, unheldMs, trace } = await forge(cluster, forgeries);
      assert(unheldMs <= count / 2 * DEAD_MS + AFTERWARDS_MS, trace.join("\n"));
    }),
    { numRuns: 60 },
  );
});

/** At most five, in the names of two nodes at once or of one alone. */
const few = fc.array(forgery, { minLength: 1, maxLength: 5 })
  .filter((each) => each.reduce((sum, { both }) => sum + (both ? 2 : 1), 0) <= 5);

Deno.test("five forged heartbeats cost at most an interval for each pair of them", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...CLUSTERS), few, async (cluster, forgeries) => {
      const { count, unheldMs, trace } = await forge(cluster, forgeries);
      // Two living nodes that hear each other may both give up, until the next real heartbeat.
      assert(unheldMs <= count / 2 * 1_100, trace.join("\n"));
    }),
    { numRuns: 60 },
  );
});

/** Whether an eviction came after the first forged heartbeat. */
function evictsLate(trace: readonly string[]): boolean {
  return trace.some((line) => parseFloat(line) * 1_000 >= BEGIN_MS && line.endsWith(" evicted"));
}

Deno.test("five forged heartbeats in the name of one node leave no moment without holder", async () => {
  const ofA = few.map((all) => all.map((each) => ({ ...each, path: "a>b", both: false })));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...CLUSTERS), ofA, async (cluster, forgeries) => {
      const { unheldMs, trace } = await forge(cluster, forgeries);
      assertEquals(unheldMs, 0, trace.join("\n"));
    }),
    { numRuns: 60 },
  );
});

/** One or two, and then a pause that ends the life. */
const moment = fc.tuple(forgery, fc.boolean(), fc.integer({ min: 1, max: DEAD_MS - 1 }))
  .map(([first, twice, pauseMs]) => {
    const one = { ...first, path: "a>b", both: false, afterMs: first.afterMs + DEAD_MS };
    return twice ? [one, { ...one, afterMs: pauseMs }] : [one];
  });

Deno.test("forged heartbeats of which no three are one life evict nobody, however many they are", async () => {
  const moments = fc.array(moment, { minLength: 1, maxLength: 25 }).map((each) => each.flat());
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...CLUSTERS), moments, async (cluster, forgeries) => {
      const { unheldMs, trace } = await forge(cluster, forgeries);
      assertEquals([unheldMs, evictsLate(trace)], [0, false], trace.join("\n"));
    }),
    { numRuns: 60 },
  );
});

/** Forged heartbeats that make lives of that many, with a pause after each. */
function livesOf(lives: ReadonlyArray<readonly [count: number, paceMs: number, restMs: number]>) {
  return lives.flatMap(([count, paceMs, restMs]) =>
    Array.from({ length: count }, (_, at): Forgery => ({
      path: "a>b",
      afterMs: at === 0 ? restMs : paceMs,
      priority: 200,
      holds: true,
      both: false,
    }))
  );
}

/** When b evicted the node whose heartbeats were forged. */
async function evictionsBy(forgeries: readonly Forgery[]): Promise<number[]> {
  const { trace } = await forge("cluster a=10 b=20 interval=1s ratio=3\ncut a b at 20s", forgeries);
  return trace.filter((line) => line.endsWith("b evicted")).map(parseFloat);
}

Deno.test("a forged life must last twice as long after each death, so evictions become rare", async () => {
  // Each is just long enough; in the pause, a notices that its hold is gone, and attaches again.
  const restMs = 40_000;
  const count = async (...paces: ReadonlyArray<readonly [count: number, paceMs: number]>) =>
    (await evictionsBy(livesOf(paces.map(([beats, paceMs]) => [beats, paceMs, restMs])))).length;
  assertEquals(await count([3, 1_000], [4, 2_000], [6, 2_400]), 4);
  assertEquals(await count([3, 1_000], [4, 2_000], [6, 2_399]), 3);
  assertEquals(await count([3, 1_000], [4, 1_999], [4, 1_999]), 2);
  assertEquals(await count([3, 749], [3, 749], [3, 749]), 1);
});

Deno.test("lives of six seconds open six evictions in five minutes, however many they are", async () => {
  const lives = Array.from({ length: 20 }, () => [4, 2_000, 10_000] as const);
  // A hold that is back within ten seconds of a death may be the dead node's: that causes two of the
  // evictions.
  assertEquals((await evictionsBy(livesOf(lives))).length, 6);
});
