// Real processes that only know the Elastic IP: they find each other, and keep the membership up to date.
import { assertEquals, assertMatch } from "@std/assert";
import { iamPolicy } from "../../src/exoscale/iam_policy.ts";
import { Cluster, type ClusterNode, ELASTIC_IP } from "../support/cluster.ts";
import { until } from "../support/until.ts";

const POOL = "c0ffee00-1234-4abc-8def-5566778899aa";

/** How an operator makes a machine a member. */
const WAYS: Readonly<Record<string, (node: ClusterNode, cluster: Cluster) => void>> = {
  "instance pool": ({ instance }, { server }) => {
    instance.poolId = POOL;
    server.model.pools.set(POOL, []);
  },
  "label": ({ instance }) => {
    instance.labels.exoip = `192.0.2.7_${ELASTIC_IP}`;
  },
};

for (const [way, admit] of Object.entries(WAYS)) {
  Deno.test(`a cluster that is told nothing but the address keeps itself: ${way}`, async () => {
    const cluster = new Cluster({ bare: true });
    const stranger = cluster.server.model.addInstance(9, "127.0.0.9", ["edge"]);
    // The role allows exactly what --print-iam-policy prints.
    cluster.server.model.role = iamPolicy({
      attaches: true,
      detaches: true,
      peers: { kind: "discovery" },
      elasticIps: [ELASTIC_IP],
    });
    try {
      for (const node of cluster.nodes) admit(node, cluster);
      for (const node of cluster.nodes) cluster.start(node);
      // All have the same priority, and equals share.
      const three = "node-1,node-2,node-3";
      await until(() => cluster.holders.join() === three, { title: "three share the address" });

      const fourth = cluster.grow();
      admit(fourth, cluster);
      cluster.start(fourth);
      const joined = (node: ClusterNode) =>
        heard(node, /peer-joined: peer node-4 \(127\.0\.0\.4\) /);
      await until(() => cluster.nodes.slice(0, 3).every(joined), { title: "the fourth is known" });
      await until(() => cluster.holders.length === 4, { title: "the fourth shares, too" });

      const second = cluster.node(2);
      // One that was never heard is no death, and the list would be read minutes later.
      await cluster.heardToHold(second);
      second.instance.state = "destroying";
      second.process?.signal("SIGKILL");
      const rest = "node-1,node-3,node-4";
      await until(() => cluster.holders.join() === rest, { title: "the dead one is relieved" });
      const others = cluster.nodes.filter((node) => node !== second);
      const left = (node: ClusterNode) => heard(node, /peer-left: peer node-2 \(127\.0\.0\.2\) /);
      // A list is read every ten seconds at most, and after two failed readings only twenty seconds later.
      await until(() => others.every(left), { title: "it is forgotten", withinMs: 120_000 });

      for (const { process } of others) {
        const reasons = process?.output.match(/discovery: .*/g) ?? [];
        assertEquals(reasons.length, 1, process?.output);
        assertMatch(reasons[0] ?? "", new RegExp(way));
      }
      assertEquals(cluster.address.holders.has(stranger.id), false);
    } finally {
      await cluster.close();
    }
  });
}

Deno.test("a node that finds no peers says what to do, and ends", async () => {
  const cluster = new Cluster({ bare: true, count: 1 });
  const node = cluster.node(1);
  try {
    cluster.start(node);
    assertEquals(await node.process?.ended(), 1);
    assertMatch(
      node.process?.output ?? "",
      /cloud-refused: no peers: .* `exo compute instance update \S+ --label exoip=198\.51\.100\.50`/,
    );
  } finally {
    await cluster.close();
  }
});

Deno.test("a node takes the Elastic IP by its description", async () => {
  const cluster = new Cluster({ bare: true, count: 1 });
  const node = cluster.node(1);
  cluster.address.description = "web";
  node.instance.labels.exoip = ELASTIC_IP;
  try {
    cluster.start(node, { elasticIp: "web" });
    await until(() => cluster.holders.join() === "node-1", { title: "it holds" });
    assertMatch(node.process?.output ?? "", /address: "web" is 198\.51\.100\.50/);
  } finally {
    await cluster.close();
  }
});

function heard({ process }: ClusterNode, line: RegExp): boolean {
  return line.test(process?.output ?? "");
}
