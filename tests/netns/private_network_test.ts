// Heartbeats over two networks at once: the public one and a private one, each with a bridge of its own. Each path is
// cut by itself, and both together.
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ClusterNode } from "../support/cluster.ts";
import { pause, until } from "../support/until.ts";
import { ExoipProcess } from "../support/process.ts";
import { ip } from "./ip.ts";
import { LONG_MS, type NetworkCluster, roleOf, withCluster } from "./network_cluster.ts";
import { networkTest } from "./requirements.ts";

const BOTH = ["-G", "edge", "--heartbeat-network", "public,backend"];
const NUMBERS = [1, 2, 3];
/** A dead time of 4 s: a busy machine lets a process wait for seconds. */
const TIMES = { interval: "0.5", deadRatio: 8 } as const;
/** Longer than the dead time, so that a path that is cut has been noticed. */
const NOTICED_MS = 6_000;

/** Gives each node an interface `backend` on a bridge of its own, and the cloud the private network with its leases. */
async function addBackend({ network, server, nodes }: NetworkCluster) {
  const { model } = server;
  const backend = model.addNetwork("backend");
  await ip(network.hub, "link add backend type bridge", "link set backend up");
  for (const [index, { instance }] of nodes.entries()) {
    const number = index + 1, address = `10.0.0.${number}`;
    await ip(
      network.hub,
      `link add backend-${number} type veth peer name backend netns ${network.namespace(number)}`,
      `link set backend-${number} master backend up`,
    );
    await ip(
      network.namespace(number),
      "link set backend up",
      `address add ${address}/24 dev backend`,
    );
    model.join(backend, instance, address);
  }
  return backend;
}

/** Takes a node's cable out of one bridge, or puts it back. The interface on the machine stays up. */
async function cable(
  { network }: NetworkCluster,
  number: number,
  { of, to }: { of: "public" | "backend"; to: "out" | "in" },
): Promise<void> {
  const [port, bridge] = of === "public"
    ? [`node-${number}`, "lan"]
    : [`backend-${number}`, "backend"];
  await ip(network.hub, `link set ${port} ${to === "out" ? "nomaster" : `master ${bridge} up`}`);
}

async function settled(cluster: NetworkCluster, args: readonly string[] = BOTH): Promise<void> {
  for (const [index, node] of cluster.nodes.entries()) {
    cluster.start(node, { priority: 10 * (index + 1), peers: null, args });
  }
  const [one, ...others] = cluster.nodes;
  await until(
    () =>
      cluster.heldBy(one!) && roleOf(one) === "best" &&
      others.every((node) => roleOf(node) === "outranked"),
    { title: "the cluster settles", withinMs: LONG_MS },
  );
  await pause(NOTICED_MS);
}

const said = ({ lines }: ClusterNode, event: string) =>
  lines.filter(({ text }) => text.includes(` ${event}: `)).length;

/**
 * The reasons for its role that each node has told so far, one after the other. A busy machine may pause a process for
 * a moment, which it tells: that is no other role.
 */
const roles = ({ nodes }: NetworkCluster) =>
  nodes.map(({ lines }) =>
    lines.map(({ text }) => / role: (\w+ \([\w-]+)/.exec(text)?.[1] ?? "")
      .filter((role) => role !== "" && !role.endsWith("(stalled"))
      .filter((role, index, all) => role !== all[index - 1])
  );

/** How many paths each node has that it hears. */
const heard = ({ nodes }: NetworkCluster) =>
  nodes.map((node) => said(node, "path-back") - said(node, "path-silent"));

async function statusOf({ network }: NetworkCluster, number: number): Promise<string> {
  const process = new ExoipProcess(["--status"], { wrap: network.wrap(number) });
  await process.ended();
  return process.output;
}

/** What each node says that it has refused so far. */
async function refusedBy(cluster: NetworkCluster): Promise<string[]> {
  const texts = await Promise.all(cluster.nodes.map((_, index) => statusOf(cluster, index + 1)));
  return texts.map((text) => /refused ([a-z]+-?[a-z]* \d+|none)/.exec(text)?.[1] ?? text);
}

/** The story of all three nodes, with each path of the holder cut by itself, then both. */
async function story(cluster: NetworkCluster, args: readonly string[] = BOTH): Promise<void> {
  await addBackend(cluster);
  await settled(cluster, args);
  const [one, two, three] = [cluster.node(1), cluster.node(2), cluster.node(3)];
  assertEquals(cluster.nodes.map((node) => said(node, "source")), [0, 0, 0], two.process?.output);
  const before = roles(cluster), { length: moves } = cluster.server.model.history;
  for (const path of ["backend", "public"] as const) {
    const all = heard(cluster);
    await cable(cluster, 1, { of: path, to: "out" });
    await until(() => heard(cluster).every((count, index) => count < all[index]!), {
      title: `the path ${path} is silent`,
      withinMs: LONG_MS,
    });
    await pause(NOTICED_MS);
    // A process that was paused warns of that first, for a moment.
    const warning = new RegExp(`WARNING: .*is silent at ${path} `);
    await until(async () => warning.test(await statusOf(cluster, 2)), {
      title: `--status warns of the path ${path}`,
      withinMs: LONG_MS,
      everyMs: 500,
    });
    await cable(cluster, 1, { of: path, to: "in" });
    await until(() => heard(cluster).join() === all.join(), {
      title: `the path ${path} is back, for all`,
      withinMs: LONG_MS,
    });
  }
  assertEquals(roles(cluster), before, "no role changes while one path works");
  assertEquals(cluster.server.model.history.length, moves, "and nothing moves");
  assertEquals(cluster.nodes.map((node) => said(node, "peer-dead")), [0, 0, 0]);
  assertMatch(
    await statusOf(cluster, 2),
    /\n {4}public 203\.0\.113\.1 .* ago, backend 10\.0\.0\.1 .* ago\n/,
  );
  // Both at once: the machine is dead for the others, once.
  cluster.mark(one, "dead");
  await cable(cluster, 1, { of: "public", to: "out" });
  await cable(cluster, 1, { of: "backend", to: "out" });
  await cluster.network.cloudCable(1, "out");
  await until(() => cluster.heldBy(two), { title: "the next one holds", withinMs: LONG_MS });
  // Nobody waits for the third one, which may notice it later.
  await until(() => said(three, "peer-dead") > 0, { title: "all notice it", withinMs: LONG_MS });
  assertEquals(said(two, "peer-dead"), 1, two.process?.output);
  assertEquals(said(three, "peer-dead"), 1, three.process?.output);
}

networkTest(
  "over two networks no role changes while one of them works, and fail-over comes when both are cut",
  () => withCluster({ count: 3, ...TIMES }, (cluster) => story(cluster)),
);

networkTest(
  "the same with signed heartbeats",
  () =>
    withCluster({ count: 3, ...TIMES }, async (cluster) => {
      const file = await Deno.makeTempFile();
      try {
        await Deno.writeTextFile(file, `${"5e".repeat(32)}\n`);
        await Deno.chmod(file, 0o600);
        await story(cluster, [...BOTH, "--shared-secret-file", file]);
      } finally {
        await Deno.remove(file);
      }
    }),
);

networkTest(
  "each path that works one way only is enough, if they work in different directions",
  () =>
    withCluster({ count: 2, ...TIMES }, async (cluster) => {
      const { network } = cluster;
      await addBackend(cluster);
      await settled(cluster);
      const before = roles(cluster);
      // The second node hears the first one on the public network only, and the first the second on the other only.
      await network.run(2, "iptables -A INPUT -i backend -j DROP");
      await network.run(1, "iptables -A INPUT -i lan -j DROP");
      const [one, two] = [cluster.node(1), cluster.node(2)];
      await until(() => said(one, "path-silent") > 0 && said(two, "path-silent") > 0, {
        title: "each has one silent path",
        withinMs: LONG_MS,
      });
      await pause(NOTICED_MS);
      assertEquals(roles(cluster), before);
      assertEquals([said(one, "one-way"), said(two, "one-way")], [0, 0]);
      assertEquals([said(one, "peer-dead"), said(two, "peer-dead")], [0, 0]);
    }),
);

networkTest(
  "heartbeats over a private network alone leave from its address, also with private -p",
  () =>
    withCluster({ count: 2, ...TIMES }, async (cluster) => {
      const backend = await addBackend(cluster);
      // The routes would choose another address of that interface, as one that was added by hand.
      await ip(
        cluster.network.namespace(1),
        "address add 10.0.0.101/24 dev backend",
        "route replace 10.0.0.0/24 dev backend src 10.0.0.101",
      );
      // Nothing gets through the public network.
      for (const number of NUMBERS.slice(0, 2)) {
        await cable(cluster, number, { of: "public", to: "out" });
      }
      for (
        const args of [
          ["-G", "edge", "--heartbeat-network", "backend"],
          ["-G", "edge", "--heartbeat-network", backend.id],
          ["-p", "10.0.0.1,10.0.0.2"],
        ]
      ) {
        await settled(cluster, args);
        // A node may be heard before the other one has the list; after that nothing is refused any more.
        const refused = await refusedBy(cluster);
        await pause(NOTICED_MS);
        assertEquals(await refusedBy(cluster), refused, "the source is the one of the lease");
        for (const { process } of cluster.nodes) {
          process?.signal("SIGTERM");
          assertEquals(await process?.ended(), 0, process?.output);
        }
        for (const node of cluster.nodes) node.lines.length = 0;
        assert(cluster.holders.length === 0, "all have given it up");
      }
    }),
);
