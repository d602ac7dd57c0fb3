// Networks that split between the nodes while every node still reaches the cloud, and heal. Packets are silently
// dropped: no node sees a link failure.
import { assert, assertEquals } from "@std/assert";
import { PATIENT } from "../support/cluster.ts";
import { pause, until } from "../support/until.ts";
import { LONG_MS, type NetworkCluster, roleOf, withCluster } from "./network_cluster.ts";
import { impair, netemMissing, networkTest } from "./requirements.ts";

/** How long the halves stay apart once both hold: several readings of the cloud, each a chance for a tug of war. */
const APART_MS = 12_000;

/** Cuts the two nodes apart, waits until one was evicted and holds again, lets some time pass, and heals. */
async function partAndHeal(cluster: NetworkCluster): Promise<void> {
  const { network, nodes } = cluster;
  const evictions = () =>
    nodes.flatMap(({ lines }) => lines.filter(({ text }) => text.includes("evicted:")));
  await Promise.all([network.block(1, 2), network.block(2, 1)]);
  const apart = () => evictions().length > 0 && cluster.heldBy(...nodes);
  await until(apart, { title: "the one that was relieved is back", withinMs: LONG_MS });
  await pause(APART_MS);
  assert(cluster.heldBy(...nodes), cluster.holders.join());
  assertEquals(evictions().length, 1, "no tug of war");
  await Promise.all([network.unblock(1, 2), network.unblock(2, 1)]);
}

networkTest(
  "two halves both hold; after the healing the better one keeps it, without a gap",
  () =>
    withCluster(PATIENT, async (cluster) => {
      const one = cluster.node(1);
      await cluster.settle();
      await partAndHeal(cluster);
      const healed = () => cluster.heldBy(one) && roleOf(one) === "best";
      await until(healed, { title: "the better one keeps it", withinMs: LONG_MS });
      assertEquals(cluster.gaps, []);
      assertEquals(cluster.ended, []);
    }),
);

networkTest(
  "two equal halves both hold, before, during and after",
  () =>
    withCluster(PATIENT, async (cluster) => {
      await cluster.settle({ equal: true });
      await partAndHeal(cluster);
      const healed = () => cluster.nodes.every((node) => roleOf(node) === "equal");
      await until(healed, { title: "both hear each other again", withinMs: LONG_MS });
      assert(cluster.heldBy(...cluster.nodes), cluster.holders.join());
      assertEquals(cluster.gaps, []);
      assertEquals(cluster.ended, []);
    }),
);

networkTest(
  "a backup that does not hear the master takes over, and gives it back on hearing it",
  () =>
    withCluster(PATIENT, async (cluster) => {
      const { network } = cluster, [one, two] = [cluster.node(1), cluster.node(2)];
      await cluster.settle();
      await network.block(1, 2);
      const changes = cluster.server.model.history.length;
      const both = () =>
        cluster.server.model.history.length >= changes + 3 && cluster.heldBy(one, two);
      await until(both, { title: "the master has taken its own hold back", withinMs: LONG_MS });
      await network.unblock(1, 2);
      const healed = () => cluster.heldBy(one) && roleOf(two) === "outranked";
      await until(healed, { title: "the better one keeps it", withinMs: LONG_MS });
      assertEquals(cluster.gaps, []);
      assertEquals(cluster.ended, []);
    }),
);

networkTest(
  "a master that does not hear the backup keeps the address, and nothing moves",
  () =>
    withCluster(PATIENT, async (cluster) => {
      const { network } = cluster, one = cluster.node(1);
      await cluster.settle();
      const changes = cluster.server.model.history.length;
      await network.block(2, 1);
      await until(() => roleOf(one) === "alone", {
        title: "the silence is noticed",
        withinMs: LONG_MS,
      });
      await network.unblock(2, 1);
      await until(() => roleOf(one) === "best", { title: "it is heard again", withinMs: LONG_MS });
      assert(cluster.heldBy(one), cluster.holders.join());
      assertEquals(cluster.server.model.history.length, changes);
      assertEquals(cluster.ended, []);
    }),
);

networkTest(
  "a master cut off from all others and not from the cloud goes on holding",
  () =>
    withCluster({ ...PATIENT, count: 3 }, async (cluster) => {
      const { network } = cluster, [one, two] = [cluster.node(1), cluster.node(2)];
      await cluster.settle();
      const cuts = [[1, 2], [2, 1], [1, 3], [3, 1]] as const;
      await Promise.all(cuts.map(([from, to]) => network.block(from, to)));
      const changes = cluster.server.model.history.length;
      const apart = () =>
        cluster.server.model.history.length >= changes + 3 && cluster.heldBy(one, two);
      await until(apart, { title: "the others have a holder, too", withinMs: LONG_MS });
      await Promise.all(cuts.map(([from, to]) => network.unblock(from, to)));
      const healed = () => cluster.heldBy(one) && roleOf(one) === "best";
      await until(healed, { title: "the better one keeps it", withinMs: LONG_MS });
      assertEquals(cluster.gaps, []);
      assertEquals(cluster.ended, []);
    }),
);

networkTest(
  "with late, reordered and lost heartbeats nothing moves",
  () =>
    withCluster(PATIENT, async (cluster) => {
      await cluster.settle({ args: ["-r", "20"] });
      const changes = cluster.server.model.history.length;
      for (const number of [1, 2]) {
        await impair(cluster.network, number, "delay 60ms 50ms loss 20%");
      }
      await pause(10_000);
      assertEquals(cluster.server.model.history.length, changes);
      assert(cluster.heldBy(cluster.node(1)), cluster.holders.join());
    }),
  { missing: await netemMissing() },
);
