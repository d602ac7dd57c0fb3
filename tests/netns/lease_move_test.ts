// A lease in a real etcd, on separate machines: planned moves, a crash, and a holder that stood still.
import { assert, assertEquals } from "@std/assert";
import { pause, until } from "../support/until.ts";
import { LEASE_MISSING, TTL_S, withLease } from "./lease_cluster.ts";
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
    const gapMs = cluster.unheldMs(stopMs);
    console.log(`  planned move: nobody held for ${gapMs.toFixed(0)} ms`);
    assert(gapMs < TTL_S * 1_000, `nobody held for ${gapMs} ms`);
    await until(async () => await cluster.owner() === two.instance.id, { title: "etcd agrees" });
    // The better one comes back, and takes it the same way.
    const backMs = performance.now();
    cluster.start(one);
    await cluster.holds(one);
    console.log(
      `  better rank comes back: nobody held for ${cluster.unheldMs(backMs).toFixed(0)} ms`,
    );
    assert(cluster.unheldMs(backMs) < TTL_S * 1_000);
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
    console.log(`  crash, TTL ${TTL_S} s: moved after ${(tookMs / 1_000).toFixed(1)} s`);
    // The last renewal was sent up to a third of the time before.
    assert(tookMs > TTL_S * 1_000 * 0.5, "not before the lease has expired");
    one.process = null;
  }));

test("with a lease, a holder that stood still for longer comes back without the address", () =>
  withLease({}, async (cluster) => {
    await cluster.settle();
    const [one, two] = [cluster.nodes.node(1), cluster.nodes.node(2)];
    one.process?.signal("SIGSTOP");
    await cluster.holds(two, "the next one has taken it");
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
    assert(two.lines.some(({ text }) => text.includes("lease-released")), "by a planned move");
  }));
