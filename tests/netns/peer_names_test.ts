// Peers by name, on real networks: each node has an /etc/hosts and a name server of its own.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { PATIENT } from "../support/cluster.ts";
import { pause, until } from "../support/until.ts";
import { ExoipProcess } from "../support/process.ts";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { type Answer, NameServer } from "../image/name_server.ts";
import {
  type ClusterOptions,
  LONG_MS,
  type NetworkCluster,
  roleOf,
  withCluster,
} from "./network_cluster.ts";
import { networkTest } from "./requirements.ts";

/** Addresses of the nodes on the lan. */
const NODES = ["203.0.113.1", "203.0.113.2", "203.0.113.3"] as const;
const [ONE, TWO, THREE] = NODES;

/** A cluster whose nodes use a name server of the test. */
interface Named {
  readonly cluster: NetworkCluster;
  /** Its answers from now on. */
  readonly answers: Record<string, Answer>;
  readonly server: NameServer;
  /** Writes a file into a node's /etc. */
  readonly etc: (number: number, file: "hosts" | "resolv.conf", text: string) => void;
  /** Starts a node with its peers by name, the first one with the best priority. */
  readonly start: (number: number, peers: string, ...args: string[]) => void;
}

/** Runs the test, and removes the files that `ip netns exec` mounts over each node's /etc. */
async function withNames(
  options: ClusterOptions,
  body: (named: Named) => Promise<void>,
): Promise<void> {
  await withCluster(options, async (cluster) => {
    const folder = (number: number) => `/etc/netns/${cluster.network.namespace(number)}`;
    const answers: Record<string, Answer> = {};
    const server = new NameServer(cluster.network.cloudHostname, answers);
    const etc: Named["etc"] = (number, file, text) =>
      Deno.writeTextFileSync(`${folder(number)}/${file}`, text);
    const start: Named["start"] = (number, peers, ...args) => {
      const all = ["-p", peers, ...args];
      cluster.start(cluster.node(number), { priority: 10 * number, peers: null, args: all });
    };
    try {
      for (const node of cluster.nodes) {
        const number = cluster.number(node);
        Deno.mkdirSync(folder(number), { recursive: true });
        etc(number, "hosts", "127.0.0.1 localhost\n");
        etc(number, "resolv.conf", `nameserver ${cluster.network.cloudHostname}\n`);
      }
      await body({ cluster, answers, server, etc, start });
    } finally {
      server.close();
      for (const node of cluster.nodes) {
        await Deno.remove(folder(cluster.number(node)), { recursive: true });
      }
    }
  });
}

/** Waits until the nodes have these reasons for their roles, and only the first of them holds. */
async function settled(cluster: NetworkCluster, ...reasons: string[]): Promise<void> {
  await until(
    () =>
      cluster.heldBy(cluster.node(1)) &&
      reasons.every((reason, index) => roleOf(cluster.node(index + 1)) === reason),
    { title: `the nodes are ${reasons.join(", ")}`, withinMs: LONG_MS },
  );
}

/** Waits until a node has logged that. */
async function said(cluster: NetworkCluster, number: number, words: RegExp): Promise<void> {
  await until(() => words.test(cluster.node(number).process?.output ?? ""), {
    title: `node ${number} says ${words}`,
    withinMs: LONG_MS,
  });
}

/** Runs the program on the machine of a node, to its end. */
async function runOn(
  { cluster }: Named,
  number: number,
  args: readonly string[],
): Promise<{ code: number; output: string }> {
  const process = new ExoipProcess(
    [
      ...["-W", "-xi", cluster.address.ip, ...cluster.server.args("v2")],
      ...["--insecure-endpoint", "-i", cluster.node(number).instance.id, ...args],
    ],
    {
      env: { IF_EXOSCALE_API_KEY: SIM_KEY, IF_EXOSCALE_API_SECRET: SIM_SECRET },
      wrap: cluster.network.wrap(number),
    },
  );
  return { code: await process.ended(), output: process.output };
}

/** Number of a node's lines with that text. */
function count(cluster: NetworkCluster, number: number, words: RegExp): number {
  return cluster.node(number).lines.filter(({ text }) => words.test(text)).length;
}

networkTest(
  "the own name may be 127.0.1.1, as Debian has it: the same -p works on all nodes",
  () =>
    withNames({ count: 2 }, async ({ cluster, etc, start }) => {
      etc(1, "hosts", `127.0.0.1 localhost\n127.0.1.1 node-a.test node-a\n${TWO} node-b\n`);
      etc(2, "hosts", `127.0.0.1 localhost\n${ONE} node-a\n127.0.1.1 node-b.test node-b\n`);
      start(1, "node-a,node-b");
      start(2, "node-a,node-b");
      await settled(cluster, "best", "outranked");
      await cluster.heardToHold(cluster.node(1));
      cluster.crash(cluster.node(1));
      await until(() => cluster.heldBy(cluster.node(2)), {
        title: "the backup takes over",
        withinMs: LONG_MS,
      });
      for (const number of [1, 2]) assertEquals(count(cluster, number, /CRIT|cannot resolve/), 0);
    }),
);

networkTest(
  "one name with the addresses of all three nodes is enough",
  () =>
    withNames({ count: 3 }, async (named) => {
      const { cluster, answers, start } = named;
      answers["all.test"] = [...NODES];
      for (const number of [1, 2, 3]) start(number, "all.test");
      await settled(cluster, "best", "outranked", "outranked");
      for (const number of [1, 2, 3]) {
        const peers = NODES.filter((_, index) => index + 1 !== number);
        for (const peer of peers) await said(cluster, number, new RegExp(`${peer}\\)? is alive`));
        assertEquals(count(cluster, number, /CRIT/), 0);
      }
      const { code, output } = await runOn(named, 2, ["-n", "-p", "all.test"]);
      assertEquals(code, 0, output);
      const line = `exoip: peer all.test is ${ONE}, ${THREE}; left out: ${TWO} (this machine)`;
      assert(output.includes(line), output);
    }),
);

networkTest(
  "a name with an IPv6 address only is used by a socket that speaks it, and told by one that does not",
  () =>
    withNames({ count: 2, ipv6: true }, async (named) => {
      const { cluster, answers, start } = named;
      answers["a.test"] = ["fd00:203::1"];
      answers["b.test"] = ["fd00:203::2"];
      start(1, "a.test,b.test");
      start(2, "a.test,b.test");
      await settled(cluster, "best", "outranked");
      const short = ["-p", "b.test", "-l", "0.0.0.0:12399"];
      const checked = await runOn(named, 1, ["-n", ...short]);
      const only =
        /cannot resolve b\.test: it has only fd00:203::2 \(IPv6, and -l listens on IPv4 only\)/;
      assertEquals(checked.code, 1, checked.output);
      assertMatch(checked.output, only);
      const doctor = await runOn(named, 1, ["--doctor", ...short]);
      assertEquals(doctor.code, 1, doctor.output);
      assertMatch(doctor.output, new RegExp(`FAIL +peers +${only.source}`));
      cluster.node(1).process?.signal("SIGTERM");
      assertEquals(await cluster.node(1).process?.ended(), 0);
      start(1, "b.test", ...short.slice(2));
      await said(cluster, 1, /CRIT *\] peer-name: .*cannot resolve b\.test .*IPv4 only/);
      await pause(3_000);
      assertEquals(cluster.node(1).process?.code, null);
      assert(
        cluster.heldBy(cluster.node(2)),
        `${cluster.holders}: node 2 runs, so it is left alone`,
      );
    }),
);

networkTest(
  "a name server that is silent at the start: one holds, and with the names the best one does",
  () =>
    withNames({ count: 2 }, async ({ cluster, answers }) => {
      answers["a.test"] = answers["b.test"] = "silent";
      const [one, two] = [cluster.node(1), cluster.node(2)];
      // The worse one has the lower id: it keeps the address if both attached it at the same moment.
      for (const [node, priority] of [[one, 20], [two, 10]] as const) {
        cluster.start(node, { priority, peers: null, args: ["-p", "a.test,b.test"] });
      }
      for (const number of [1, 2]) {
        await said(cluster, number, /cannot resolve .*waiting for the name/);
      }
      const incomplete = () => cluster.nodes.filter((node) => roleOf(node) === "incomplete");
      await until(() => cluster.holders.length === 1 && incomplete().length === 1, {
        title: "one of them holds, and the other leaves it alone",
        withinMs: LONG_MS,
      });
      const [holder] = cluster.holders;
      await pause(15_000);
      assertEquals(cluster.holders, [holder]);
      // One that was paused says `stalled` for a moment.
      await until(() => incomplete().length === 1, { title: "as before", withinMs: LONG_MS });
      for (const number of [1, 2]) {
        assertEquals(cluster.node(number).process?.code, null);
        assertEquals(count(cluster, number, /cannot resolve/), 1);
      }
      answers["a.test"] = [ONE];
      answers["b.test"] = [TWO];
      await until(
        () => cluster.heldBy(two) && roleOf(one) === "outranked" && roleOf(two) === "best",
        {
          title: "the best one holds",
          withinMs: LONG_MS,
        },
      );
      assertEquals(cluster.gaps, []);
    }),
);

networkTest(
  "a node that starts without the names leaves the address with the node that serves",
  () =>
    withNames({ ...PATIENT, count: 2 }, async ({ cluster, answers, start }) => {
      answers["b.test"] = "silent";
      start(2, `${ONE},${TWO}`);
      await until(() => cluster.heldBy(cluster.node(2)), {
        title: "node 2 holds",
        withinMs: LONG_MS,
      });
      start(1, `${ONE},b.test`);
      await said(cluster, 1, /role: backup \(incomplete/);
      await pause(15_000);
      assert(cluster.heldBy(cluster.node(2)), `${cluster.holders}`);
      assertEquals(cluster.server.model.history.length, 1, "nothing has changed");
      answers["b.test"] = [TWO];
      await settled(cluster, "best", "outranked");
      assertEquals(cluster.gaps, []);
    }),
);

networkTest(
  "a peer that is gone for good, with its record: its machine is off, so it is relieved",
  () =>
    withNames({ count: 2 }, async ({ cluster, answers, start }) => {
      answers["a.test"] = [ONE];
      answers["b.test"] = [TWO];
      start(1, "a.test,b.test");
      await until(() => cluster.heldBy(cluster.node(1)), {
        title: "node 1 holds",
        withinMs: LONG_MS,
      });
      await cluster.powerOff(cluster.node(1));
      delete answers["a.test"];
      start(2, "a.test,b.test");
      await until(() => cluster.heldBy(cluster.node(2)), {
        title: "node 2 holds",
        withinMs: LONG_MS,
      });
    }),
);

networkTest(
  "an AAAA without an answer delays neither the start nor the addresses of IPv4",
  () =>
    withNames({ count: 2 }, async ({ cluster, answers, start }) => {
      answers["a.test"] = { ipv4Only: [ONE] };
      answers["b.test"] = { ipv4Only: [TWO] };
      start(1, "a.test,b.test", "-l", "[::]:12345");
      start(2, "a.test,b.test");
      await settled(cluster, "best", "outranked");
      // The start waits 2 s at most for the names, and then says so.
      for (const number of [1, 2]) assertEquals(count(cluster, number, /cannot resolve/), 0);
    }),
);

networkTest(
  "look-ups without an answer delay no heartbeat",
  () =>
    // A dead time of 3 s, and a look-up takes 5 s.
    withNames({ count: 2, interval: "1" }, async ({ cluster, answers, start }) => {
      answers["b.test"] = [TWO];
      const silent = Array.from({ length: 20 }, (_, index) => `silent-${index}.test`);
      for (const name of silent) answers[name] = "silent";
      start(2, ONE);
      const late = () => [1, 2].map((number) => count(cluster, number, /peer-dead|stalled/)).join();
      // A busy machine may let a node wait for longer, too, but not each time.
      for (let times = 1;; times++) {
        start(1, ["b.test", ...silent].join());
        const { length } = cluster.node(2).lines;
        const heard = () =>
          cluster.node(2).lines.slice(length).some(({ text }) => / is alive/.test(text));
        await until(heard, { title: "node 2 hears node 1", withinMs: LONG_MS });
        const before = late();
        await pause(15_000);
        if (late() === before) break;
        assert(times < 3, cluster.node(2).process?.output);
        const dead = count(cluster, 2, /peer-dead/);
        cluster.crash(cluster.node(1));
        await cluster.node(1).process?.ended();
        await until(() => count(cluster, 2, /peer-dead/) > dead, { title: "it is missed" });
      }
    }),
);

networkTest(
  "a name's new address is used at SIGHUP without files, and by itself when the peer speaks",
  () =>
    withNames({ count: 3 }, async ({ cluster, answers, start }) => {
      answers["b.test"] = [TWO];
      start(1, "b.test");
      start(2, `${ONE},${TWO}`);
      await settled(cluster, "best", "outranked");
      cluster.node(2).process?.signal("SIGTERM");
      await cluster.node(2).process?.ended();
      answers["b.test"] = [THREE];
      cluster.node(1).process?.signal("SIGHUP");
      await said(cluster, 1, new RegExp(`reload: b\\.test is now ${THREE}, too`));
      await said(cluster, 1, new RegExp(`${THREE}\\)? joined`));
      start(3, `${ONE},${THREE}`);
      await said(cluster, 1, new RegExp(`${THREE}\\)? is alive`));
      await until(() => roleOf(cluster.node(3)) === "outranked", { title: "both hear each other" });
      // A second name, whose peer moves to an unexpected address.
      cluster.node(1).process?.signal("SIGTERM");
      await cluster.node(1).process?.ended();
      answers["c.test"] = ["203.0.113.99"];
      start(1, "c.test");
      await said(cluster, 1, /peer-unknown: .*203\.0\.113\.99 \(0 found\)/);
      answers["c.test"] = [THREE];
      await said(cluster, 1, new RegExp(`${THREE}\\)? is alive`));
      await settled(cluster, "best");
    }),
);

networkTest(
  "a name server that fails at a reload keeps the peers, and the rest of the reload",
  () =>
    withNames({ ...PATIENT, count: 2 }, async ({ cluster, answers, start }) => {
      answers["b.test"] = [TWO];
      const file = await Deno.makeTempFile({ prefix: "exoip-names-", suffix: ".toml" });
      try {
        await Deno.writeTextFile(file, 'peers = "b.test"\n');
        cluster.start(cluster.node(1), { priority: null, peers: null, args: ["--config", file] });
        start(2, `${ONE},${TWO}`);
        await settled(cluster, "best", "outranked");
        answers["b.test"] = "servfail";
        await Deno.writeTextFile(file, 'peers = "b.test"\npriority = 30\n');
        cluster.node(1).process?.signal("SIGHUP");
        await said(cluster, 1, new RegExp(`reload: b\\.test stays ${TWO}, though: `));
        await until(() => cluster.heldBy(cluster.node(2)), {
          title: "the new priority counts",
          withinMs: LONG_MS,
        });
        // A new name that cannot be resolved is an error, which changes nothing.
        await Deno.writeTextFile(file, 'peers = "b.test,c.test"\npriority = 5\n');
        cluster.node(1).process?.signal("SIGHUP");
        await said(cluster, 1, /reload-refused: .*cannot resolve c\.test/);
        await pause(2_000);
        assert(cluster.heldBy(cluster.node(2)), `${cluster.holders}`);
        assertEquals(count(cluster, 1, /peer-left|peer-dead/), 0);
        assertEquals(cluster.gaps, []);
      } finally {
        await Deno.remove(file);
      }
    }),
);
