// Two machines, two Elastic IPs, each machine the other's backup: the README's example, with real processes.
import { assert, assertEquals } from "@std/assert";
import type { SimAddress } from "../support/cloud/model.ts";
import { Cluster, type ClusterNode, ELASTIC_IP, PATIENT } from "../support/cluster.ts";
import { until } from "../support/until.ts";

const OTHER_IP = "198.51.100.60";

/** Names of the nodes that hold the address. */
function holdersOf(cluster: Cluster, address: SimAddress): string {
  return cluster.nodes.filter(({ instance }) => address.holders.has(instance.id))
    .map(({ name }) => name).join();
}

for (const api of ["v1", "v2"] as const) {
  Deno.test(`two nodes hold one address each, and both when the other is gone, on API ${api}`, async () => {
    const cluster = new Cluster({ ...PATIENT, api, count: 2 });
    const other = cluster.server.model.addAddress(OTHER_IP);
    const [one, two] = [cluster.node(1), cluster.node(2)];
    const start = (node: ClusterNode, addresses: string) =>
      cluster.start(node, { priority: 50, args: ["-xi", addresses] });
    const held = (first: string, second: string) => () =>
      holdersOf(cluster, cluster.address) === first && holdersOf(cluster, other) === second;
    try {
      start(one, `${ELASTIC_IP}/10,${OTHER_IP}/20`);
      start(two, `${ELASTIC_IP}/20,${OTHER_IP}/10`);
      await until(held("node-1", "node-2"), { title: "each has its own" });
      await cluster.meet();

      one.process?.signal("SIGTERM");
      assertEquals(await one.process?.ended(), 0, one.process?.output);
      assert(held("node-2", "node-2")(), "the one that is left has both");

      start(one, `${ELASTIC_IP}/10,${OTHER_IP}/20`);
      await until(held("node-1", "node-2"), { title: "each has its own again" });
      const { history } = cluster.server.model;
      assert(history.every(({ holders }) => holders.length > 0), JSON.stringify(history));

      await cluster.heardToHold(two, { addresses: [OTHER_IP] });
      two.process?.signal("SIGKILL");
      await until(held("node-1", "node-1"), { title: "the survivor has both" });
      await until(
        () => /role: 198\.51\.100\.60: master \(alone\)/.test(one.process?.output ?? ""),
        {
          title: "it says so",
        },
      );
    } finally {
      await cluster.close();
    }
  });
}

Deno.test("an address that does not exist does not take the others down", async () => {
  const cluster = new Cluster({ count: 2 });
  const one = cluster.node(1);
  try {
    cluster.start(one, { priority: 10, args: ["-xi", `${ELASTIC_IP},203.0.113.99`] });
    await until(() => cluster.holders.join() === "node-1", { title: "the good one is held" });
    await until(() => /no Elastic IP 203\.0\.113\.99/.test(one.process?.output ?? ""), {
      title: "the other is named",
    });
    assertEquals(one.process?.code, null);
    one.process?.signal("SIGTERM");
    assertEquals(await one.process?.ended(), 1, "it did not do all that it was asked for");
    assertEquals(cluster.holders, []);
  } finally {
    await cluster.close();
  }
});
