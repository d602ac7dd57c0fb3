// A lease in a real etcd without heartbeats (`--heartbeats none`): the nodes know of each other from etcd alone.
import { assert, assertEquals } from "@std/assert";
import type { ClusterNode } from "../support/cluster.ts";
import { pause, until } from "../support/until.ts";
import { LEASE_MISSING, type LeaseCluster, TTL_S, withLease } from "./lease_cluster.ts";
import { LONG_MS } from "./network_cluster.ts";
import { networkTest } from "./requirements.ts";
import { sideBySide } from "./side_by_side.ts";

type Run = (cluster: LeaseCluster) => Promise<void>;
/** What happens in each case, with one etcd or several. */
type Cases = Readonly<Record<string, Run | { readonly members: number; readonly run: Run }>>;

function test(name: string, cases: Cases): void {
  networkTest(name, (t) =>
    sideBySide(t, {
      cases: Object.keys(cases),
      run: (each) => {
        const what = cases[each]!;
        const { members, run } = typeof what === "function" ? { members: 1, run: what } : what;
        return withLease({ heartbeats: false, members }, async (cluster) => {
          await cluster.settle();
          await run(cluster);
        });
      },
    }), { missing: LEASE_MISSING });
}

/** Who held since that instant, in order. */
function heldSince({ nodes }: LeaseCluster, sinceMs: number): string[] {
  const name = (id: string) => nodes.nodes.find(({ instance }) => instance.id === id)?.name ?? id;
  return nodes.server.model.history.filter(({ atMs }) => atMs > sinceMs)
    .map(({ holders }) => holders.map(name).join("+") || "nobody");
}

async function says(node: ClusterNode, text: string): Promise<void> {
  const said = () => node.lines.some((line) => line.text.includes(text));
  await until(said, { title: `${node.name} says ${text}`, withinMs: LONG_MS });
}

test(
  "without heartbeats, a node that ends or dies is succeeded by the next one, and gets the address back",
  {
    "the holder is killed": async (cluster) => {
      const { nodes } = cluster;
      const [one, two] = [nodes.node(1), nodes.node(2)];
      const killMs = performance.now();
      nodes.crash(one);
      await cluster.holds(two);
      const tookMs = performance.now() - killMs;
      cluster.gap(`killed, TTL ${TTL_S} s`, killMs, { maxMs: 2 * TTL_S * 1_000 });
      // The last renewal was sent up to a third of the time before.
      assert(tookMs > TTL_S * 1_000 * 0.5, "not before the lease has expired");
      assertEquals(await cluster.owner(), two.instance.id);
      await one.process?.ended();
      const backMs = performance.now();
      cluster.start(one);
      await cluster.regains("the better one is back");
      cluster.gap("better rank comes back", backMs, { maxMs: TTL_S * 1_000 });
      assertEquals(heldSince(cluster, backMs), ["nobody", one.name], "by a planned move");
    },
    "the holder is stopped": async (cluster) => {
      const { nodes } = cluster;
      const [one, two] = [nodes.node(1), nodes.node(2)];
      const stopMs = performance.now();
      one.process?.signal("SIGTERM");
      await cluster.holds(two);
      assertEquals(await one.process?.ended(), 0, "it hands over and ends");
      cluster.gap("planned move", stopMs, { maxMs: TTL_S * 1_000 });
      assertEquals(heldSince(cluster, stopMs), ["nobody", two.name], "the best one at once");
      await until(async () => await cluster.owner() === two.instance.id, { title: "etcd agrees" });
      const backMs = performance.now();
      cluster.start(one);
      await cluster.regains("the better one is back");
      assertEquals(heldSince(cluster, backMs), ["nobody", one.name], "by a planned move");
    },
    "the holder stands still for longer than the lease": async (cluster) => {
      const { nodes } = cluster;
      const [one, two] = [nodes.node(1), nodes.node(2)];
      one.process?.signal("SIGSTOP");
      await cluster.holds(two, "the next one has taken it");
      await pause(TTL_S * 1_000);
      const wakeMs = performance.now();
      one.process?.signal("SIGCONT");
      await says(one, "lease-lost");
      await cluster.regains("the better one is back");
      assertEquals(heldSince(cluster, wakeMs), ["nobody", one.name], "by a planned move");
    },
    "with three etcds, the holder is killed while one is down": {
      members: 3,
      run: async (cluster) => {
        const { nodes, etcd } = cluster;
        const [one, two] = [nodes.node(1), nodes.node(2)];
        const leader = await etcd.leader();
        const downMs = performance.now();
        await leader.kill();
        await etcd.serves();
        await pause(2 * TTL_S * 1_000);
        // With a time as short as this one, the holder may lose its lease while etcd elects a leader, and gets it back.
        for (const holder of heldSince(cluster, downMs)) {
          assert(["nobody", one.name].includes(holder), `${holder} took it`);
        }
        await cluster.holds(one);
        const killMs = performance.now();
        nodes.crash(one);
        await cluster.holds(two);
        cluster.gap("killed, one etcd is down", killMs, { maxMs: 2 * TTL_S * 1_000 });
        assertEquals(await cluster.owner(), two.instance.id);
        await one.process?.ended();
        leader.start();
        cluster.start(one);
        await cluster.regains("the better one is back");
      },
    },
  },
);

test(
  "without heartbeats, a holder that is cut off is succeeded by the next one, and gets the address back",
  {
    "from etcd": async (cluster) => {
      const { nodes, witness } = cluster;
      const [one, two] = [nodes.node(1), nodes.node(2)];
      const cutMs = performance.now();
      await cluster.cut(one, cluster.stores);
      await cluster.holds(two);
      // It has no failsafe: it lets go itself, in time.
      assertEquals(heldSince(cluster, cutMs), ["nobody", two.name]);
      assert(witness.changesBy(1, cutMs).some((what) => what.endsWith(":detach")), "it lets go");
      cluster.gap("cut off from etcd", cutMs, { maxMs: 2 * TTL_S * 1_000 });
      assertEquals(await cluster.owner(), two.instance.id);
      await cluster.cut(one, cluster.stores, { heal: true });
      await cluster.regains();
    },
    "from the cloud": async (cluster) => {
      const { nodes } = cluster;
      const [one, two] = [nodes.node(1), nodes.node(2)];
      const cutMs = performance.now();
      await cluster.cut(one, cluster.cloud);
      await cluster.holds(two, "it gives the lease up to the next one");
      cluster.gap("cut off from the cloud", cutMs, { maxMs: TTL_S * 1_000 });
      assertEquals(await cluster.owner(), two.instance.id);
      await cluster.cut(one, cluster.cloud, { heal: true });
      await cluster.regains();
    },
    "with all others, from etcd": async (cluster) => {
      const { nodes } = cluster;
      const [one, two] = [nodes.node(1), nodes.node(2)];
      const cutMs = performance.now();
      for (const node of nodes.nodes) await cluster.cut(node, cluster.stores);
      await until(() => nodes.holders.length === 0, { title: "it lets go", withinMs: LONG_MS });
      await pause(2 * TTL_S * 1_000);
      assertEquals(heldSince(cluster, cutMs), ["nobody"], "nobody takes it without etcd");
      // The next one is back first.
      await cluster.cut(two, cluster.stores, { heal: true });
      await cluster.holds(two);
      for (const node of [one, nodes.node(3)]) {
        await cluster.cut(node, cluster.stores, { heal: true });
      }
      await cluster.regains();
    },
  },
);
