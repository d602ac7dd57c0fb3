// Without --address-on, another program puts the Elastic IP on an interface. A holder reports if its machine has it
// nowhere.
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Snapshot } from "../../src/status/snapshot.ts";
import { type ClusterNode, PATIENT } from "../support/cluster.ts";
import { pause, until } from "../support/until.ts";
import { ExoipProcess } from "../support/process.ts";
import { ip } from "./ip.ts";
import { LONG_MS, type NetworkCluster, roleOf, withCluster } from "./network_cluster.ts";
import { networkTest } from "./requirements.ts";

/** A node's lines about the interface. */
const said = (node: ClusterNode) => node.lines.filter(({ text }) => text.includes("interface: "));

const WARNING = /WARNING.*interface: this instance holds the Elastic IP, and no interface of the/;

/** A single node that holds the address, which its machine has nowhere; and what it reports. */
async function holder(
  cluster: NetworkCluster,
  { args = [], prepare = [] }: { args?: readonly string[]; prepare?: readonly string[] } = {},
) {
  const { network } = cluster, one = cluster.node(1), namespace = network.namespace(1);
  const place = `${network.cloudClient(1)}:9311`;
  if (prepare.length > 0) {
    const [command = "", ...rest] = [...network.wrap(1), ...prepare];
    assert((await new Deno.Command(command, { args: rest }).output()).success);
  }
  cluster.start(one, { priority: 10, args: ["--listen-status", place, ...args] });
  await until(() => cluster.heldBy(one) && roleOf(one) !== "", {
    title: "it holds",
    withinMs: LONG_MS,
  });
  const get = async (path: string) => await (await fetch(`http://${place}${path}`)).text();
  const gauge = async () =>
    /^exoip_address_on_interface{.*} (.*)$/m.exec(await get("/metrics"))?.[1] ?? null;
  const view = async () => (JSON.parse(await get("/status.json")) as Snapshot).addresses[0]!;
  const status = async () => {
    const process = new ExoipProcess(["--status"], { wrap: network.wrap(1) });
    await process.ended();
    return process.output;
  };
  const lines = (count: number) =>
    until(() => said(one).length >= count, {
      title: `line ${count} about it`,
      withinMs: LONG_MS,
    });
  return { one, namespace, gauge, view, status, lines };
}

networkTest(
  "a holder whose machine has the address nowhere warns once, shows it, and says when it is there",
  () =>
    withCluster({ count: 1 }, async (cluster) => {
      const { one, namespace, gauge, view, status, lines } = await holder(cluster);
      await lines(1);
      assertMatch(said(one)[0]?.text ?? "", WARNING);
      assertMatch(
        said(one)[0]?.text ?? "",
        /dropped: ip address add 198\.51\.100\.50\/32 dev lo, or --address-on lo$/,
      );
      await pause(3_000);
      assertEquals(said(one).length, 1, "once");
      assertEquals(await gauge(), "0");
      assertMatch(
        await status(),
        /^CRITICAL: [^]*\n {2}interface +none has the address, looked \d\.\d s ago\n/,
      );
      const { onInterface, interfaceProblem, healthy } = await view();
      assertEquals([onInterface, interfaceProblem, healthy], [false, "", true]);

      await ip(namespace, `address add ${cluster.address.ip}/24 dev lan label lan:vip`);
      await lines(2);
      assertMatch(said(one)[1]?.text ?? "", /INFO.*the address is on lan:vip now, after \d+\.\d s/);
      assertEquals([await gauge(), (await view()).interface], ["1", "lan:vip"]);
      const fine = /^OK: [^]*\n {2}interface +lan:vip, looked \d\.\d s ago\n/;
      // A process that was paused warns of that for a moment.
      await until(async () => fine.test(await status()), { title: "OK", everyMs: 500 });

      // The kernel also accepts addresses by a route, even if no interface has them.
      // The route comes first: a look between the two commands would miss the address.
      await ip(
        namespace,
        `route append local ${cluster.address.ip} dev lo`,
        `address delete ${cluster.address.ip}/24 dev lan`,
      );
      await pause(3_000);
      assertEquals([await gauge(), said(one).length], ["1", 2], one.process?.output);
      await ip(namespace, `route delete local ${cluster.address.ip} dev lo`);
      await lines(3);
      assertMatch(said(one)[2]?.text ?? "", WARNING);
      assertEquals(cluster.holders, ["node-1"], "it goes on holding");
      one.process?.signal("SIGTERM");
      assertEquals(await one.process?.ended(), 0, one.process?.output);
    }),
);

networkTest(
  "where the kernel lets any address be bound, the interfaces are looked through",
  () =>
    withCluster({ count: 1 }, async (cluster) => {
      const nonlocal = "echo 1 | tee /proc/sys/net/ipv4/ip_nonlocal_bind";
      const { one, namespace, gauge, lines } = await holder(cluster, {
        prepare: ["sh", "-c", nonlocal],
      });
      await lines(1);
      assertMatch(said(one)[0]?.text ?? "", WARNING);
      assertEquals(await gauge(), "0");
      await ip(namespace, `address add ${cluster.address.ip}/32 dev lo`);
      await lines(2);
      assertEquals(await gauge(), "1");
    }),
);

networkTest(
  "of an Elastic IPv6 any address of its /96 on the machine is enough",
  () =>
    withCluster({ count: 1, ipv6: true }, async (cluster) => {
      const { one, namespace, gauge, view, lines } = await holder(cluster);
      await lines(1);
      assertMatch(said(one)[0]?.text ?? "", /ip address add 2001:db8:0:1:2::1\/128 dev lo/);
      await ip(namespace, "address add 2001:db8:0:1:2:0:abcd:ef01/96 dev lo");
      await lines(2);
      assertEquals([await gauge(), (await view()).interface], ["1", "lo"]);
    }),
);

networkTest(
  "a backup is told nothing, until it holds",
  () =>
    withCluster(PATIENT, async (cluster) => {
      await cluster.settle();
      const [one, two] = [cluster.node(1), cluster.node(2)];
      await until(() => said(one).length === 1, { title: "the holder warns", withinMs: LONG_MS });
      assertEquals(said(two), []);
      one.process?.signal("SIGTERM");
      await until(() => said(two).length === 1, { title: "the next one warns", withinMs: LONG_MS });
      assertMatch(said(two)[0]?.text ?? "", WARNING);
    }),
);
