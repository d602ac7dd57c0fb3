// An IPv6 Elastic IP, and heartbeats that travel over IPv6, on a real network.
import { assert, assertEquals } from "@std/assert";
import { PATIENT } from "../support/cluster.ts";
import { until } from "../support/until.ts";
import { LONG_MS, withCluster } from "./network_cluster.ts";
import { networkTest } from "./requirements.ts";

networkTest(
  "an IPv6 Elastic IP is handed over without a gap, and taken from a machine that crashed",
  () =>
    withCluster({ ...PATIENT, ipv6: true }, async (cluster) => {
      const [one, two] = [cluster.node(1), cluster.node(2)];
      await cluster.settle();
      assert(/fd00:203::2\)? is alive/.test(one.process?.output ?? ""), one.process?.output);

      one.process?.signal("SIGTERM");
      assertEquals(await one.process?.ended(), 0, one.process?.output);
      assert(cluster.heldBy(two));
      assertEquals(cluster.gaps, []);

      cluster.start(one, { priority: 10 });
      await until(() => cluster.heldBy(one), { title: "it comes back", withinMs: LONG_MS });
      assertEquals(cluster.gaps, []);
      cluster.crash(one);
      await until(() => cluster.heldBy(two), { title: "the backup takes over", withinMs: LONG_MS });
      assertEquals(cluster.gaps.length, 1);
    }),
);
