// Restarts: how an update of the program or of the machines affects the address.
import { assertEquals } from "@std/assert";
import { PATIENT } from "../support/cluster.ts";
import { until } from "../support/until.ts";
import { hasRole, LONG_MS, roleOf, withCluster } from "./network_cluster.ts";
import { networkTest } from "./requirements.ts";

networkTest(
  "a master that is restarted within the dead time keeps the address, and nothing moves",
  () =>
    // A dead time of 10 s: even a start that takes seconds, on a busy machine, fits in.
    withCluster({ interval: "1" }, async (cluster) => {
      const [one, two] = [cluster.node(1), cluster.node(2)];
      const args = ["-r", "10"];
      await cluster.settle({ args });
      const changes = cluster.server.model.history.length;
      one.process?.signal("SIGKILL");
      await one.process?.ended();
      cluster.start(one, { priority: 10, args });
      await until(() => roleOf(one) === "best", { title: "it is master again", withinMs: LONG_MS });
      await hasRole(two, "outranked");
      assertEquals(two.lines.filter(({ text }) => text.includes("peer-dead")), []);
      assertEquals(cluster.server.model.history.length, changes, "nothing moved");
      assertEquals(cluster.holders, [one.name]);
    }),
);

for (const order of [[3, 2, 1], [1, 2, 3]]) {
  networkTest(
    `all nodes are restarted in the order ${order.join(", ")} without a gap`,
    () =>
      withCluster({ ...PATIENT, count: 3 }, async (cluster) => {
        await cluster.settle();
        for (const number of order) {
          const node = cluster.node(number);
          node.process?.signal("SIGTERM");
          assertEquals(await node.process?.ended(), 0, node.process?.output);
          assertEquals(cluster.holders, [number === 1 ? "node-2" : "node-1"]);
          cluster.start(node, { priority: 10 * number });
          const wanted = number === 1 ? "best" : "outranked";
          const settled = () => roleOf(node) === wanted && cluster.heldBy(cluster.node(1));
          await until(settled, { title: `${node.name} is back`, withinMs: LONG_MS });
        }
        assertEquals(cluster.gaps, []);
        assertEquals(cluster.ended, []);
      }),
  );
}
