// A cloud that contradicts itself or takes its time, under a lease: real processes, a real etcd.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Cluster, type ClusterNode } from "../support/cluster.ts";
import { Etcd, etcdMissing } from "../support/etcd.ts";
import { skippableTest } from "../support/skippable.ts";
import { until } from "../support/until.ts";

/** Two nodes under a lease of 4 s; nothing of them runs yet. */
class TwoNodes {
  readonly cluster = new Cluster({ count: 2 });
  readonly one: ClusterNode = this.cluster.node(1);
  readonly two: ClusterNode = this.cluster.node(2);

  constructor(readonly etcd: Etcd) {}

  start(...more: string[]): void {
    for (const node of this.cluster.nodes) this.startNode(node, ...more);
  }

  startNode(node: ClusterNode, ...more: string[]): void {
    const lease = ["--lease", `etcd:${this.etcd.endpoints[0]}`, "--lease-ttl", "4"];
    const priority = 10 * this.cluster.number(node);
    this.cluster.start(node, { priority, args: [...lease, ...more] });
  }

  /** Starts the first node with a cloud that takes that long for its attach, and the second once that is accepted. */
  async startWithAttach(tookMs: number, ...more: string[]): Promise<void> {
    const { model } = this.cluster.server, usualMs = model.operationMs;
    model.operationMs = tookMs;
    this.startNode(this.one, ...more);
    await until(() => model.operations.size > 0, { title: "the attach is accepted" });
    model.operationMs = usualMs;
    this.startNode(this.two, ...more);
    const hears = () => /peer-alive: .*127\.0\.0\.1/.test(this.linesOf(this.two));
    await until(hears, { title: "the second one hears the first" });
  }

  async holds(node: ClusterNode, title = `${node.name} holds`): Promise<void> {
    const alone = () => this.cluster.holders.join() === node.name;
    await until(alone, { title, withinMs: 120_000 });
  }

  /** The lines of a node. */
  linesOf(node: ClusterNode): string {
    return node.lines.map(({ text }) => text).join("\n");
  }

  /** Never two holders; `idle` are instances that do not run any more. */
  assertPromise(idle: readonly string[] = []): void {
    const { history } = this.cluster.server.model;
    const running = history.map(({ holders }) => holders.filter((id) => !idle.includes(id)));
    assert(running.every(({ length }) => length < 2), JSON.stringify(history));
  }
}

/** Runs the test with both nodes. */
function withTwoNodes(title: string, body: (nodes: TwoNodes) => Promise<void>): void {
  skippableTest(title, etcdMissing(), async () => {
    await using etcd = await Etcd.start();
    const nodes = new TwoNodes(etcd);
    try {
      await body(nodes);
    } finally {
      await nodes.cluster.close();
    }
  });
}

withTwoNodes(
  "with a lease, a dead holder that only the list still shows is no hindrance",
  async (nodes) => {
    const { cluster, one, two } = nodes;
    nodes.start();
    await nodes.holds(one);
    cluster.stop(one, "SIGKILL");
    const { id, name } = one.instance;
    const listed = { instances: [{ id, name, state: "running" }] };
    cluster.server.refusal = ({ what }) =>
      what === "/instance"
        ? [200, listed]
        : what === `/instance/${id}`
        ? [404, { message: "Instance not found." }]
        : null;
    cluster.address.holders.delete(id);
    await nodes.holds(two);
    const denied = () =>
      /holder-denied: the cloud lists node-1 .* as a holder/.test(nodes.linesOf(two));
    await until(denied, { title: "it names the holder that is none" });
  },
);

withTwoNodes(
  "with a lease, a machine that is being destroyed with the address on it is no hindrance",
  async (nodes) => {
    const { cluster, one, two } = nodes;
    nodes.start();
    await nodes.holds(one);
    one.instance.state = "expunging";
    cluster.stop(one, "SIGKILL");
    const attached = () => cluster.address.holders.has(two.instance.id);
    await until(attached, { title: "the next one has attached it", withinMs: 60_000 });
    nodes.assertPromise([one.instance.id]);
  },
);

withTwoNodes(
  "with a lease, nobody else gets the address while the cloud carries out an attach",
  async (nodes) => {
    const { cluster, one } = nodes;
    // From 20 s on the node counts as unable.
    await nodes.startWithAttach(30_000, "--no-preempt");
    await nodes.holds(one);
    await until(() => /cloud-lost/.test(nodes.linesOf(one)), { title: "it counted as unable" });
    const changes = cluster.server.model.history.filter(({ holders }) => holders.length > 0);
    assertEquals(changes.map(({ holders }) => holders), [[one.instance.id]]);
  },
);

withTwoNodes(
  "with a lease, a stop waits for an attach that the cloud has accepted",
  async (nodes) => {
    const { one, two } = nodes;
    await nodes.startWithAttach(12_000);
    one.process?.signal("SIGTERM");
    assertEquals(await one.process?.ended(), 0);
    assertMatch(nodes.linesOf(one), /detached: /);
    await nodes.holds(two);
    nodes.assertPromise();
  },
);

withTwoNodes(
  "with a lease, an attach that is carried out after a kill is taken back",
  async (nodes) => {
    const { cluster, one, two } = nodes;
    await nodes.startWithAttach(28_000);
    cluster.stop(one, "SIGKILL");
    await nodes.holds(two, "the next one holds");
    const late = () => cluster.server.model.history.some(({ holders }) => holders.length === 2);
    await until(late, { title: "the late attach", withinMs: 60_000 });
    await nodes.holds(two, "it has taken it back");
    const evicted = () => /evicted: took the Elastic IP from node-1/.test(nodes.linesOf(two));
    await until(evicted, { title: "it says so" });
  },
);
