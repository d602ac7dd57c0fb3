// Real watchdogs, each with its own service: a node with a failing check gives way without a gap.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { skippableTest } from "../support/skippable.ts";
import { Cluster, type ClusterNode, PATIENT } from "../support/cluster.ts";
import { until } from "../support/until.ts";
import { Haproxy, NO_HAPROXY } from "./haproxy.ts";

const NO_SHELL = Deno.build.os === "windows" ? "needs a POSIX shell" : null;
const LIMITER = ["--check-interval", "200ms", "--check-timeout", "2s"];

/** Options that check a haproxy. */
function looksAt({ port }: Haproxy): string[] {
  const http = `http://127.0.0.1:${port}/?status=200&body=pool+is+up`;
  return [...LIMITER, "--check", `tcp://127.0.0.1:${port}`, "--check", http];
}

const says = (node: ClusterNode, pattern: RegExp) => () => pattern.test(node.process?.output ?? "");

/** Resolves when a node has received that many more heartbeats. */
async function hears(
  { instance }: ClusterNode,
  { port, more }: { port: number; more: number },
): Promise<void> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const to = { transport: "udp", hostname: instance.address, port } as const;
  const counts: number[] = [];
  const read = (async () => {
    for await (const [answer] of socket) {
      const [, count] = /received (\d+)/.exec(new TextDecoder().decode(answer)) ?? [];
      if (count !== undefined) counts.push(Number(count));
    }
  })();
  // Questions beyond the limit get no answer.
  const asking = setInterval(() => void socket.send(new TextEncoder().encode("info"), to), 300);
  try {
    const enough = () => (counts.at(-1) ?? 0) - (counts[0] ?? 0) >= more;
    await until(enough, { title: `${more} more heartbeats are taken` });
  } finally {
    clearInterval(asking);
    socket.close();
    await read;
  }
}

skippableTest(
  "the node whose haproxy stops hands over without a gap, and takes it back; if all fail the best holds",
  NO_HAPROXY,
  async () => {
    const cluster = new Cluster({ ...PATIENT, count: 2 });
    const [one, two] = [cluster.node(1), cluster.node(2)];
    const [first, second] = [await Haproxy.create(), await Haproxy.create()];
    try {
      cluster.start(one, { priority: 10, args: looksAt(first) });
      cluster.start(two, { priority: 20, args: looksAt(second) });
      await until(() => cluster.holders.join() === "node-1", { title: "the better one holds" });
      await until(says(two, /role: backup \(outranked/), { title: "the other is well, too" });
      await until(says(one, /role: master \(best\)/), { title: "they hear each other" });
      const { history } = cluster.server.model;

      await first.stop();
      await until(() => cluster.holders.join() === "node-2", { title: "the well one has it" });
      await until(() => one.role === "backup", { title: "the unhealthy one is backup" });
      const refused = new RegExp(
        `check-failing: tcp://127\\.0\\.0\\.1:${first.port}: connection refused`,
      );
      assertMatch(one.process?.output ?? "", refused);
      // The reason of the check that failed first.
      const why = `(tcp|http)://127\\.0\\.0\\.1:${first.port}\\S*: [^;]+`;
      const role = new RegExp(
        `role: backup \\(unhealthy: ${why}(; ${why})?; makes way for \\S+ \\(127\\.\\S+ with priority 20\\)`,
      );
      assertMatch(one.process?.output ?? "", role);

      await first.start();
      await until(() => cluster.holders.join() === "node-1", { title: "it has come back" });
      assertMatch(
        one.process?.output ?? "",
        /check-passing: http:.*passed after \S+ m?s, was failing for/,
      );

      await second.stop();
      await until(says(two, /check-failing: tcp/), { title: "the other sees its own" });
      await first.stop();
      await until(says(one, /role: master \(unhealthy: (tcp|http):.*; no live node is healthy\)/), {
        title: "the best still holds, and says so",
      });
      assertEquals(cluster.holders, ["node-1"]);
      assert(history.every(({ holders }) => holders.length > 0), JSON.stringify(history));

      await second.start();
      await until(() => cluster.holders.join() === "node-2", {
        title: "one that is well takes it",
      });
      assert(history.every(({ holders }) => holders.length > 0), JSON.stringify(history));
      const twice = (node: ClusterNode, check: string) =>
        node.lines.filter(({ text }) => text.includes(`check-failing: ${check}`)).length;
      assertEquals([twice(one, "tcp"), twice(two, "tcp")], [2, 1], "one line for each change");
    } finally {
      await cluster.close();
      await Promise.all([first.close(), second.close()]);
    }
  },
);

skippableTest("heartbeats leave on time while checks hang, fork and flood", NO_SHELL, async () => {
  // A dead time of 4 s: a busy machine lets a process wait for a moment, and what hangs here hangs for ever.
  const cluster = new Cluster({ ...PATIENT, count: 2 });
  const [one, two] = [cluster.node(1), cluster.node(2)];
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const bad = [
    `http://127.0.0.1:${silent.addr.port}/`,
    `exec:sh -c "trap '' TERM; while :; do sleep 1; done"`,
    "exec:yes",
    "exec:sh -c 'sleep 1000 & yes >&2'",
  ].flatMap((check) => ["--check", check]);
  try {
    const limiter = ["--check-interval", "100ms", "--check-timeout", "300ms"];
    cluster.start(one, { priority: 10, args: [...limiter, ...bad] });
    cluster.start(two, { priority: 20 });
    await until(() => cluster.holders.join() === "node-2", { title: "the well one holds" });
    const failing = () => one.lines.filter(({ text }) => text.includes("check-failing:")).length;
    await until(() => failing() === 4, { title: "all four have failed" });
    await hears(two, { port: cluster.port, more: 30 });
    assert(!/peer-dead/.test(two.process?.output ?? ""), two.process?.output);
    one.process?.signal("SIGTERM");
    assertEquals(await one.process?.ended(), 0, one.process?.output);
  } finally {
    silent.close();
    await cluster.close();
  }
});

skippableTest(
  "--notify tells roles and the end, without secrets, and does no harm when it fails",
  NO_SHELL,
  async () => {
    const folder = await Deno.makeTempDir();
    const cluster = new Cluster({ count: 2 });
    const [one, two] = [cluster.node(1), cluster.node(2)];
    const script = `echo "$EXOIP_PREVIOUS_ROLE-$EXOIP_ROLE ($EXOIP_REASON) $EXOIP_ADDRESS ` +
      `$EXOIP_INSTANCE_ID \${IF_EXOSCALE_API_SECRET-none}" >> ${folder}/told`;
    const told = () => {
      try {
        return Deno.readTextFileSync(`${folder}/told`).trim().split("\n");
      } catch {
        return [];
      }
    };
    try {
      cluster.start(one, { priority: 10, args: ["--notify", `sh -c '${script}'`] });
      const failing = "sh -c 'echo no >&2; exit 5'";
      cluster.start(two, { priority: 20, args: ["--notify", failing] });
      await until(() => told().length === 1, { title: "the first role is told" });
      await until(() => cluster.holders.join() === "node-1", { title: "it holds" });
      const failed = says(two, /notify: sh: backup of 198\.51\.100\.50: exit code 5: no/);
      await until(failed, { title: "the failure is a line" });
      two.process?.signal("SIGKILL");
      await until(says(one, /peer-dead/), { title: "it is alone" });
      one.process?.signal("SIGTERM");
      assertEquals(await one.process?.ended(), 0, one.process?.output);
      const rest = `${cluster.address.ip} ${one.instance.id} none`;
      assertEquals(told().length, 2, told().join("; "));
      // `alone` if the other was slow to start.
      assertMatch(told()[0] ?? "", new RegExp(`^none-master \\((best|alone)\\) ${rest}$`));
      assertEquals(told()[1], `master-backup (leaving) ${rest}`);
    } finally {
      await cluster.close();
      await Deno.remove(folder, { recursive: true });
    }
  },
);

skippableTest(
  "at the end --notify has its time for each address, and the service manager allows it",
  Deno.build.os === "linux" ? null : "needs systemd's sockets",
  async () => {
    const folder = await Deno.makeTempDir();
    const manager = Deno.listenDatagram({ transport: "unixpacket", path: `${folder}/notify` });
    const heard: string[] = [];
    const hearing = (async () => {
      for await (const [bytes] of manager) heard.push(new TextDecoder().decode(bytes));
    })();
    const cluster = new Cluster({ count: 1 });
    const ips = [cluster.address.ip, "198.51.100.60"];
    cluster.server.model.addAddress("198.51.100.60");
    const one = cluster.node(1);
    const script = "[ $EXOIP_REASON != leaving ] || sleep 1.5; " +
      `echo "$EXOIP_ROLE $EXOIP_ADDRESS" >> ${folder}/told; exit 5`;
    const told = () => {
      try {
        return Deno.readTextFileSync(`${folder}/told`).trim().split("\n");
      } catch {
        return [];
      }
    };
    try {
      const args = ["--notify", `sh -c '${script}'`, "--notify-timeout", "20s"];
      const env = { NOTIFY_SOCKET: `${folder}/notify` };
      cluster.start(one, { elasticIp: ips.join(), args, env });
      await until(() => told().length === 2, { title: "both are master" });
      one.process?.signal("SIGTERM");
      assertEquals(await one.process?.ended(), 0, one.process?.output);
      assertEquals(told().slice(2).sort(), ips.map((ip) => `backup ${ip}`));
      for (const ip of ips) {
        assert(one.process?.output.includes(`notify: ${ip}: sh: backup of ${ip}: exit code 5`));
      }
      const more = () => heard.indexOf("EXTEND_TIMEOUT_USEC=47000000");
      await until(() => more() >= 0, { title: "the manager is told of the time" });
      const stopping = heard.findIndex((text) => text.includes("STOPPING=1"));
      assert(stopping >= 0 && stopping < more(), heard.join("; "));
    } finally {
      await cluster.close();
      manager.close();
      await hearing;
      await Deno.remove(folder, { recursive: true });
    }
  },
);

skippableTest("a third SIGTERM waits for no --notify", NO_SHELL, async () => {
  const folder = await Deno.makeTempDir();
  const cluster = new Cluster({ count: 1 });
  const one = cluster.node(1);
  try {
    const script = `[ $EXOIP_ROLE = master ] || { touch ${folder}/leaving; exec sleep 300; }`;
    cluster.start(one, { args: ["--notify", `sh -c '${script}'`, "--notify-timeout", "1h"] });
    await until(() => cluster.holders.join() === "node-1", { title: "it holds" });
    one.process?.signal("SIGTERM");
    const leaving = () => {
      try {
        return Deno.statSync(`${folder}/leaving`).isFile;
      } catch {
        return false;
      }
    };
    await until(leaving, { title: "the command hangs" });
    for (const _ of Array(50)) {
      if (one.process?.code !== null) break;
      one.process.signal("SIGTERM");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assertEquals(await one.process?.ended(), 0, one.process?.output);
    assertMatch(one.process?.output ?? "", /notify: sh: given up at the end$/m);
  } finally {
    await cluster.close();
    await Deno.remove(folder, { recursive: true });
  }
});
