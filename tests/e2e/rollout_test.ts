// A secret is introduced into a running cluster, then replaced, and shown to protect it: real processes, restarted one
// by one.
import { assert, assertEquals } from "@std/assert";
import { encode } from "../../src/core/heartbeat.ts";
import { Cluster, type ClusterNode, ELASTIC_IP } from "../support/cluster.ts";
import { story } from "../support/story.ts";
import { until } from "../support/until.ts";

/**
 * A dead time of 2 s: none may count as dead, and each restart waits until the others miss the node. A node that wakes
 * up an interval too late judges nobody for a dead time, so the interval is long: within 10 s one must take over.
 */
const PATIENT = { interval: "0.5", deadRatio: 4 } as const;
const OLD = "the secret of the first year", NEW = "the secret of the second year";
const PRIORITIES = [10, 20, 30];

/** Whether a log line is about that node, by its address and perhaps its name. */
function names(text: string, { instance: { address } }: ClusterNode): boolean {
  return new RegExp(`\\b${RegExp.escape(address)}\\b`).test(text);
}

/** A cluster whose nodes read their secrets from files in a folder. */
class SecretCluster extends Cluster {
  readonly folder = Deno.makeTempDirSync({ prefix: "exoip-secret-" });

  /** Arguments for a node that has these secrets. */
  secret(...secrets: string[]): string[] {
    const path = `${this.folder}/${secrets.map((secret) => secret.length).join("-")}`;
    Deno.writeTextFileSync(path, secrets.join("\n") + "\n", { mode: 0o600 });
    return ["--shared-secret-file", path];
  }

  /** Starts the node and waits until it and all others hear each other. */
  async startAndMeet(node: ClusterNode, args: readonly string[]): Promise<void> {
    const from = node.lines.length;
    const known = new Map(this.nodes.map((each) => [each, each.lines.length]));
    const others = this.nodes.filter((each) => each !== node && each.alive);
    this.start(node, { priority: PRIORITIES[this.nodes.indexOf(node)] ?? 99, args });
    const met = (one: ClusterNode, other: ClusterNode) =>
      one.lines.slice(one === node ? from : known.get(one))
        .some(({ text }) => /peer-alive: /.test(text) && names(text, other));
    const settled = () =>
      node.lines.slice(from).some(({ text }) => /role: \w+ \((?!settling)/.test(text));
    await until(() => settled() && others.every((other) => met(node, other) && met(other, node)), {
      title: `${node.name} and the others hear each other`,
    });
  }

  /** Restarts all nodes one by one, the holder last. */
  async restartAll(args: readonly string[]): Promise<void> {
    for (const node of this.nodes.toReversed()) {
      node.process?.signal("SIGTERM");
      assertEquals(await node.process?.ended(), 0, node.process?.output);
      // The others must have noticed its end before they can notice its return.
      for (const other of this.nodes.filter((each) => each !== node)) {
        const last = () =>
          other.lines.findLast(({ text }) => /peer-(alive|dead)/.test(text) && names(text, node));
        await until(() => /is dead/.test(last()?.text ?? ""), {
          title: `${other.name} misses ${node.name}`,
        });
      }
      await this.startAndMeet(node, args);
    }
    await until(() => this.holders.join() === "node-1", { title: "the best holds again" });
  }

  /** All heartbeats that any node rejected. */
  get refusals(): string[] {
    return this.nodes.flatMap(({ lines }) => lines.map(({ text }) => text))
      .filter((text) => text.includes("refused: datagram"))
      // A process that stood still for more than a second must prove itself again; that has nothing to do with secrets.
      .filter((text) => !text.includes(": unproven"));
  }

  override async close(): Promise<void> {
    await super.close();
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("a secret is rolled out and replaced, node by node, without a moment without holder", async () => {
  const cluster = new SecretCluster(PATIENT);
  const { history } = cluster.server.model;
  try {
    for (const node of cluster.nodes) await cluster.startAndMeet(node, []);
    await until(() => cluster.holders.join() === "node-1", { title: "the best holds" });
    const warned = (text: string) => text.includes("unsigned: heartbeats are not signed");
    for (const { lines } of cluster.nodes) {
      assertEquals(lines.filter(({ text }) => warned(text)).length, 1, "it is said once");
    }
    // Roll-out: first accept both kinds, then only signed ones.
    await cluster.restartAll([...cluster.secret(OLD), "--accept-unsigned"]);
    const says = (what: string) =>
      cluster.nodes.map(({ process }) =>
        process?.lines.filter(({ text }) => text.includes(what)).length
      );
    assertEquals(says("[WARNING] unsigned: unsigned heartbeats are accepted"), [1, 1, 1]);
    await cluster.restartAll(cluster.secret(OLD));
    assertEquals(says("unsigned"), [0, 0, 0]);
    // Replacement: know the new secret, sign with it, forget the old one.
    await cluster.restartAll(cluster.secret(OLD, NEW));
    await cluster.restartAll(cluster.secret(NEW, OLD));
    await cluster.restartAll(cluster.secret(NEW));
    const first = history.findIndex(({ holders }) => holders.length > 0);
    assert(
      first === 0 && history.every(({ holders }) => holders.length > 0),
      story(cluster, 0),
    );
    assertEquals(cluster.refusals, [], "no heartbeat was lost to the change");
  } finally {
    await cluster.close();
  }
});

Deno.test("a secret is replaced by reloading all nodes three times, without a heartbeat lost", async () => {
  const cluster = new SecretCluster(PATIENT);
  const { history } = cluster.server.model;
  try {
    const args = cluster.secret(OLD), path = args[1] ?? "";
    for (const node of cluster.nodes) await cluster.startAndMeet(node, args);
    await until(() => cluster.holders.join() === "node-1", { title: "the best holds" });
    for (const [step, secrets] of [[OLD, NEW], [NEW, OLD], [NEW]].entries()) {
      Deno.writeTextFileSync(path, secrets.join("\n"));
      const reloads = (node: ClusterNode) =>
        node.lines.filter(({ text }) => text.includes("now in force: --shared-secret-file")).length;
      for (const node of cluster.nodes) {
        node.process?.signal("SIGHUP");
        await until(() => reloads(node) === step + 1, { title: `${node.name} has reloaded` });
      }
    }
    // A node that still had only the old secret, or signed with it, would count as dead by now.
    await cluster.restartAll(args);
    assert(history.every(({ holders }) => holders.length > 0), story(cluster, 0));
    assertEquals(cluster.refusals, []);
    for (const { lines } of cluster.nodes) {
      const texts = lines.map(({ text }) => text).join("\n");
      assert(!texts.includes(OLD) && !texts.includes(NEW), texts);
    }
  } finally {
    await cluster.close();
  }
});

Deno.test("with a secret a spoofer at a peer's address achieves nothing, without one it outranks", async () => {
  for (const protect of [true, false]) {
    const cluster = new SecretCluster({ interval: "0.1", deadRatio: 10, count: 2 });
    const [one, two] = [cluster.node(1), cluster.node(2)];
    const spoofer = Deno.listenDatagram({
      transport: "udp",
      hostname: two.instance.address,
      port: 0,
    });
    try {
      cluster.start(one, { priority: 10, args: protect ? cluster.secret(OLD) : [] });
      await until(() => cluster.holders.join() === "node-1", { title: "it holds" });
      const to = { transport: "udp", hostname: one.instance.address, port: cluster.port } as const;
      const forged = encode({
        priority: 1,
        elasticIp: ELASTIC_IP,
        id: two.instance.id,
        trailer: null,
      });
      const says = (text: string) => one.lines.some((line) => line.text.includes(text));
      await spoofer.send(forged, to);
      if (protect) {
        await until(() => says("datagram from 127.0.0.2: unsigned"), { title: "it is refused" });
        assert(!says("peer-alive") && !says("outranked"), one.process?.output);
        assertEquals(one.role, "master");
      } else {
        const outranks = async () => {
          await spoofer.send(forged, to);
          return says("127.0.0.2) with priority 1");
        };
        await until(outranks, { title: "it outranks", everyMs: 100 });
      }
      assertEquals(cluster.holders, ["node-1"], "and even so nobody is without holder");
    } finally {
      spoofer.close();
      await cluster.close();
    }
  }
});

Deno.test("recorded heartbeats of a dead peer do not keep it alive", async () => {
  const cluster = new SecretCluster({ interval: "0.1", deadRatio: 10 });
  const [one, two, third] = [cluster.node(1), cluster.node(2), cluster.node(3)];
  const { port } = cluster;
  // A third node's address can record the first node's heartbeats: with sequences between those that the second one has
  // heard.
  const recorder = Deno.listenDatagram({
    transport: "udp",
    hostname: third.instance.address,
    port,
  });
  const records: Uint8Array<ArrayBuffer>[] = [];
  const recording = (async () => {
    for await (const [bytes, from] of recorder) {
      if ((from as Deno.NetAddr).hostname === one.instance.address) records.push(bytes.slice());
    }
  })();
  let replaying = true;
  const replayer = Deno.listenDatagram({
    transport: "udp",
    hostname: one.instance.address,
    port: 0,
  });
  try {
    const args = cluster.secret(OLD);
    cluster.start(one, { priority: 10, args });
    cluster.start(two, { priority: 20, args });
    await until(() => cluster.holders.join() === "node-1" && records.length >= 50, {
      title: "the first holds, and fifty heartbeats are recorded",
    });
    await cluster.heardToHold(one, { by: [two] });
    const to = { transport: "udp", hostname: two.instance.address, port } as const;
    const replay = (async () => {
      while (replaying) {
        for (const bytes of records) await replayer.send(bytes, to);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    const refused = () =>
      two.process?.output.includes("datagram from 127.0.0.1: replayed") ?? false;
    await until(refused, { title: "they are refused" });
    one.process?.signal("SIGKILL");
    await until(() => cluster.holders.join() === "node-2", { title: "the second has taken over" });
    replaying = false;
    await replay;
  } finally {
    replaying = false;
    replayer.close();
    recorder.close();
    await recording;
    await cluster.close();
  }
});
