// --address-on with the real `ip`: the address is on the interface while the watchdog runs, and only if it put it there.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "../e2e/cluster.ts";
import { ip } from "./ip.ts";
import { LONG_MS, type NetworkCluster, roleOf, withCluster } from "./network_cluster.ts";
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
    withCluster({}, async (cluster) => {
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
