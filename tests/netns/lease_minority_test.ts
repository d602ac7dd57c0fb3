// A lease in three real etcds, of which a node reaches only one: a part of the majority, or one that is cut off itself.
import { assert, assertEquals } from "@std/assert";
import { pause } from "../support/until.ts";
import { LEASE_MISSING, LONG_TTL_S, TTL_S, withLease } from "./lease_cluster.ts";
import { networkTest } from "./requirements.ts";

const test = (name: string, body: () => Promise<void>) =>
  networkTest(name, body, { missing: LEASE_MISSING });

test("with three etcds, a holder that reaches one of the majority keeps the address", () =>
  withLease({ members: 3, ttlS: LONG_TTL_S }, async (cluster) => {
    await cluster.settle();
    const one = cluster.nodes.node(1), sinceMs = performance.now();
    await cluster.cut(one, cluster.stores.slice(0, 2));
    await pause((LONG_TTL_S + 2) * 1_000);
    assert(cluster.nodes.heldBy(one), `held by ${cluster.nodes.holders.join()}`);
    assertEquals(cluster.unheldMs(sinceMs), 0);
    assertEquals(await cluster.owner(), one.instance.id);
  }));

test("with three etcds, a holder that reaches only a minority loses the address", () =>
  withLease({ members: 3 }, async (cluster) => {
    await cluster.settle();
    const [one, two] = [cluster.nodes.node(1), cluster.nodes.node(2)];
    // A site of its own: the node and one etcd, without a way to the others. It reaches the cloud.
    const others = [...cluster.stores.slice(0, 2), ...cluster.peersOf(one)];
    const cutMs = performance.now();
    await cluster.isolate(2);
    await cluster.cut(one, others);
    await cluster.holds(two);
    // If that etcd was the leader, the next leader gives every lease its whole time again.
    cluster.gap("cut off with a minority of etcd", cutMs, { maxMs: 2 * TTL_S * 1_000 });
    assertEquals(await cluster.owner(), two.instance.id);
    await pause(TTL_S * 1_000);
    assert(cluster.nodes.heldBy(two), "it does not come back");
    await cluster.isolate(2, { heal: true });
    await cluster.cut(one, others, { heal: true });
    await cluster.regains("the best node holds again");
  }));
