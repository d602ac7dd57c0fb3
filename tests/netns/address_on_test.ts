// --address-on with the real `ip`: the watchdog puts the address on the interface while it runs, and removes it only if
// it put it there.
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Snapshot } from "../../src/status/snapshot.ts";
import { type ClusterNode, PATIENT } from "../support/cluster.ts";
import { pause, until } from "../support/until.ts";
import { ip } from "./ip.ts";
import { hasRole, LONG_MS, type NetworkCluster, roleOf, withCluster } from "./network_cluster.ts";
import { networkTest } from "./requirements.ts";

const ARGS = ["--address-on", "lo"];

/** Addresses on the loopback interface of a node. */
async function onLoopback(cluster: NetworkCluster, number: number): Promise<string[]> {
  const shown = await ip(cluster.network.namespace(number), "address show dev lo");
  return [...shown.matchAll(/inet (\S+)/g)].map(([, prefix = ""]) => prefix);
}

networkTest(
  "the address is on the interface of every node that runs, and off when it has ended",
  () =>
    withCluster(PATIENT, async (cluster) => {
      const prefix = `${cluster.address.ip}/32`;
      const two = cluster.node(2);
      await ip(cluster.network.namespace(2), `address add ${prefix} dev lo`);
      await cluster.settle({ args: ARGS });
      assert((await onLoopback(cluster, 1)).includes(prefix));
      for (const number of [1, 2]) {
        const { process } = cluster.node(number);
        process?.signal("SIGTERM");
        assertEquals(await process?.ended(), 0, process?.output);
      }
      assertEquals(await onLoopback(cluster, 1), ["127.0.0.1/8"]);
      assert((await onLoopback(cluster, 2)).includes(prefix), "it was there before, and stays");
      assertMatch(two.process?.output ?? "", /interface: .* is on lo already, and stays/);
    }),
);

networkTest(
  "what a crash left on the interface is no hindrance, and an interface that is missing is",
  () =>
    withCluster({}, async (cluster) => {
      const one = cluster.node(1);
      cluster.start(one, { priority: 10, args: ARGS });
      await until(() => roleOf(one) !== "", { title: "it has a role", withinMs: LONG_MS });
      one.process?.signal("SIGKILL");
      await one.process?.ended();
      cluster.start(one, { priority: 10, args: ARGS });
      await until(() => roleOf(one) !== "", { title: "it has a role again", withinMs: LONG_MS });
      one.process?.signal("SIGTERM");
      assertEquals(await one.process?.ended(), 0, one.process?.output);
      cluster.start(one, { priority: 10, args: ["--address-on", "nonesuch0"] });
      assertEquals(await one.process?.ended(), 1, one.process?.output);
      const problem =
        /interface: --address-on \(IF_ADDRESS_ON\): ip address show .*"nonesuch0" does not/;
      assertMatch(one.process?.output ?? "", problem);
      assert(!/role: /.test(one.process?.output ?? ""), "it did not take part in anything");
    }),
);

networkTest(
  "without the right to change the interface the start ends, with the reason",
  () =>
    withCluster({}, async (cluster) => {
      const one = cluster.node(1);
      const wrap = cluster.network.wrap.bind(cluster.network);
      cluster.network.wrap = (number) => [...wrap(number), "setpriv", "--bounding-set=-all"];
      cluster.start(one, { priority: 10, args: ARGS });
      assertEquals(await one.process?.ended(), 1, one.process?.output);
      assertMatch(
        one.process?.output ?? "",
        /--address-on \(IF_ADDRESS_ON\): ip address replace .*Operation not permitted/,
      );
    }),
);

/** Promised limit from the loss of the address until it is back. */
const BACK_MS = 5_000;

/** A node's lines about the interface. */
const said = (node: ClusterNode) => node.lines.filter(({ text }) => text.includes("interface: "));

/** Resolves when the node's interface has the address, within the promised time. */
async function isBack(cluster: NetworkCluster, number: number, device: string): Promise<void> {
  const namespace = cluster.network.namespace(number);
  const endAtMs = performance.now() + BACK_MS;
  const there = async () =>
    (await ip(namespace, `address show dev ${device}`)).includes(` ${cluster.address.ip}/`);
  while (!await there()) {
    assert(performance.now() < endAtMs, `the address is not back on ${device} after 5 s`);
    await pause(50);
  }
}

networkTest(
  "an address that somebody takes off is put back, with one line each time, and nothing moves",
  () =>
    withCluster(PATIENT, async (cluster) => {
      await cluster.settle({ args: ARGS });
      const [one, two] = [cluster.node(1), cluster.node(2)];
      for (const number of [1, 2]) {
        const node = cluster.node(number), { length } = said(node);
        const namespace = cluster.network.namespace(number);
        await ip(namespace, `address delete ${cluster.address.ip}/32 dev lo`);
        await isBack(cluster, number, "lo");
        await until(() => said(node).length > length, { title: "it is told", withinMs: LONG_MS });
        assertMatch(
          said(node)[length]?.text ?? "",
          /WARNING.*the address was taken off lo, and is/,
        );
        // Like ifdown and ifup.
        await ip(namespace, "address flush dev lo", "link set lo down");
        await isBack(cluster, number, "lo");
        await ip(namespace, "link set lo up");
        await isBack(cluster, number, "lo");
        await until(() => said(node).length >= length + 2, {
          title: "it is told again",
          withinMs: LONG_MS,
        });
        await pause(2_500);
        assertEquals(said(node).length, length + 2, node.process?.output);
      }
      await hasRole(one, "best");
      await hasRole(two, "outranked");
      assertEquals(cluster.server.model.history.length, 1, "nobody else has held it");
      for (const { process } of [one, two]) {
        process?.signal("SIGTERM");
        assertEquals(await process?.ended(), 0, process?.output);
      }
      for (const number of [1, 2]) {
        const left = await onLoopback(cluster, number);
        assert(!left.includes(`${cluster.address.ip}/32`), "what it put back is off");
      }
    }),
);

networkTest(
  "an IPv6 address that goes with its interface is put back when that is up again",
  () =>
    withCluster({ ...PATIENT, ipv6: true }, async (cluster) => {
      const namespaces = [1, 2].map((number) => cluster.network.namespace(number));
      for (const namespace of namespaces) {
        await ip(namespace, "link add vip type bridge", "link set vip up");
      }
      await cluster.settle({ args: ["--address-on", "vip"] });
      await ip(namespaces[0]!, "link set vip down");
      await pause(1_500);
      await ip(namespaces[0]!, "link set vip up");
      await isBack(cluster, 1, "vip");
      await ip(namespaces[0]!, `address delete ${cluster.address.ip}/128 dev vip`);
      await isBack(cluster, 1, "vip");
      assert(!/unhealthy/.test(cluster.node(1).process?.output ?? ""), "it never gave up");
    }),
);

networkTest(
  "a node whose interface is gone hands over to a healthy one, says why, and takes the address back with it",
  () =>
    withCluster(PATIENT, async (cluster) => {
      const { network } = cluster;
      const make = (number: number) =>
        ip(network.namespace(number), "link add vip type bridge", "link set vip up");
      await make(1);
      await make(2);
      const [one, two] = [cluster.node(1), cluster.node(2)];
      const args = (number: number) => [
        ...["--address-on", "vip", "--listen-status", `${network.cloudClient(number)}:9311`],
      ];
      cluster.start(one, { priority: 10, args: args(1) });
      cluster.start(two, { priority: 20, args: args(2) });
      await until(() => cluster.heldBy(one) && roleOf(two) === "outranked", {
        title: "it settles",
        withinMs: LONG_MS,
      });
      const get = async (number: number, path: string) => {
        const url = `http://${network.cloudClient(number)}:9311${path}`;
        return await (await fetch(url)).text();
      };
      const metric = async (number: number, name: string) =>
        new RegExp(`^exoip_${name}{.*} (.*)$`, "m").exec(await get(number, "/metrics"))?.[1];
      assertEquals(await metric(1, "address_on_interface"), "1");

      await ip(network.namespace(1), "link delete vip");
      await until(() => cluster.heldBy(two), { title: "the other has it", withinMs: LONG_MS });
      const reason = /the address is not on vip: .*"vip" does not exist.*unhealthy until it is/;
      assertMatch(one.process?.output ?? "", reason);
      assertMatch(
        one.process?.output ?? "",
        /role: backup \(unhealthy: the address is not on vip: .*; makes way for node-\d \(203/,
      );
      assertEquals(await metric(1, "address_on_interface"), "0");
      assertEquals(await metric(1, "healthy"), "0");
      const snapshot: Snapshot = JSON.parse(await get(1, "/status.json"));
      const [view] = snapshot.addresses;
      assertEquals([view?.onInterface, view?.healthy], [false, false]);
      assertMatch(view?.interfaceProblem ?? "", /"vip" does not exist/);
      assertMatch(
        view?.reasonDetail ?? "",
        /^the address is not on vip: .*; makes way for node-\d \(203/,
      );
      assert(
        snapshot.changes.some(({ event, text }) => event === "interface" && reason.test(text)),
      );

      // No node can have it any more: the best one still holds, as with checks.
      await ip(network.namespace(2), "link delete vip");
      await until(() => cluster.heldBy(one), { title: "the best has it", withinMs: LONG_MS });
      assertMatch(
        one.process?.output ?? "",
        /role: master \(unhealthy: the address is not on vip: .*; no live node is healthy\)/,
      );

      await make(2);
      await isBack(cluster, 2, "vip");
      await until(() => cluster.heldBy(two), { title: "the well one has it", withinMs: LONG_MS });
      await make(1);
      await isBack(cluster, 1, "vip");
      await until(() => cluster.heldBy(one), { title: "it is back", withinMs: LONG_MS });
      assertMatch(
        one.process?.output ?? "",
        /the address is on vip again, after \d+\.\d s without/,
      );
      assertEquals(cluster.gaps, [], "somebody had it all the time");

      // An address that is already gone at the end is not a failure.
      await ip(network.namespace(1), "link delete vip");
      one.process?.signal("SIGTERM");
      assertEquals(await one.process?.ended(), 0, one.process?.output);
      assertMatch(one.process?.output ?? "", /interface: .* is on vip no more/);
      assert(!/stays on vip/.test(one.process?.output ?? ""));
    }),
);

networkTest(
  "somebody who takes the address off every second costs some lines, and the node keeps its role",
  () =>
    withCluster(PATIENT, async (cluster) => {
      await cluster.settle({ args: ARGS });
      const one = cluster.node(1), { length } = said(one);
      const namespace = cluster.network.namespace(1);
      for (let second = 0; second < 20; second++) {
        await ip(namespace, `address delete ${cluster.address.ip}/32 dev lo`).catch(() => {});
        await pause(1_000);
      }
      await isBack(cluster, 1, "lo");
      const lines = said(one).slice(length);
      assert(lines.length >= 1 && lines.length <= 6, lines.map(({ text }) => text).join("\n"));
      await hasRole(one, "best");
      one.process?.signal("SIGTERM");
      assertEquals(await one.process?.ended(), 0, one.process?.output);
      assertMatch(one.process?.output ?? "", /is put back \(\d+ more within [^)]+\)/);
    }),
);

networkTest(
  "of two Elastic IPs only the one that is missing makes its own watch unhealthy",
  () =>
    withCluster(PATIENT, async (cluster) => {
      const other = cluster.server.model.addAddress("198.51.100.60");
      const elasticIp = `${cluster.address.ip},${other.ip}`;
      const [one, two] = [cluster.node(1), cluster.node(2)];
      const namespace = cluster.network.namespace(1);
      const folder = await Deno.makeTempDir();
      try {
        // An `ip` that fails for the second node on demand.
        const script = `#!/bin/sh\n[ -e ${folder}/deny ] && case "$*" in\n` +
          `"address replace ${other.ip}/32"*) echo "not permitted" >&2; exit 2 ;;\nesac\n` +
          `real=$(PATH=${Deno.env.get("PATH")} command -v ip)\nexec "$real" "$@"\n`;
        await Deno.writeTextFile(`${folder}/ip`, script, { mode: 0o755 });
        const env = { PATH: `${folder}:${Deno.env.get("PATH")}` };
        cluster.start(one, { priority: 10, elasticIp, args: ARGS, env });
        cluster.start(two, { priority: 20, elasticIp, args: ARGS });
        const holds = (address: typeof other, node: ClusterNode) =>
          [...address.holders].join() === node.instance.id;
        const settled = () => holds(cluster.address, one) && holds(other, one);
        await until(settled, { title: "the better one holds both", withinMs: LONG_MS });
        await Deno.writeTextFile(`${folder}/deny`, "");
        await ip(namespace, `address delete ${other.ip}/32 dev lo`);
        await until(() => holds(other, two), { title: "that one moves", withinMs: LONG_MS });
        assert(holds(cluster.address, one), "and the other stays");
        assertMatch(
          one.process?.output ?? "",
          /198\.51\.100\.60: the address is not on lo: .*: exit code 2: not permitted; this node/,
        );
        await Deno.remove(`${folder}/deny`);
        await until(settled, { title: "and comes back", withinMs: LONG_MS });
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    }),
);
