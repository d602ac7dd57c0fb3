// Without a secret anybody who can send from a peer's address can speak for it. What that costs has a bound.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { play } from "../simulation/scenario.ts";

/** Of the clusters here. */
const DEAD_MS = 3_000;
/** Time for what goes on after the last forged heartbeat: its death, and the calls that put a hold back. */
const AFTERWARDS_MS = 10_000;
const BEGIN_MS = 60_000, END_MS = 400_000;

/** One heartbeat, or two in the names of both at the same time. */
interface Forgery {
  readonly path: string;
  readonly afterMs: number;
  readonly priority: number;
  readonly holds: boolean;
  readonly both: boolean;
}

/** For how long no node held after the first one had, in ms; all nodes live all the time. */
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

/** Plays it; the number of forged heartbeats and the time without holder. */
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
/** Several in a row that speak for the same peer, as close as they must be to count as one life. */
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
      // Two that live and hear each other may both give up, until the next true heartbeat.
      assert(unheldMs <= count / 2 * 1_100, trace.join("\n"));
    }),
    { numRuns: 60 },
  );
});

Deno.test("five forged heartbeats in the name of one node leave no moment without holder", async () => {
  const ofA = few.map((all) => all.map((each) => ({ ...each, path: "a>b", both: false })));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...CLUSTERS), ofA, async (cluster, forgeries) => {
      const { unheldMs, trace } = await forge(cluster, forgeries);
      assertEquals(unheldMs, 0, trace.join("\n"));
      // What was silent for long before that is not evicted once more.
      const late = trace.filter((line) => parseFloat(line) * 1_000 >= BEGIN_MS);
      assert(!late.some((line) => line.endsWith(" evicted")), trace.join("\n"));
    }),
    { numRuns: 60 },
  );
});

Deno.test("a forged life must last twice as long after each death, so evictions become rare", async () => {
  // Six seconds of life, then time to die: after two deaths that is too short.
  const lives = Array.from({ length: 80 }, (_, at): Forgery => ({
    path: "a>b",
    afterMs: at % 4 === 0 ? 10_000 : 2_000,
    priority: 200,
    holds: true,
    both: false,
  }));
  const { trace } = await forge("cluster a=10 b=20 interval=1s ratio=3\ncut a b at 20s", lives);
  const evictions = trace.filter((line) => line.endsWith("b evicted")).length;
  assertEquals(evictions, 2, trace.join("\n"));
});
