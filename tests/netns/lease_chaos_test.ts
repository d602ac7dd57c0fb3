// Random faults for a minute, many at once, while a witness reads from the cloud's own record who holds: never two
// nodes, and one after the last fault. CHAOS_MS changes the minute, CHAOS_SEED the faults.
import { assert } from "@std/assert";
import { messageOf } from "../../src/core/message_of.ts";
import { seededRandom } from "../support/simulation/prng.ts";
import { Chaos, CLOUD_MS } from "./chaos.ts";
import { LEASE_MISSING, type LeaseCluster, TTL_S, withLease } from "./lease_cluster.ts";
import { netemMissing, networkTest } from "./requirements.ts";
import { sideBySide } from "./side_by_side.ts";

const CHAOS_MS = Number(Deno.env.get("CHAOS_MS") ?? 60_000);
const SEED = Number(Deno.env.get("CHAOS_SEED") ?? "1");
/** Fewer changes of the holder would mean that the faults do not reach the cluster: one in this time. */
const CHANGE_MS = 20_000;
/** Whoever holds for that long has renewed the lease. */
const STEADY_MS = TTL_S * 1_000;

const KINDS = {
  "with heartbeats": { heartbeats: true, members: 1 },
  "without heartbeats, three etcds": { heartbeats: false, members: 3 },
} as const;

networkTest(
  `under random faults for ${CHAOS_MS / 1_000} s never do two nodes hold, and one holds afterwards`,
  (t) =>
    sideBySide(t, {
      cases: Object.keys(KINDS) as (keyof typeof KINDS)[],
      // The owners that etcd tells a test come late, or never, while etcd stands still: only the cloud's word counts.
      run: (kind) => withLease({ ...KINDS[kind], twoMaxMs: CLOUD_MS, forgets: true }, survives),
    }),
  { missing: LEASE_MISSING },
);

async function survives(cluster: LeaseCluster): Promise<void> {
  const netem = await netemMissing() === null;
  const chaos = new Chaos(cluster, { random: seededRandom(SEED), ms: CHAOS_MS, netem });
  const { history } = cluster.nodes.server.model;
  const never = () => {
    const twoMs = cluster.heldByTwoMs();
    assert(twoMs <= CLOUD_MS, `two nodes hold, for ${twoMs.toFixed(0)} ms by now`);
  };
  try {
    await cluster.settle();
    const before = history.length, startMs = performance.now();
    await chaos.run(never);
    const moves = history.length - before, unheldMs = cluster.unheldMs(startMs);
    await cluster.regains("the best node holds, and goes on", STEADY_MS);
    never();
    const gaps = `nobody held for ${(unheldMs / 1_000).toFixed(1)} s`;
    console.log(`  seed ${SEED}: ${chaos.count} faults, ${moves} changes of the holder, ${gaps}`);
    assert(moves >= Math.floor(CHAOS_MS / CHANGE_MS), `only ${moves} changes of the holders`);
  } catch (cause) {
    const again = `CHAOS_SEED=${SEED} CHAOS_MS=${CHAOS_MS} repeats the faults`;
    throw new Error(`${messageOf(cause)}; ${again}`, { cause });
  }
}
