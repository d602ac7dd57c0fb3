// Every kind of bad day of the cloud, for 20 s: while the nodes start, and while the master dies.
import { assert, assertEquals } from "@std/assert";
import { until } from "../e2e/cluster.ts";
import { FAULTS } from "../exoscale/server.ts";
import { LONG_MS, type NetworkCluster, pass, roleOf, withCluster } from "./network_cluster.ts";
import { networkTest } from "./requirements.ts";
import { sideBySide } from "./side_by_side.ts";

/** How long the cloud stays bad. */
const BAD_MS = 20_000;
/** Longest time until it has what it should have afterwards; a node may take a refusal for final for 30 s. */
const RECOVERY_MS = 120_000;
/** Requests of one node within one second. */
const CALLS_MAX = 5;
/** A dead time of 3 s: dozens of processes start at once, and none is to be taken for dead meanwhile. */
const OPTIONS = { interval: "0.5" };
const ARGS = ["-r", "6", "-v"];
/** What can go wrong on API v2; `deprecated` is an answer of API v1 only. */
const KINDS = FAULTS.filter((fault) => fault !== "deprecated");

function assertPaced(cluster: NetworkCluster): void {
  for (const node of cluster.nodes) {
    const busiest = cluster.busiestSecond(node);
    const list = busiest.map(({ atMs, method, what }) => `${atMs.toFixed(0)} ms ${method} ${what}`);
    assert(busiest.length <= CALLS_MAX, `${node.name} within one second: ${list.join(", ")}`);
  }
}

networkTest(
  "a cluster starts in a cloud that is bad for 20 s, whichever way",
  (t) =>
    sideBySide(t, {
      cases: KINDS,
      run: (fault) =>
        withCluster(OPTIONS, async (cluster) => {
          const [one, two] = [cluster.node(1), cluster.node(2)];
          cluster.server.fault = () => fault;
          cluster.start(one, { priority: 10, args: ARGS });
          cluster.start(two, { priority: 20, args: ARGS });
          await until(
            () => cluster.server.calls.length > 0,
            { title: "the first call", withinMs: LONG_MS },
          );
          await pass(BAD_MS);
          assertEquals(cluster.ended, [], "no process gives up");
          cluster.server.fault = () => null;
          const settled = () => cluster.heldBy(one) && roleOf(two) === "outranked";
          await until(settled, { title: "the better one holds", withinMs: RECOVERY_MS });
          assertEquals(cluster.ended, []);
          assertPaced(cluster);
        }),
    }),
);

networkTest("a master dies in a cloud that is bad for 20 s, whichever way", (t) =>
  sideBySide(t, {
    cases: KINDS,
    run: (fault) =>
      withCluster(OPTIONS, async (cluster) => {
        const [one, two] = [cluster.node(1), cluster.node(2)];
        await cluster.settle({ args: ARGS });
        cluster.server.fault = () => fault;
        cluster.crash(one);
        await pass(BAD_MS);
        assertEquals(cluster.ended, [one.name], "the other does not give up");
        cluster.server.fault = () => null;
        await until(() => cluster.heldBy(two), { title: "the other one", withinMs: RECOVERY_MS });
        assertEquals(cluster.ended, [one.name]);
        assertEquals(cluster.gaps.length, 1, "from the crash to the take-over, and none after it");
        assertPaced(cluster);
      }),
  }));
