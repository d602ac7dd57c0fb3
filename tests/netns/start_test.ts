// A machine whose network comes up after the watchdog.
import { assertEquals } from "@std/assert";
import { until } from "../support/until.ts";
import { ip } from "./ip.ts";
import { LONG_MS, withCluster } from "./network_cluster.ts";
import { networkTest } from "./requirements.ts";

networkTest(
  "an address of -l that the machine does not have yet is waited for, and a stop meanwhile is one",
  () =>
    withCluster({}, async (cluster) => {
      const one = cluster.node(1);
      const namespace = cluster.network.namespace(1);
      const address = `${one.instance.address}/24 dev lan`;
      // The later one counts.
      const args = ["-l", `${one.instance.address}:12345`];
      await ip(namespace, `address del ${address}`);
      cluster.start(one, { priority: 10, args });
      const said = (text: string) => one.process?.output.includes(text) === true;
      await until(() => said("; waiting for this machine to have the address"), {
        title: "it waits",
        withinMs: LONG_MS,
      });
      one.process?.signal("SIGUSR1");
      await ip(namespace, `address add ${address}`);
      await until(() => cluster.holders.length === 1, { title: "it holds", withinMs: LONG_MS });
      await until(() => said("signal: a signal asks for a better priority"), {
        title: "its rank has changed",
      });
      one.process?.signal("SIGTERM");
      assertEquals(await one.process?.ended(), 0, one.process?.output);
      // When told to stop while it waits, it ends.
      await ip(namespace, `address del ${address}`);
      cluster.start(one, { priority: 10, args });
      await until(() => said("; waiting for this machine to have the address"), {
        title: "it waits again",
        withinMs: LONG_MS,
      });
      one.process?.signal("SIGTERM");
      assertEquals(await one.process?.ended(), 0, one.process?.output);
    }),
);
