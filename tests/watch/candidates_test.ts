// Real watchdogs without heartbeats: members, ranks and deaths come from the store of the lease. The cloud of the test
// keeps its own account of who held.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { encode } from "../../src/core/heartbeat.ts";
import { NODE_SETTINGS } from "../support/node_settings.ts";
import { idOf, StoreCluster } from "../support/store_cluster.ts";

const TTL_MS = 6_000;
const DRAIN = { kind: "drained", by: "root", why: "a test", wallMs: 0 } as const;

/** Ends the cluster; whatever happened before, at most one held, and no datagram was sent. */
async function close(cluster: StoreCluster): Promise<void> {
  await cluster.close();
  assertEquals(cluster.zone.most, 1, cluster.zone.changes.join(" "));
  assertEquals(cluster.datagrams, 0);
}

/** A cluster whose first machine holds. */
async function served(...args: ConstructorParameters<typeof StoreCluster>): Promise<StoreCluster> {
  const cluster = new StoreCluster(...args);
  await cluster.heldBy(1, "the best machine holds");
  return cluster;
}

Deno.test("nodes without heartbeats elect one holder, and know each other by name", async () => {
  for (const api of ["v1", "v2"] as const) {
    const cluster = new StoreCluster(3, { api });
    const tookMs = await cluster.heldBy(1, `the best machine holds on API ${api}`);
    assert(tookMs < 3_000, `${tookMs} ms`);
    assertEquals(cluster.zone.changes.length, 1);
    await cluster.clock.pass(30_000);
    assertEquals(cluster.machines.map(({ livePeers }) => livePeers), [2, 2, 2]);
    const [view] = cluster.machine(2).watchdog.snapshot().addresses;
    assertEquals(
      view?.peers.map(({ name, link, holds, instanceId }) => [name, link, holds, instanceId]),
      [["edge-1", "listed", true, idOf(1)], ["edge-3", "listed", false, idOf(3)]],
    );
    assertEquals(view?.deadTimeMs, TTL_MS);
    assertEquals(cluster.machine(2).watchdog.snapshot().verdict.level, "OK");
    const { calls } = cluster.machine(1).cloud;
    assert(!calls.includes("members"), "the cloud is not asked for the members");
    await close(cluster);
  }
});

Deno.test("on API v1 nodes of one priority are in the same order everywhere: by their instances", async () => {
  const cluster = new StoreCluster(3, { api: "v1", priority: 10 });
  await cluster.heldBy(1, "the lowest instance holds");
  await cluster.clock.pass(20_000);
  assertEquals(cluster.zone.changes.length, 1);
  await close(cluster);
});

Deno.test("a machine that dies is replaced once its time in the store is over", async () => {
  const cluster = await served(3);
  await cluster.clock.pass(10_000);
  const diedAtMs = cluster.clock.nowMs();
  cluster.kill(1);
  await cluster.clock.until(() => cluster.isHeldBy(2), { title: "the next one holds" });
  const tookMs = cluster.clock.nowMs() - diedAtMs;
  assert(tookMs > TTL_MS / 2 && tookMs < TTL_MS + 3_000, `${tookMs} ms`);
  assertMatch(cluster.machine(3).said("peer-dead").join(), /peer edge-1 \(.*\) is dead/);
  const { verdict } = cluster.machine(3).watchdog.snapshot();
  assertMatch(verdict.text, /peer edge-1 .* is dead: the store does not list it, last seen/);

  cluster.start(1);
  await cluster.heldBy(1, "the machine is back, and its rank counts");
  assertMatch(cluster.machine(3).said("peer-alive").join(), /edge-1 .* is alive, priority 10/);
  await close(cluster);
});

Deno.test("an hour after its death nobody speaks of a machine any more", async () => {
  const cluster = await served(2);
  cluster.kill(1);
  await cluster.heldBy(2, "the other one holds");
  await cluster.clock.pass(1_800_000);
  assertEquals(cluster.machine(2).node.election.peers.size, 1);
  await cluster.clock.pass(1_810_000);
  assertEquals(cluster.machine(2).node.election.peers.size, 0);
  assertEquals(cluster.machine(2).said("peer-left").length, 1);
  await close(cluster);
});

Deno.test("a drain, a check and a signal move the address as they do over heartbeats", async () => {
  const cluster = await served(3);
  const tell = cluster.machine(1).watchdog;
  const moves = async (title: string, to: number, event: Parameters<typeof tell.tell>[0]) => {
    const unheldMs = cluster.zone.unheldMs;
    tell.tell(event);
    const tookMs = await cluster.heldBy(to, title);
    assert(tookMs < 4_000, `${title}: ${tookMs} ms`);
    const gapMs = cluster.zone.unheldMs - unheldMs;
    assert(gapMs > 0 && gapMs < 1_500, `${title}: nobody held for ${gapMs} ms`);
    await cluster.clock.pass(5_000);
  };
  await moves("drained", 2, { kind: "aside", aside: DRAIN });
  await moves("undrained", 1, { kind: "aside", aside: null });
  await moves("demoted", 2, { kind: "aside", aside: { ...DRAIN, kind: "demoted" } });
  await moves("taken back", 1, { kind: "aside", aside: null });
  await moves("unhealthy", 2, { kind: "health", healthy: false, reason: "down" });
  await moves("healthy", 1, { kind: "health", healthy: true });
  for (let step = 0; step < 10; step++) tell.tell({ kind: "nudge", by: 1 });
  await cluster.clock.pass(5_000);
  assert(cluster.isHeldBy(1), "of equals the lower id holds");
  await moves("a worse priority", 2, { kind: "nudge", by: 1 });
  await moves("promoted", 1, { kind: "promote" });
  assertEquals(cluster.machine(3).livePeers, 2);
  await close(cluster);
});

Deno.test("with no preemption a holder keeps the address, and with a delay for that long", async () => {
  for (const [preemptDelayMs, least] of [[Infinity, Infinity], [30_000, 30_000]] as const) {
    const cluster = await served(2, { preemptDelayMs });
    cluster.kill(1);
    await cluster.heldBy(2, "the other one holds");
    cluster.start(1);
    await cluster.clock.pass(25_000);
    assert(cluster.isHeldBy(2), `within a delay of ${preemptDelayMs} ms`);
    if (least < Infinity) await cluster.heldBy(1, "the delay is over");
    else {
      await cluster.clock.pass(600_000);
      assert(cluster.isHeldBy(2));
      cluster.machine(1).watchdog.tell({ kind: "promote" });
      await cluster.heldBy(1, "an operator's wish goes before");
    }
    await close(cluster);
  }
});

Deno.test("a node that has just moved too often keeps the address", async () => {
  const cluster = await served(2, { moveLimit: { moves: 2, withinMs: 600_000 } });
  const { watchdog } = cluster.machine(1);
  watchdog.tell({ kind: "aside", aside: DRAIN });
  await cluster.heldBy(2, "one move");
  watchdog.tell({ kind: "aside", aside: null });
  await cluster.heldBy(1, "a second move");
  watchdog.tell({ kind: "nudge", by: 1 });
  for (let step = 0; step < 20; step++) watchdog.tell({ kind: "nudge", by: 1 });
  await cluster.clock.pass(60_000);
  assert(cluster.isHeldBy(1), cluster.zone.changes.join(" "));
  assert(cluster.machine(1).said("move-limit").length > 0);
  await close(cluster);
});

Deno.test("a node that is cut from the store, or from the cloud, makes way", async () => {
  const cluster = await served(3);
  await cluster.clock.pass(10_000);
  cluster.store.cut.add(cluster.machine(1).process);
  await cluster.heldBy(2, "the first one is cut from the store");
  cluster.store.cut.clear();
  await cluster.heldBy(1, "it is back");
  cluster.machine(1).cloud.reachable = false;
  await cluster.heldBy(2, "the first one is cut from the cloud");
  const [view] = cluster.machine(3).watchdog.snapshot().addresses;
  assertEquals(view?.peers.map(({ alive, unable }) => [alive, unable]), [[true, true], [
    true,
    false,
  ]]);
  cluster.machine(1).cloud.reachable = true;
  await cluster.heldBy(1, "it is back in the cloud");
  await close(cluster);
});

Deno.test("a holder lets go in time, however long before its last reading it renewed the lease", async () => {
  for (const offsetMs of [200, 800, 1_400, 1_900]) {
    const cluster = await served(2);
    const { node, process } = cluster.machine(1);
    const renewedAtMs = () => cluster.machine(1).node.lease?.tenure?.renewedAtMs ?? -Infinity;
    const first = renewedAtMs();
    await cluster.clock.until(() => renewedAtMs() > first, { title: "a renewal" });
    // A change that the watch tells postpones the next reading.
    await cluster.clock.pass(offsetMs);
    cluster.machine(2).watchdog.tell({ kind: "nudge", by: 1 });
    await cluster.clock.pass(TTL_MS);
    const { length } = cluster.store.calls.get(process)!;
    const read = () => cluster.store.calls.get(process)!.indexOf("read", length) >= 0;
    await cluster.clock.until(read, { title: "a reading" });
    await cluster.clock.pass(10);
    const lastMs = renewedAtMs();
    cluster.store.away = true;
    await cluster.clock.until(() => cluster.holders.length === 0, { title: "let go" });
    const heldMs = cluster.clock.nowMs() - lastMs;
    assert(heldMs < TTL_MS * 5 / 6, `${offsetMs}: held for ${heldMs} ms after its last renewal`);
    assert(node.lease !== null);
    await close(cluster);
  }
});

Deno.test("without the store everyone lets go in time and nobody is dead; once it is back, one holds", async () => {
  for (const awayMs of [5_000, 60_000]) {
    const cluster = await served(3);
    await cluster.clock.pass(21_000);
    const { tenure } = cluster.machine(1).node.lease!;
    const renewedAtMs = tenure!.renewedAtMs;
    cluster.store.away = true;
    await cluster.clock.until(() => cluster.holders.length === 0, { title: "let go" });
    const heldMs = cluster.clock.nowMs() - renewedAtMs;
    assert(heldMs < TTL_MS, `held until ${heldMs} ms after its last renewal`);
    await cluster.clock.pass(awayMs);
    assertEquals(cluster.holders, []);
    cluster.store.away = false;
    await cluster.heldBy(1, "the best one holds again");
    await cluster.clock.pass(30_000);
    assertEquals(cluster.machines.flatMap((each) => each.said("peer-dead")), []);
    assertEquals(cluster.machines.map(({ livePeers }) => livePeers), [2, 2, 2]);
    // Nobody else took it in between.
    assertEquals(cluster.zone.changes.map((change) => change.split(" ")[1]), ["+1", "-1", "+1"]);
    await close(cluster);
  }
});

Deno.test("who died while the store was away is dead one time to live after its return", async () => {
  const cluster = await served(3);
  cluster.store.away = true;
  await cluster.clock.pass(30_000);
  cluster.kill(1);
  cluster.store.away = false;
  const tookMs = await cluster.heldBy(2, "the next one holds");
  assert(tookMs < 2 * TTL_MS + 3_000, `${tookMs} ms`);
  assertEquals(cluster.machine(3).said("peer-dead").length, 1);
  await close(cluster);
});

Deno.test("a node that stops says so in the store before it ends: it is gone, not dead", async () => {
  const cluster = await served(3);
  await cluster.clock.pass(5_000);
  cluster.machine(3).watchdog.tell({ kind: "stop" });
  await cluster.clock.until(() => cluster.machine(3).code === 0, { title: "the backup ends" });
  const leaving = cluster.store.sight.candidates.find(({ instanceId }) => instanceId === idOf(3));
  assertEquals(leaving?.says.leaving, true);
  cluster.machine(1).watchdog.tell({ kind: "stop" });
  await cluster.heldBy(2, "the holder hands over", 5_000);
  await cluster.clock.pass(2 * TTL_MS);
  assertEquals([cluster.machine(1).code, cluster.machine(2).livePeers], [0, 0]);
  assertEquals(cluster.machine(2).node.election.peers.size, 0);
  assertEquals(cluster.machine(2).said("peer-dead"), []);
  assertEquals(cluster.machine(2).said("peer-left").length, 2);
  assertEquals(cluster.machine(2).node.election.reason, "alone");
  await close(cluster);
});

Deno.test("a node without the store does not wait for it for ever when it is told to stop", async () => {
  const cluster = await served(2);
  cluster.store.away = true;
  for (const { watchdog } of cluster.machines) watchdog.tell({ kind: "stop" });
  const ended = () => cluster.machines.every(({ code }) => code === 0);
  await cluster.clock.until(ended, { title: "both end", withinMs: 40_000 });
  assertEquals(cluster.holders, []);
  await close(cluster);
});

Deno.test("a node that the store does not list yet decides nothing", async () => {
  const cluster = new StoreCluster(0);
  cluster.store.away = true;
  const machine = cluster.start(1);
  await cluster.clock.pass(60_000);
  assertEquals([machine.node.election.role, machine.node.election.reason], ["backup", "settling"]);
  assertEquals(machine.watchdog.vitals().phase, "starting");
  cluster.store.away = false;
  await cluster.heldBy(1, "the store answers");
  assertEquals(machine.watchdog.vitals().phase, "running");
  await close(cluster);
});

Deno.test("heartbeats are neither believed nor answered, and info is", async () => {
  const cluster = await served(1);
  const { socket, watchdog } = cluster.machine(1);
  const { elasticIp } = NODE_SETTINGS;
  for (const id of [idOf(2), idOf(1)]) {
    const bytes = encode({ priority: 0, elasticIp, id, trailer: null });
    for (let count = 0; count < 5; count++) {
      socket.receive({ bytes, from: "192.0.2.2", fromPort: 12_345 });
      await cluster.clock.pass(1_000);
    }
  }
  assert(cluster.isHeldBy(1));
  assertEquals(cluster.machine(1).node.election.peers.size, 0);
  assertEquals(cluster.datagrams, 0);
  assertEquals(
    watchdog.snapshot().heartbeats.refused.map(({ word, count }) => [word, count]),
    [["heartbeats-off", 10]],
  );
  socket.hear("info", "127.0.0.1");
  await cluster.clock.pass(100);
  assertEquals(socket.sent.map(({ to }) => to), ["127.0.0.1"]);
  assertMatch(new TextDecoder().decode(socket.sent[0]?.bytes), /198\.51\.100\.50/);
  await cluster.close();
});

Deno.test("fifty nodes have one holder, and each asks the store a bounded number of times", async () => {
  const count = 50, cluster = await served(count);
  await cluster.clock.pass(20_000);
  assertEquals(cluster.machines.map(({ livePeers }) => livePeers), Array(count).fill(count - 1));
  assertEquals(cluster.zone.changes.length, 1);
  const before = new Map([...cluster.store.calls].map(([node, calls]) => [node, calls.length]));
  const rounds = 30;
  await cluster.clock.pass(rounds * TTL_MS / 3);
  for (const { process, number } of cluster.machines) {
    const calls = (cluster.store.calls.get(process) ?? []).slice(before.get(process));
    // A reading and its candidate in each third of the time to live; the owner renews its lease, too.
    const most = (number === 1 ? 3 : 2) * (rounds + 1);
    assert(calls.length <= most, `node ${number}: ${calls.length} calls, at most ${most}`);
    assert(calls.filter((verb) => verb === "announce").length >= rounds - 1);
  }
  cluster.kill(1);
  const tookMs = await cluster.heldBy(2, "the next of many holds");
  assert(tookMs < TTL_MS + 3_000, `${tookMs} ms`);
  await close(cluster);
});
