// --doctor on a machine of a running cluster: its results, and that no node reacts to it.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Cluster, type ClusterNode, PATIENT } from "../support/cluster.ts";
import { until } from "../support/until.ts";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { isChange } from "../support/cloud/cloud_fixture.ts";
import { ExoipProcess } from "../support/process.ts";

/** Examines a node's machine, which is this one; the Elastic IP is on none of its interfaces. */
async function examine(
  cluster: Cluster,
  node: ClusterNode,
  api: "v1" | "v2" = "v2",
  more: readonly string[] = [],
) {
  const peers = cluster.nodes.map(({ instance }) => instance.address).join(",");
  const process = new ExoipProcess([
    ...["--doctor", "-xi", cluster.address.ip, "-xk", SIM_KEY, ...cluster.server.args(api)],
    ...["-i", node.instance.id, "-p", peers, "-t", "0.2"],
    ...["-l", `${node.instance.address}:${cluster.port}`],
    ...more,
  ], { env: { IF_EXOSCALE_API_SECRET: SIM_SECRET } });
  const code = await process.ended();
  return { code, output: process.output };
}

/** The priority of a node, as another node's watchdog knows it. */
async function priorityOf(
  node: ClusterNode,
  { at, port }: { at: ClusterNode; port: number },
): Promise<number> {
  const process = new ExoipProcess(["--status", "--json", "-l", `${at.instance.address}:${port}`]);
  await process.ended();
  const { addresses } = JSON.parse(process.printed);
  const peers: { address: string; priority: number }[] = addresses[0].peers;
  return peers.find(({ address }) => address === node.instance.address)?.priority ?? -1;
}

/** Requested changes, without the doctor's attempts on an instance that does not exist. */
function changes(cluster: Cluster): number {
  return cluster.server.calls.filter(isChange).length;
}

for (const api of ["v1", "v2"] as const) {
  Deno.test(`--doctor beside a running cluster on API ${api} changes nothing at all`, async () => {
    const cluster = new Cluster({ ...PATIENT, api });
    cluster.server.model.rules.set("edge", [
      { direction: "ingress", protocol: "udp", ports: [1, 65_535], group: "edge" },
    ]);
    const [one, two, three] = [cluster.node(1), cluster.node(2), cluster.node(3)];
    try {
      cluster.start(one, { priority: 10 });
      cluster.start(two, { priority: 20 });
      await until(() => cluster.holders.join() === "node-1", { title: "the better one holds" });
      const settled = () => two.role === "backup" && /outranked/.test(two.process?.output ?? "");
      await until(settled, { title: "the other stands by" });
      const history = [...cluster.server.model.history];
      const operations = cluster.server.model.operations.size;
      // Role changes only: on a busy machine a node may report a pause, and declare no deaths for a while.
      const roles = () =>
        [one, two].map(({ process }) => process?.output.match(/role: .*, was .*/g));
      const rolesBefore = roles();

      const { output } = await examine(cluster, three, api);
      assertStringIncludes(output, "node-1 (127.0.0.1) answers: both ways work");
      assertStringIncludes(output, "node-2 (127.0.0.2) answers: both ways work");
      assertStringIncludes(output, `${cluster.address.ip} is held by node-1 now`);
      assertStringIncludes(output, "the rules let UDP on port");

      // Once the machine is silent, the peers count it as dead, read the cloud, and do nothing more.
      const gone = () =>
        [one, two].every(({ process }) => /127\.0\.0\.3.*(left|dead)/.test(process?.output ?? ""));
      await until(gone, { title: "both have noticed the end of the doctor" });
      const asked = cluster.server.calls.length;
      await until(() => cluster.server.calls.length > asked, { title: "the cloud is read again" });
      assertEquals(roles(), rolesBefore);
      assertEquals(cluster.server.model.history, history);
      assertEquals(cluster.server.model.operations.size, operations);
      assertEquals(cluster.holders, ["node-1"]);
    } finally {
      await cluster.close();
    }
  });
}

Deno.test("--doctor on a machine whose watchdog runs uses its answer and sends nothing", async () => {
  const cluster = new Cluster(PATIENT);
  const [one, two] = [cluster.node(1), cluster.node(2)];
  try {
    cluster.start(one, { priority: 10 });
    cluster.start(two, { priority: 20 });
    await until(() => cluster.holders.join() === "node-1", { title: "the better one holds" });
    const both = () => /outranked/.test(two.process?.output ?? "");
    await until(both, { title: "the other stands by" });
    await cluster.meet();
    const { code, output } = await examine(cluster, one);
    assertStringIncludes(output, "a watchdog runs here already and answers");
    assertStringIncludes(output, "node-2 (127.0.0.2) answers the watchdog that runs here");
    assertMatch(output, /warn heartbeats node-3 \(127\.0\.0\.3\) is silent, says the watchdog/);
    // The Elastic IP is not on this machine, and no rule allows any incoming traffic.
    assertEquals(output.match(/^FAIL \w+/gm)?.length, 3, output);
    assertEquals(code, 1);
    assertEquals(cluster.holders, ["node-1"]);
    assert(changes(cluster) > 0);
  } finally {
    await cluster.close();
  }
});

Deno.test("--doctor on a holder without a watchdog does not make its peers take the address", async () => {
  const cluster = new Cluster();
  const [one, two] = [cluster.node(1), cluster.node(2)];
  cluster.address.holders.add(one.instance.id);
  const { history } = cluster.server.model;
  try {
    const { output } = await examine(cluster, one);
    assertMatch(output, /skip heartbeats \S+: only listened, this instance holds it now/);
    cluster.start(two, { priority: 20, args: ["--reconcile-interval", "5s"] });
    await until(() => cluster.holders.includes("node-2"), { title: "the other holds, too" });
    const again = await examine(cluster, one);
    assertStringIncludes(again.output, "node-2 (127.0.0.2) is heard");
    const reads = () => cluster.server.calls.filter(({ what }) => what === "/instance").length;
    const before = reads();
    // Long enough for the machine to count as dead, and for a reading of its holds.
    await until(() => reads() > before + 1, { title: "the other has looked twice" });
    assert(history.every(({ holders }) => holders.includes(one.instance.id)), "never evicted");
  } finally {
    await cluster.close();
  }
});

Deno.test("--doctor with the shared secret is heard, and so is the watchdog that is started after it", async () => {
  const cluster = new Cluster(PATIENT);
  const file = await Deno.makeTempFile({ prefix: "exoip-secret-" });
  await Deno.writeTextFile(file, "the secret of the cluster");
  const args = ["--shared-secret-file", file];
  const [one, two, three] = [cluster.node(1), cluster.node(2), cluster.node(3)];
  const says = (node: ClusterNode, what: string) => (node.process?.output ?? "").includes(what);
  try {
    cluster.start(one, { priority: 10, args });
    cluster.start(two, { priority: 20, args });
    await until(() => cluster.holders.join() === "node-1", { title: "the better one holds" });
    for (let round = 0; round < 2; round++) {
      const { output } = await examine(cluster, three, "v2", args);
      assertStringIncludes(output, "node-1 (127.0.0.1) answers: both ways work");
      assertStringIncludes(output, "node-2 (127.0.0.2) answers: both ways work");
    }
    // At once, while the peers still accept the doctor's run.
    cluster.start(three, { priority: 30, args });
    await until(() => three.role === "backup" && says(three, "(outranked"), {
      title: "it hears the others",
    });
    // Not in the log: if it sends soon enough, its life continues.
    let priority = 0;
    for (let tries = 0; tries < 60 && priority !== 30; tries++) {
      priority = await priorityOf(three, { at: one, port: cluster.port });
    }
    assertEquals(priority, 30, `it is not heard:\n${one.process?.output}`);
    assertEquals(cluster.holders, ["node-1"]);
    // A process that stood still for more than a second must prove itself again.
    const refused = /refused: (?!.*: unproven)/;
    for (const { process } of [one, two, three]) {
      assert(!refused.test(process?.output ?? ""), process?.output);
    }
  } finally {
    await cluster.close();
    await Deno.remove(file);
  }
});
