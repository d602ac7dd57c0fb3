// A slow cloud, and a cloud that a single node cannot reach.
import { assertEquals } from "@std/assert";
import { PATIENT } from "../support/cluster.ts";
import { until } from "../support/until.ts";
import { LONG_MS, roleOf, withCluster } from "./network_cluster.ts";
import { networkTest } from "./requirements.ts";

for (const latencyMs of [200, 2_000]) {
  networkTest(
    `a cluster works with a cloud that answers after ${latencyMs} ms`,
    () =>
      withCluster(PATIENT, async (cluster) => {
        const [one, two] = [cluster.node(1), cluster.node(2)];
        cluster.server.latencyMs = latencyMs;
        await cluster.settle();

        one.process?.signal("SIGTERM");
        assertEquals(await one.process?.ended(), 0, one.process?.output);
        assertEquals(cluster.holders, [two.name]);
        cluster.start(one, { priority: 10 });
        const back = () => cluster.heldBy(one) && roleOf(one) === "best";
        await until(back, { title: "it has come back", withinMs: LONG_MS });
        assertEquals(cluster.gaps, [], "what is planned leaves no gap");

        cluster.crash(one);
        await until(() => cluster.heldBy(two), { title: "the other took over", withinMs: LONG_MS });
        assertEquals(cluster.gaps.length, 1);
        assertEquals(cluster.ended, [one.name]);
      }),
  );
}

networkTest(
  "a master that alone does not reach the cloud makes way, and comes back, without a gap",
  () =>
    withCluster(PATIENT, async (cluster) => {
      const [one, two] = [cluster.node(1), cluster.node(2)];
      await cluster.settle();
      await cluster.network.blockCloud(1);
      const away = () => roleOf(one) === "cloud-unreachable" && cluster.holders.includes(two.name);
      await until(away, { title: "the other one holds", withinMs: LONG_MS });
      await cluster.network.unblockCloud(1);
      const back = () => cluster.heldBy(one) && roleOf(two) === "outranked";
      await until(back, { title: "the better one is back", withinMs: LONG_MS });
      assertEquals(cluster.gaps, []);
      assertEquals(cluster.ended, []);
    }),
);
