// A lease in a real etcd, on separate machines: planned moves, a crash, a holder that stood still, and a late attach.
import { assert, assertEquals } from "@std/assert";
import { pause, until } from "../support/until.ts";
import { LEASE_MISSING, LONG_TTL_S, TTL_S, withLease } from "./lease_cluster.ts";
import { LONG_MS, roleOf } from "./network_cluster.ts";
import { networkTest } from "./requirements.ts";

const test = (name: string, body: () => Promise<void>) =>
  networkTest(name, body, { missing: LEASE_MISSING });

test("with a lease, a holder that stops hands over in the time of the cloud's calls", () =>
  withLease({}, async (cluster) => {
    await cluster.settle();
    const [one, two] = [cluster.nodes.node(1), cluster.nodes.node(2)];
    assertEquals(await cluster.owner(), one.instance.id);
    const stopMs = performance.now();
    one.process?.signal("SIGTERM");
    await cluster.holds(two);
    assertEquals(await one.process?.ended(), 0, "it hands over and ends");
    cluster.gap("planned move", stopMs, { maxMs: TTL_S * 1_000 });
    await until(async () => await cluster.owner() === two.instance.id, { title: "etcd agrees" });
    // The better one comes back, and takes it the same way.
    const backMs = performance.now();
    cluster.start(one);
    await cluster.holds(one);
    cluster.gap("better rank comes back", backMs, { maxMs: TTL_S * 1_000 });
    assertEquals(await cluster.owner(), one.instance.id);
  }));

test("with a lease, a crash costs the lease's time", () =>
  withLease({}, async (cluster) => {
    await cluster.settle();
    const [one, two] = [cluster.nodes.node(1), cluster.nodes.node(2)];
    const killMs = performance.now();
    await cluster.nodes.powerOff(one);
    await cluster.holds(two);
    const tookMs = performance.now() - killMs;
    cluster.gap(`crash, TTL ${TTL_S} s`, killMs, { maxMs: TTL_S * 2_000 });
    // The last renewal was sent up to a third of the time before.
    assert(tookMs > TTL_S * 1_000 * 0.5, "not before the lease has expired");
    one.process = null;
  }));

test("with a lease, a holder that stood still for longer comes back without the address", () =>
  withLease({}, async (cluster) => {
    await cluster.settle();
    const [one, two] = [cluster.nodes.node(1), cluster.nodes.node(2)];
    const stopMs = performance.now();
    one.process?.signal("SIGSTOP");
    await cluster.holds(two, "the next one has taken it");
    cluster.gap("the holder stands still", stopMs, { maxMs: TTL_S * 1_000 });
    await pause(TTL_S * 1_000);
    const { history } = cluster.nodes.server.model, before = history.length;
    one.process?.signal("SIGCONT");
    const knows = () => one.lines.some(({ text }) => text.includes("lease-lost"));
    await until(knows, { title: "it knows that it has lost the lease", withinMs: LONG_MS });
    // It ranks first, so it gets the address back, but only by a planned move.
    await cluster.holds(one, "the better one is back");
    await until(() => roleOf(one) === "best", { title: "it is master", withinMs: LONG_MS });
    const [next] = history.slice(before);
    assertEquals(next?.holders, [], "the other one lets go before it attaches");
    // The better one may learn of the release, and attach, before the answer is there that says so to the other one.
    const released = () => two.lines.some(({ text }) => text.includes("lease-released"));
    await until(released, { title: "by a planned move", withinMs: LONG_MS });
  }));

test("with a lease and --no-preempt, a holder that stood still for longer leaves it to the next one", () =>
  withLease({ count: 2, args: () => ["--no-preempt"] }, async (cluster) => {
    const [one, two] = [cluster.nodes.node(1), cluster.nodes.node(2)];
    cluster.start(one);
    await cluster.holds(one);
    cluster.start(two);
    const settled = () => roleOf(two) === "outranked";
    await until(settled, { title: "the next one is there", withinMs: LONG_MS });
    await pause(1_000);
    one.process?.signal("SIGSTOP");
    await cluster.holds(two, "the next one has taken it");
    await pause(TTL_S * 1_000);
    const { history } = cluster.nodes.server.model, before = history.length;
    one.process?.signal("SIGCONT");
    const defers = () => roleOf(one) === "deferring";
    await until(defers, { title: "the better one stands back", withinMs: LONG_MS });
    assertEquals(history.length, before, "nothing moved");
    assertEquals(await cluster.owner(), two.instance.id);
    const released = two.lines.filter(({ text }) => text.includes("lease-released"));
    assertEquals(released, [], "the next one keeps the lease");
    await cluster.nodes.powerOff(two);
    two.process = null;
    await cluster.holds(one, "it takes over when the next one is gone");
  }));

test("with a lease and --no-preempt, a better node that starts, or lost the holder for a while, takes nothing", () =>
  withLease({ count: 2, ttlS: LONG_TTL_S, args: () => ["--no-preempt"] }, async (cluster) => {
    const [one, two] = [cluster.nodes.node(1), cluster.nodes.node(2)];
    cluster.start(two);
    await cluster.holds(two);
    await pause(1_000);
    const { history } = cluster.nodes.server.model, before = history.length;
    cluster.start(one);
    const defers = () => roleOf(one) === "deferring";
    await until(defers, { title: "the better one stands back", withinMs: LONG_MS });
    await cluster.cut(one, cluster.peersOf(one));
    // Both, because each of them notices it by itself: the holder may do so later.
    const silent = () =>
      [one, two].every(({ lines }) => lines.some(({ text }) => text.includes("peer-dead")));
    await until(silent, { title: "they take each other for dead", withinMs: LONG_MS });
    await cluster.cut(one, cluster.peersOf(one), { heal: true });
    const again = () =>
      one.lines.filter(({ text }) => text.includes("peer-alive")).length > 1 &&
      two.lines.filter(({ text }) => text.includes("peer-alive")).length > 1;
    await until(again, { title: "they hear each other again", withinMs: LONG_MS });
    await pause((LONG_TTL_S + 2) * 1_000);
    assertEquals(history.length, before, "nothing moved");
    assertEquals(await cluster.owner(), two.instance.id);
  }));

test("with a lease, a holder that stood still changes nothing of a better one that took it meanwhile", () =>
  withLease({ ttlS: LONG_TTL_S }, async (cluster) => {
    const [one, two] = [cluster.nodes.node(1), cluster.nodes.node(2)];
    cluster.start(two);
    cluster.start(cluster.nodes.node(3));
    await cluster.holds(two);
    await pause(1_000);
    two.process?.signal("SIGSTOP");
    cluster.start(one);
    await cluster.holds(one, "the better one has taken it");
    await pause(TTL_S * 1_000);
    const { history } = cluster.nodes.server.model, before = history.length;
    const wakeMs = performance.now();
    two.process?.signal("SIGCONT");
    const knows = () => two.lines.some(({ text }) => text.includes("lease-lost"));
    await until(knows, { title: "it knows that it has lost the lease", withinMs: LONG_MS });
    await pause(2 * TTL_S * 1_000);
    assert(cluster.nodes.heldBy(one), `held by ${cluster.nodes.holders.join()}`);
    assertEquals(history.length, before, "the new holder keeps the address all the time");
    const asked = cluster.witness.changesBy(2, wakeMs).filter((what) => what.endsWith(":attach"));
    assertEquals(asked, [], "the old one does not even ask for the address");
    assertEquals(await cluster.owner(), one.instance.id);
  }));

test("with a lease, an attach that the cloud carries out after the lease is over is taken back", () =>
  // The new owner looks 3 s, 6 s and 14 s after its attach, which are 3 s apart while the late attach can show.
  withLease({ count: 2, twoMaxMs: 4_000 }, async (cluster) => {
    const [one, two] = [cluster.nodes.node(1), cluster.nodes.node(2)];
    const { server: { model }, address } = cluster.nodes, usualMs = model.operationMs;
    // It ends by hand: at a fixed time it could come before the next one holds.
    model.operationMs = 600_000;
    cluster.start(one);
    const { changes } = cluster.witness;
    await until(() => changes.length > 0, { title: "one attaches", withinMs: LONG_MS });
    cluster.start(two);
    await until(() => roleOf(two) !== "", { title: "the next one is there", withinMs: LONG_MS });
    await cluster.nodes.powerOff(one);
    model.operationMs = usualMs;
    await cluster.holds(two, "the next one holds before the late attach");
    model.change("attach", address, one.instance.id);
    assert(cluster.nodes.heldBy(one, two), "the late attach shows");
    await cluster.holds(two, "it is taken back");
    one.process = null;
  }));
