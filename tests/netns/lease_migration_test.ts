// A running cluster gets a lease, in the order that docs/set-up/lease.md gives.
import { assert, assertEquals } from "@std/assert";
import { type ClusterNode, PATIENT } from "../support/cluster.ts";
import { until } from "../support/until.ts";
import { LEASE_MISSING, type LeaseCluster, TTL_S, withLease } from "./lease_cluster.ts";
import { LONG_MS, roleOf } from "./network_cluster.ts";
import { networkTest } from "./requirements.ts";

const test = (name: string, body: () => Promise<void>) =>
  networkTest(name, body, { missing: LEASE_MISSING });

/** Starts all nodes without a lease, and waits until the first one holds. */
async function startWithout({ nodes }: LeaseCluster): Promise<void> {
  for (const node of nodes.nodes) nodes.start(node, { priority: 10 * nodes.number(node) });
  const [first, ...others] = nodes.nodes;
  const settled = () =>
    nodes.heldBy(first!) && roleOf(first) === "best" &&
    others.every((node) => roleOf(node) === "outranked");
  await until(settled, { title: "the first node holds", withinMs: LONG_MS });
  await nodes.meet();
}

/** Stops a node and starts it with a lease. */
async function restart(cluster: LeaseCluster, node: ClusterNode): Promise<void> {
  node.process?.signal("SIGTERM");
  assertEquals(await node.process?.ended(), 0, `${node.name} hands over and ends`);
  cluster.start(node);
}

test("a cluster gets a lease with one gap, if its best node is the first that is restarted with it", () =>
  withLease({ ...PATIENT, mixed: true }, async (cluster) => {
    await startWithout(cluster);
    const { nodes } = cluster;
    const [one, two, three] = [nodes.node(1), nodes.node(2), nodes.node(3)];
    const startMs = performance.now();
    one.process?.signal("SIGTERM");
    await cluster.holds(two);
    assertEquals(await one.process?.ended(), 0);
    assertEquals(cluster.unheldMs(startMs), 0, "without a lease it hands over without a gap");
    const backMs = performance.now();
    cluster.start(one);
    await cluster.holds(one);
    const gapMs = cluster.unheldMs(backMs);
    console.log(`  to a lease: nobody held for ${gapMs.toFixed(0)} ms`);
    assert(gapMs > 0 && gapMs < TTL_S * 1_000, `nobody held for ${gapMs.toFixed(0)} ms`);
    assertEquals(await cluster.owner(), one.instance.id);
    const ownedMs = performance.now();
    for (const node of [two, three]) {
      await restart(cluster, node);
      await until(() => roleOf(node) === "outranked", { title: "it is back", withinMs: LONG_MS });
    }
    assert(nodes.heldBy(one));
    assertEquals(cluster.unheldMs(ownedMs), 0, "nothing moves");
  }));

test("a node whose store does not answer leaves the address with the nodes that have no lease yet", () =>
  withLease({ ...PATIENT, mixed: true }, async (cluster) => {
    await startWithout(cluster);
    const { nodes, etcd: { members: [member] } } = cluster;
    const [one, two] = [nodes.node(1), nodes.node(2)];
    await member!.kill();
    const startMs = performance.now();
    await restart(cluster, one);
    const told = () => one.process?.lines.some(({ text }) => text.includes("store-lost")) ?? false;
    await until(told, { title: "it misses the store", withinMs: LONG_MS });
    assert(nodes.heldBy(two), `held by ${nodes.holders.join()}`);
    assertEquals(cluster.unheldMs(startMs), 0);
    member!.start();
    await cluster.etcd.serves();
    await cluster.holds(one, "the best node holds, by the lease");
  }));
