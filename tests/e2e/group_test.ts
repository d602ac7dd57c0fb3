// Two Elastic IPs that move together, with real processes and a simulated cloud.
import { assert, assertEquals } from "@std/assert";
import type { SimAddress } from "../support/cloud/model.ts";
import { Cluster, type ClusterNode, ELASTIC_IP, PATIENT } from "../support/cluster.ts";
import { ExoipProcess } from "../support/process.ts";
import { until } from "../support/until.ts";

const OTHER_IP = "198.51.100.60";

/** A cluster of two nodes, without a process. */
function twoNodes() {
  const cluster = new Cluster({ ...PATIENT, count: 2 });
  const other = cluster.server.model.addAddress(OTHER_IP);
  const names = (address: SimAddress) =>
    cluster.nodes.filter(({ instance }) => address.holders.has(instance.id))
      .map(({ name }) => name).join("+");
  return {
    cluster,
    other,
    one: cluster.node(1),
    two: cluster.node(2),
    // In another order on each node: that must not matter.
    start: (node: ClusterNode, priority: number, env: Record<string, string> = {}) => {
      const both = node.name === "node-1" ? [ELASTIC_IP, OTHER_IP] : [OTHER_IP, ELASTIC_IP];
      cluster.start(node, { priority, env, args: ["-xi", both.join(), "--together"] });
    },
    held: (first: string, second: string) => () =>
      names(cluster.address) === first && names(other) === second,
    /** From now on the cloud refuses to attach the second address. */
    refuse: () => {
      const attach = `${other.id}:attach`;
      cluster.server.refusal = ({ what }) => what.includes(attach) ? REFUSAL : null;
    },
  };
}

/** What a node's watchdog remembers of each address. */
async function historyOf(
  { instance: { address } }: ClusterNode,
  port: number,
): Promise<{ elasticIp: string; nodes: { name: string | null }[] }[]> {
  const process = new ExoipProcess(["--history", "--json", "-l", `${address}:${port}`]);
  await process.ended();
  return JSON.parse(process.printed).addresses;
}

const REFUSAL = [403, { message: "not allowed" }] as const;

Deno.test("both addresses move when their holder is killed, and when it is stopped", async () => {
  const { cluster, one, two, start, held } = twoNodes();
  const told = await Deno.makeTempFile();
  try {
    const command = `echo "$EXOIP_ROLE of $EXOIP_ADDRESSES" >> ${told}`;
    start(one, 10, { IF_NOTIFY: `sh -c '${command}'` });
    start(two, 20);
    await until(held("node-1", "node-1"), { title: "the best node has both" });
    const once = `master of ${ELASTIC_IP} ${OTHER_IP}\n`;
    await until(() => Deno.readTextFileSync(told).endsWith(once), { title: "one role for both" });
    await cluster.heardToHold(one, { addresses: [ELASTIC_IP, OTHER_IP] });
    cluster.stop(one, "SIGKILL");
    await until(held("node-2", "node-2"), { title: "the other one has both" });
    const remembered = await historyOf(two, cluster.port);
    assertEquals(remembered.map(({ elasticIp }) => elasticIp), [ELASTIC_IP, OTHER_IP]);
    assert(
      remembered.every(({ nodes }) => nodes.some(({ name }) => name?.startsWith("node-1 "))),
      "by name",
    );

    start(one, 10);
    await until(held("node-1", "node-1"), { title: "the best node has both again" });
    const { history } = cluster.server.model;
    assert(history.every(({ holders }) => holders.length > 0), JSON.stringify(history));
    assertEquals(/role: 198/.test(one.process?.output ?? ""), false, "no role of one address");

    one.process?.signal("SIGTERM");
    assertEquals(await one.process?.ended(), 0, one.process?.output);
    assert(held("node-2", "node-2")(), "what it leaves has moved");
  } finally {
    await cluster.close();
    await Deno.remove(told);
  }
});

Deno.test("a node that can attach one of two leaves both with the other node", async () => {
  const { cluster, one, two, start, held, refuse } = twoNodes();
  try {
    start(two, 20);
    await until(held("node-2", "node-2"), { title: "the worse node has both" });
    refuse();
    start(one, 10);
    await until(held("node-1+node-2", "node-2"), { title: "the better one gets one of them" });
    await until(held("node-2", "node-2"), { title: "and gives it up again" });
    await until(() => /role: backup \(cloud-unreachable\)/.test(one.process?.output ?? ""), {
      title: "it says why",
    });
    const { history } = cluster.server.model;
    assert(history.every(({ holders }) => holders.length > 0), JSON.stringify(history));
    await cluster.heardToHold(two, { addresses: [ELASTIC_IP, OTHER_IP] });
    cluster.stop(two, "SIGKILL");
    await until(() => cluster.heldBy(one), { title: "what can be served is served" });
  } finally {
    await cluster.close();
  }
});

Deno.test("an address that does not exist does not take the others of its group down", async () => {
  const cluster = new Cluster({ count: 1 });
  const one = cluster.node(1);
  try {
    cluster.start(one, { args: ["-xi", `${ELASTIC_IP},203.0.113.99`, "--together"] });
    await until(() => cluster.holders.join() === "node-1", { title: "the good one is held" });
    await until(() => /no Elastic IP 203\.0\.113\.99/.test(one.process?.output ?? ""), {
      title: "the other is named",
    });
    assertEquals(one.process?.code, null);
  } finally {
    await cluster.close();
  }
});
