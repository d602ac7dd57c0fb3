// The source address of heartbeats, on machines with unusual routes: the peers know one address of each, and the kernel
// would choose another.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { PATIENT } from "../support/cluster.ts";
import { until } from "../support/until.ts";
import { ExoipProcess } from "../support/process.ts";
import { ip } from "./ip.ts";
import { LONG_MS, type NetworkCluster, withCluster } from "./network_cluster.ts";
import { natMissing, networkTest } from "./requirements.ts";

/** Runs that on every node's machine. */
async function everywhere(
  { nodes, network }: NetworkCluster,
  commands: (number: number) => readonly string[],
): Promise<void> {
  for (const [index] of nodes.entries()) {
    await ip(network.namespace(index + 1), ...commands(index + 1));
  }
}

/** Fails unless the nodes hear each other, the backup takes over from a dead master, and the master comes back. */
async function servesWell(cluster: NetworkCluster): Promise<void> {
  const [one, two] = [cluster.node(1), cluster.node(2)];
  await cluster.settle();
  for (const { process } of [one, two]) {
    assert(!/ (refused|source|one-way): /.test(process?.output ?? ""), process?.output);
  }
  cluster.crash(one);
  await until(() => cluster.heldBy(two), { title: "the backup takes over", withinMs: LONG_MS });
  assertEquals(cluster.gaps.length, 1);
  cluster.mark(one, "alive");
  cluster.start(one, { priority: 10 });
  await until(() => cluster.heldBy(one), { title: "it comes back", withinMs: LONG_MS });
  assertEquals(cluster.gaps.length, 1, "without another gap");
}

networkTest(
  "heartbeats leave from the own address though the default route names the Elastic IP",
  () =>
    withCluster(PATIENT, async (cluster) => {
      const { ip: elasticIp } = cluster.address;
      // Peers are then reached by the default route.
      await everywhere(cluster, () => [
        `address add ${elasticIp}/32 dev lo`,
        "route delete 203.0.113.0/24 dev lan",
        `route replace default dev lan src ${elasticIp}`,
      ]);
      await servesWell(cluster);
    }),
);

networkTest(
  "heartbeats leave from the own address though the Elastic IP is on the same interface, and first",
  () =>
    withCluster(PATIENT, async (cluster) => {
      const { ip: elasticIp } = cluster.address;
      await everywhere(cluster, (number) => [
        `address delete 203.0.113.${number}/24 dev lan`,
        `address add ${elasticIp}/32 dev lan`,
        `address add 203.0.113.${number}/32 dev lan`,
        `route replace 203.0.113.0/24 dev lan src ${elasticIp}`,
      ]);
      await servesWell(cluster);
    }),
);

networkTest(
  "heartbeats leave from the own address on a machine with two interfaces and two default routes",
  () =>
    withCluster(PATIENT, async (cluster) => {
      for (const number of [1, 2]) {
        await cluster.network.addInterface(number, { name: "wan", address: `192.0.2.${number}` });
      }
      await everywhere(cluster, () => [
        "route delete 203.0.113.0/24 dev lan",
        "route add default dev wan metric 50",
        "route add default dev lan metric 100",
      ]);
      await servesWell(cluster);
    }),
);

networkTest(
  "heartbeats over IPv6 leave from the own address, and not from the Elastic IP on lo",
  () =>
    withCluster({ ...PATIENT, ipv6: true }, async (cluster) => {
      const { ip: elasticIp } = cluster.address;
      await everywhere(cluster, () => [
        `address add ${elasticIp}/128 dev lo nodad`,
        "route delete fd00:203::/64 dev lan",
        `route add fd00:203::/64 dev lan src ${elasticIp}`,
      ]);
      await servesWell(cluster);
    }),
);

/** Output of `--status` on a node's machine, asked at its watchdog's listen address. */
async function statusOf({ network }: NetworkCluster, number: number): Promise<string> {
  const process = new ExoipProcess(["--status", "-l", network.listen()], {
    wrap: network.wrap(number),
  });
  await process.ended();
  return process.output;
}

/** Waits until `--status` says that the first node is the best: one that was paused says that for a moment. */
async function isBest(cluster: NetworkCluster): Promise<void> {
  const best = async () => /^ {2}role +master \(best\)/m.test(await statusOf(cluster, 1));
  await until(best, { title: "--status says best", withinMs: LONG_MS, everyMs: 500 });
}

networkTest(
  "-l [::] hears IPv4 where IPv6 sockets take none (net.ipv6.bindv6only)",
  () =>
    withCluster({ ...PATIENT, listen: "[::]:12345" }, async (cluster) => {
      for (const number of [1, 2]) await cluster.network.sysctl(number, "net.ipv6.bindv6only=1");
      await servesWell(cluster);
      await isBest(cluster);
    }),
);

networkTest(
  "-l [::] hears IPv4 where IPv6 is switched off",
  () =>
    withCluster({ ...PATIENT, listen: "[::]:12345" }, async (cluster) => {
      for (const number of [1, 2]) {
        for (const scope of ["all", "default", "lo"]) {
          await cluster.network.sysctl(number, `net.ipv6.conf.${scope}.disable_ipv6=1`);
        }
      }
      await cluster.settle();
      await isBest(cluster);
    }),
);

networkTest(
  "an own address that comes after the start, goes and comes back is told of, and used",
  () =>
    withCluster({}, async (cluster) => {
      const [one, two] = [cluster.node(1), cluster.node(2)];
      const { network } = cluster;
      const namespace = network.namespace(1);
      const [own, other] = ["address add 203.0.113.1/32 dev lan", "203.0.113.101/24 dev lan"];
      await ip(namespace, "address delete 203.0.113.1/24 dev lan", `address add ${other}`);
      cluster.start(one, { priority: 10 });
      cluster.start(two, { priority: 20 });
      const said = (node: typeof one, text: RegExp) =>
        node.process?.lines.filter((line) => text.test(line.text)).length ?? 0;
      const missing =
        /WARNING\] source: IPv4 heartbeats do not leave from 203\.0\.113\.1, .*: no interface .* put it on/;
      const again = /INFO +\] source: heartbeats leave from 203\.0\.113\.1 again/;
      await until(() => said(one, missing) > 0, { title: "it says so", withinMs: LONG_MS });
      const stray =
        /refused: datagram from 203\.0\.113\.101: unknown-source: it says that it is 203\.0/;
      await until(() => said(two, stray) > 0, { title: "the peer names it", withinMs: LONG_MS });
      assert(!/peer .*\b203\.0\.113\.1\)? is alive/.test(two.process?.output ?? ""));

      await ip(namespace, own);
      const heard = /peer-alive: peer .*\b203\.0\.113\.1\)? is alive/;
      await until(() => said(two, heard) > 0, { title: "then it is heard", withinMs: LONG_MS });
      await until(() => said(one, again) > 0, { title: "and says so", withinMs: LONG_MS });
      await until(() => cluster.heldBy(one), { title: "the better one holds", withinMs: LONG_MS });

      const dead = /peer-dead: peer .*\b203\.0\.113\.1\)? /;
      const [died, lived] = [said(two, dead), said(two, heard)];
      await ip(namespace, "address delete 203.0.113.1/32 dev lan");
      await until(() => said(two, dead) > died, { title: "it is gone", withinMs: LONG_MS });
      await ip(namespace, own);
      const back = () => said(two, heard) > lived;
      await until(back, { title: "it is heard again", withinMs: LONG_MS });
      await until(() => cluster.heldBy(one), { title: "the better one holds", withinMs: LONG_MS });
      assertMatch(one.process?.output ?? "", missing);
      assertEquals(cluster.ended, [], "nothing has thrown");
    }),
);

networkTest(
  "behind a network that translates addresses heartbeats still arrive, and a line says so",
  () =>
    withCluster({}, async (cluster) => {
      const one = cluster.node(1);
      const { network } = cluster;
      const namespace = network.namespace(1);
      const inside = "203.0.113.101/24 dev lan";
      await ip(namespace, "address delete 203.0.113.1/24 dev lan", `address add ${inside}`);
      // An address that the machine lacks can be bound anyway, but nothing leaves from it.
      await network.sysctl(1, "net.ipv4.ip_nonlocal_bind=1");
      const nat = (rule: string) => network.run(1, `iptables -t nat -A ${rule}`);
      await nat("POSTROUTING -o lan -s 203.0.113.101 -j SNAT --to-source 203.0.113.1");
      await nat("PREROUTING -i lan -d 203.0.113.1 -j DNAT --to-destination 203.0.113.101");
      await cluster.settle();
      const told = one.process?.lines.filter(({ text }) => / source: /.test(text)) ?? [];
      assertEquals(told.length, 1, one.process?.output);
      assertMatch(
        told[0]?.text ?? "",
        /source: IPv4 heartbeats do not leave from 203\.0\.113\.1, /,
      );
    }),
  { missing: await natMissing() },
);

networkTest(
  "-l with an address that the cloud does not know is warned of once",
  () =>
    withCluster({ listen: "203.0.113.101:12345" }, async (cluster) => {
      const one = cluster.node(1);
      await ip(cluster.network.namespace(1), "address add 203.0.113.101/24 dev lan");
      cluster.start(one, { priority: 10 });
      await until(() => cluster.heldBy(one), { title: "it holds, alone", withinMs: LONG_MS });
      const told = one.process?.lines.filter(({ text }) => / source: /.test(text)) ?? [];
      assertEquals(told.length, 1, one.process?.output);
      assertMatch(
        told[0]?.text ?? "",
        /WARNING\] source: IPv4 .* leave from 203\.0\.113\.1, .*: -l names 203\.0\.113\.101, /,
      );
    }),
);

/** Runs the doctor on the machine of a node without a watchdog; its exit code and lines. */
async function diagnose(
  cluster: NetworkCluster,
  number: number,
): Promise<{ code: number | null; of: (check: string) => string[] }> {
  const node = cluster.node(number);
  const before = node.process;
  cluster.start(node, { priority: 10, args: ["--doctor"] });
  const { process } = node;
  await process?.ended();
  node.process = before;
  const lines = process?.lines.map(({ text }) => text) ?? [];
  const of = (check: string) => lines.filter((line) => line.slice(5).startsWith(`${check} `));
  return { code: process?.code ?? null, of };
}

networkTest(
  "--doctor tells a wrong source here from a wrong source there and from a closed port",
  () =>
    withCluster({}, async (cluster) => {
      const { network, address: { ip: elasticIp } } = cluster;
      const two = cluster.node(2);
      const open = { direction: "ingress", protocol: "udp", ports: [12345, 12345] } as const;
      cluster.server.model.rules.set("edge", [{ ...open, group: "edge" }]);
      await everywhere(cluster, () => [`address add ${elasticIp}/32 dev lo`]);
      cluster.start(two, { priority: 20 });
      await until(() => cluster.heldBy(two), { title: "the other one holds", withinMs: LONG_MS });
      const well = await diagnose(cluster, 1);
      assertEquals(well.of("source"), [
        "ok   source     IPv4 heartbeats leave from 203.0.113.1",
      ]);
      assertMatch(
        well.of("heartbeats").join("\n"),
        /^ok .* node-2 \(203\.0\.113\.2\) answers: both ways work$/,
      );

      // The other machine loses its address, and its routes choose the Elastic IP; the kernel here drops its
      // heartbeats.
      await ip(
        network.namespace(2),
        "address delete 203.0.113.2/24 dev lan",
        `route add 203.0.113.0/24 dev lan src ${elasticIp}`,
      );
      const dropped = await diagnose(cluster, 1);
      assertMatch(
        dropped.of("heartbeats").join("\n"),
        /^warn .*2\) is silent, and this kernel has dropped \d+ datagrams .* leave from the Elastic IP/,
      );
      await ip(network.namespace(1), `address delete ${elasticIp}/32 dev lo`);
      const strayed = await diagnose(cluster, 1);
      assertMatch(
        strayed.of("heartbeats").join("\n"),
        /^FAIL .* node-2 \(203\.0\.113\.2\) sends its heartbeats from 198\.51\.100\.50, the Elastic IP itself, /,
      );
      assertEquals(strayed.code, 1);
      const there = await diagnose(cluster, 2);
      assertMatch(
        there.of("source").join("\n"),
        /^FAIL .* leave from 203\.0\.113\.2, .*, but from 198\.51\.100\.50: no interface .* put it on/,
      );
      assertEquals(there.code, 1);

      // Only something on this machine drops them.
      await ip(
        network.namespace(2),
        "route delete 203.0.113.0/24 dev lan",
        "address add 203.0.113.2/24 dev lan",
      );
      await ip(network.namespace(1), `address add ${elasticIp}/32 dev lo`);
      await network.block(2, 1);
      const closed = await diagnose(cluster, 1);
      assertEquals(closed.of("source"), well.of("source"));
      assertMatch(
        closed.of("heartbeats").join("\n"),
        /^warn .*2\) is silent: no watchdog .* a firewall inside a machine/,
      );
    }),
);
