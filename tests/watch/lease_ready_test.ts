// When a node with a lease is ready.
import { assertEquals } from "@std/assert";
import { unreadyBecause } from "../../src/status/liveness.ts";
import { StoreCluster } from "../support/store_cluster.ts";

const SILENT = "the store of the lease has not answered yet";

Deno.test("a node is ready once it has seen who has the lease, and stays so without the store", async () => {
  const lease = { ttlMs: 6_000, failsafe: true, heartbeats: true };
  const cluster = new StoreCluster(0, { lease });
  cluster.store.away = true;
  const { watchdog } = cluster.start(1);
  const unready = () => unreadyBecause(watchdog.vitals());
  const verdict = () => watchdog.snapshot().verdict.level;
  const { clock } = cluster;
  await clock.until(() => unready() === SILENT, { title: "only the store is missing" });
  assertEquals([watchdog.snapshot().phase, verdict()], ["starting", "UNKNOWN"]);
  await clock.pass(60_000);
  assertEquals([unready(), verdict()], [SILENT, "CRITICAL"], "nobody holds");
  cluster.store.away = false;
  await cluster.heldBy(1, "it holds");
  assertEquals(unready(), null);
  cluster.store.away = true;
  await clock.pass(60_000);
  assertEquals([unready(), watchdog.snapshot().phase], [null, "running"]);
  await cluster.close();
});
