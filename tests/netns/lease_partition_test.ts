// A lease in a real etcd: a node is cut off from etcd, from the cloud, from both, or from its peers.
import { assert, assertEquals } from "@std/assert";
import { pause, until } from "../support/until.ts";
import { LEASE_MISSING, LONG_TTL_S, TTL_S, withLease } from "./lease_cluster.ts";
import { LONG_MS, roleOf } from "./network_cluster.ts";
import { networkTest } from "./requirements.ts";

const test = (name: string, body: () => Promise<void>) =>
  networkTest(name, body, { missing: LEASE_MISSING });

test("with a lease, a holder that is cut off from etcd alone loses the address to the next node", () =>
  withLease({}, async (cluster) => {
    await cluster.settle();
    const [one, two] = [cluster.nodes.node(1), cluster.nodes.node(2)];
    const cutMs = performance.now();
    await cluster.cut(one, cluster.stores);
    await cluster.holds(two);
    cluster.gap("cut off from etcd", cutMs, { maxMs: TTL_S * 1_000 });
    assertEquals(await cluster.owner(), two.instance.id);
    await cluster.cut(one, cluster.stores, { heal: true });
    await cluster.regains();
  }));

test("with a lease, a holder that is cut off from the cloud alone gives the lease up", () =>
  withLease({}, async (cluster) => {
    await cluster.settle();
    const [one, two] = [cluster.nodes.node(1), cluster.nodes.node(2)];
    const cutMs = performance.now();
    await cluster.cut(one, cluster.cloud);
    await cluster.holds(two);
    cluster.gap("cut off from the cloud", cutMs, { maxMs: TTL_S * 1_000 });
    await cluster.cut(one, cluster.cloud, { heal: true });
    await cluster.regains();
  }));

test("with a lease, a holder that is cut off from everything loses the address within the lease", () =>
  withLease({}, async (cluster) => {
    await cluster.settle();
    const [one, two] = [cluster.nodes.node(1), cluster.nodes.node(2)];
    const all = [...cluster.stores, ...cluster.cloud, ...cluster.peersOf(one)];
    const cutMs = performance.now();
    // Nobody reaches it, whatever the cloud says.
    cluster.nodes.mark(one, "dead");
    await cluster.cut(one, all);
    await cluster.holds(two);
    cluster.gap("cut off from all", cutMs, { maxMs: 2 * TTL_S * 1_000 });
    await cluster.cut(one, all, { heal: true });
    cluster.nodes.mark(one, "alive");
    await cluster.regains();
  }));

test("with a lease, nodes that cannot hear each other never both hold", () =>
  withLease({ ttlS: LONG_TTL_S }, async (cluster) => {
    await cluster.settle();
    const [one, two] = [cluster.nodes.node(1), cluster.nodes.node(2)];
    await cluster.cut(one, cluster.peersOf(one));
    const wants = () => roleOf(two) === "lease-held";
    await until(wants, { title: "the next one waits for the lease", withinMs: LONG_MS });
    await pause((LONG_TTL_S + 2) * 1_000);
    assert(cluster.nodes.heldBy(one), `held by ${cluster.nodes.holders.join()}`);
    assertEquals(cluster.unheldMs(0), 0);
    await cluster.cut(one, cluster.peersOf(one), { heal: true });
    await cluster.regains();
  }));

test("with a lease, a holder that hears its peers and reaches nothing else loses the address", () =>
  withLease({}, async (cluster) => {
    await cluster.settle();
    const [one, two] = [cluster.nodes.node(1), cluster.nodes.node(2)];
    const both = [...cluster.stores, ...cluster.cloud];
    const cutMs = performance.now();
    await cluster.cut(one, both);
    await cluster.holds(two);
    cluster.gap("cut off from etcd and the cloud", cutMs, { maxMs: TTL_S * 1_000 });
    await cluster.cut(one, both, { heal: true });
    await cluster.regains();
  }));

test("with a lease, a holder that reaches only the cloud lets go before another one attaches", () =>
  withLease({}, async (cluster) => {
    await cluster.settle();
    const [one, two] = [cluster.nodes.node(1), cluster.nodes.node(2)];
    const all = [...cluster.stores, ...cluster.peersOf(one)];
    const cutMs = performance.now();
    await cluster.cut(one, all);
    await cluster.holds(two);
    cluster.gap("cut off from etcd and its peers", cutMs, { maxMs: TTL_S * 1_000 });
    const [first] = cluster.witness.changesBy(1, cutMs);
    assert(first?.endsWith(":detach"), "it detaches itself, though it reaches the cloud");
    await pause(TTL_S * 1_000);
    assert(cluster.nodes.heldBy(two), "it does not come back");
    await cluster.cut(one, all, { heal: true });
    await cluster.regains();
  }));

test("with a lease, a holder that reaches only etcd keeps the address", () =>
  withLease({ ttlS: LONG_TTL_S }, async (cluster) => {
    await cluster.settle();
    const one = cluster.nodes.node(1), two = cluster.nodes.node(2);
    const all = [...cluster.cloud, ...cluster.peersOf(one)];
    const cutMs = performance.now();
    await cluster.cut(one, all);
    const waits = () => roleOf(two) === "lease-held";
    await until(waits, { title: "the next one waits for the lease", withinMs: LONG_MS });
    await pause((LONG_TTL_S + 2) * 1_000);
    assert(cluster.nodes.heldBy(one), `held by ${cluster.nodes.holders.join()}`);
    cluster.gap("cut off from the cloud and its peers", cutMs, { maxMs: 0 });
    assertEquals(await cluster.owner(), one.instance.id);
    await cluster.cut(one, all, { heal: true });
    await cluster.regains();
  }));
