// A request that has left can arrive long after its process is gone: the kernel goes on sending it. Under a lease the
// cloud refuses it then.
import { assert, assertEquals } from "@std/assert";
import { pause, until } from "../support/until.ts";
import { HeldChange, holdMissing } from "./held_change.ts";
import { LEASE_MISSING, withLease } from "./lease_cluster.ts";
import { LONG_MS } from "./network_cluster.ts";
import { networkTest } from "./requirements.ts";

const missing = LEASE_MISSING ?? await holdMissing();

networkTest(
  "with a lease, an attach that the network held back changes nothing when it arrives",
  () =>
    withLease({ count: 2, tls: false }, async (cluster) => {
      const { network, server } = cluster.nodes;
      const [one, two] = [cluster.nodes.node(1), cluster.nodes.node(2)];
      const held = await HeldChange.of(network, 1);
      cluster.start(one);
      await until(async () => await held.count() > 0, {
        title: "its attach leaves",
        withinMs: LONG_MS,
      });
      assertEquals(await cluster.owner(), one.instance.id);
      cluster.nodes.crash(one);
      one.process = null;
      cluster.start(two);
      await cluster.holds(two, "the next one gets the lease, and holds");
      const before = cluster.witness.changes.length, lost = await held.count();
      const arrived = () => cluster.witness.changesBy(1, 0).length > 0;
      assert(!arrived(), "nothing has come through");
      await held[Symbol.asyncDispose]();
      const letThroughMs = performance.now();
      await until(arrived, { title: "the kernel still sends the attach", withinMs: LONG_MS });
      const afterS = (performance.now() - letThroughMs) / 1_000;
      console.log(
        `  arrived after ${lost} lost packets, ${afterS.toFixed(1)} s after the way was free`,
      );
      await pause(server.latencyMs + 1_000);
      assertEquals(cluster.witness.changes.length, before, "the cloud has refused it");
      assert(cluster.nodes.heldBy(two), `held by ${cluster.nodes.holders.join()}`);
    }),
  { missing },
);
