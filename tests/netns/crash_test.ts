// Machines that die: alone, together, and for a while.
import { assertEquals } from "@std/assert";
import { until } from "../support/until.ts";
import { LONG_MS, roleOf, withCluster } from "./network_cluster.ts";
import { networkTest } from "./requirements.ts";

networkTest(
  "a master that crashes is relieved by the backup",
  () =>
    withCluster({}, async (cluster) => {
      const [one, two] = [cluster.node(1), cluster.node(2)];
      await cluster.settle();
      cluster.crash(one);
      await until(() => cluster.heldBy(two), { title: "the backup takes over", withinMs: LONG_MS });
      assertEquals(cluster.gaps.length, 1, "held again for good once the backup had attached it");
      assertEquals(cluster.gaps[0]?.toMs, cluster.server.model.history.at(-2)?.atMs);
    }),
);

networkTest(
  "a master without power is relieved, and takes the address back when it has booted",
  () =>
    withCluster({}, async (cluster) => {
      const [one, two] = [cluster.node(1), cluster.node(2)];
      await cluster.settle();
      await cluster.powerOff(one);
      await until(() => cluster.heldBy(two), { title: "the backup takes over", withinMs: LONG_MS });
      assertEquals(cluster.gaps.length, 1);
      await cluster.powerOn(one);
      cluster.start(one, { priority: 10 });
      await until(() => cluster.heldBy(one), {
        title: "the better one is back",
        withinMs: LONG_MS,
      });
      assertEquals(cluster.gaps.length, 1, "it comes back without a gap");
    }),
);

networkTest(
  "a master whose links go down and come up again is relieved, and comes back",
  () =>
    withCluster({}, async (cluster) => {
      const [one, two] = [cluster.node(1), cluster.node(2)];
      await cluster.settle();
      cluster.mark(one, "dead");
      await cluster.network.cables(1, "down");
      await until(() => cluster.heldBy(two), { title: "the backup takes over", withinMs: LONG_MS });
      await until(() => roleOf(one) === "cloud-unreachable", {
        title: "it sees its own state",
        withinMs: LONG_MS,
      });
      assertEquals(cluster.gaps.length, 1);
      await cluster.network.cables(1, "up");
      cluster.mark(one, "alive");
      const back = () => cluster.heldBy(one) && roleOf(two) === "outranked";
      await until(back, { title: "the better one is back", withinMs: LONG_MS });
      assertEquals(cluster.gaps.length, 1, "it comes back without a gap");
      assertEquals(cluster.ended, []);
    }),
);

networkTest(
  "of three nodes two die at once, and the third takes over",
  () =>
    withCluster({ count: 3 }, async (cluster) => {
      const [one, two, three] = [cluster.node(1), cluster.node(2), cluster.node(3)];
      await cluster.settle();
      cluster.crash(one);
      await cluster.powerOff(two);
      await until(() => cluster.heldBy(three), {
        title: "the third one has it",
        withinMs: LONG_MS,
      });
      assertEquals(cluster.gaps.length, 1);
      assertEquals(cluster.ended, [one.name, two.name]);
    }),
);
