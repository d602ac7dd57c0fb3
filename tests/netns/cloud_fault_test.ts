// Every fault of the cloud, for 20 s: while the nodes start, and while the master dies.
import { assert, assertEquals } from "@std/assert";
import { pause, until } from "../support/until.ts";
import { FAULTS } from "../support/cloud/server.ts";
import { LONG_MS, type NetworkCluster, roleOf, withCluster } from "./network_cluster.ts";
import { networkTest } from "./requirements.ts";
import { sideBySide } from "./side_by_side.ts";

/** Duration of the fault. */
const BAD_MS = 20_000;
/** Longest time until the expected state afterwards; a refusal is not retried for up to 30 s. */
const RECOVERY_MS = 120_000;
/**
 * At most five calls a second leave a node. They arrive less evenly when dozens of processes share a machine: this many
 * in that time prove that there were more, in a burst or on average.
 */
const TOO_MANY = [{ calls: 6, withinMs: 800 }, { calls: 26, withinMs: 5_000 }];
/** A dead time of 4 s: dozens of processes start at once, and none may count as dead meanwhile. */
const OPTIONS = { interval: "0.5" };
const ARGS = ["-r", "8", "-v"];
/** The faults of API v2 (only v1 answers `deprecated`), and no packet from the cloud at all. */
const KINDS = [...FAULTS.filter((fault) => fault !== "deprecated"), "silence"] as const;

networkTest("nodes start while the cloud is bad for 20 s, whichever way", (t) =>
  sideBySide(t, {
    cases: KINDS,
    run: (kind) =>
      withCluster(OPTIONS, async (cluster) => {
        const [one, two] = [cluster.node(1), cluster.node(2)];
        await spoil(cluster, kind);
        cluster.start(one, { priority: 10, args: ARGS });
        cluster.start(two, { priority: 20, args: ARGS });
        const watching = () => cluster.nodes.every(({ lines }) => lines.length > 0);
        await until(watching, { title: "both have started", withinMs: LONG_MS });
        await pause(BAD_MS);
        assertEquals(cluster.ended, [], "no process gives up");
        await mend(cluster, kind);
        const settled = () => cluster.heldBy(one) && roleOf(two) === "outranked";
        await until(settled, { title: "the better one holds", withinMs: RECOVERY_MS });
        assertEquals(cluster.ended, []);
        assertEquals(cluster.gaps, [], "whoever had it first, it is handed over without a gap");
        assertRateLimited(cluster);
      }),
  }));

networkTest("a master dies while the cloud is bad for 20 s, whichever way", (t) =>
  sideBySide(t, {
    cases: KINDS,
    run: (kind) =>
      withCluster(OPTIONS, async (cluster) => {
        const [one, two] = [cluster.node(1), cluster.node(2)];
        await cluster.settle({ args: ARGS });
        await spoil(cluster, kind);
        cluster.crash(one);
        await pause(BAD_MS);
        assertEquals(cluster.ended, [one.name], "the other does not give up");
        await mend(cluster, kind);
        await until(() => cluster.heldBy(two), { title: "the other one", withinMs: RECOVERY_MS });
        assertEquals(cluster.ended, [one.name]);
        assertEquals(cluster.gaps.length, 1, "from the crash to the take-over, and none after it");
        assertRateLimited(cluster);
      }),
  }));

async function spoil(cluster: NetworkCluster, kind: typeof KINDS[number]): Promise<void> {
  if (kind !== "silence") cluster.server.fault = () => kind;
  else for (const node of cluster.nodes) await cluster.network.blockCloud(cluster.number(node));
}

async function mend(cluster: NetworkCluster, kind: typeof KINDS[number]): Promise<void> {
  if (kind !== "silence") cluster.server.fault = () => null;
  else for (const node of cluster.nodes) await cluster.network.unblockCloud(cluster.number(node));
}

function assertRateLimited(cluster: NetworkCluster): void {
  for (const node of cluster.nodes) {
    for (const { calls, withinMs } of TOO_MANY) {
      const busiest = cluster.busiest(node, withinMs);
      const list = busiest.map(({ atMs, method, what }) => `${atMs | 0} ms ${method} ${what}`);
      assert(busiest.length < calls, `${node.name} within ${withinMs} ms: ${list.join(", ")}`);
    }
  }
}
