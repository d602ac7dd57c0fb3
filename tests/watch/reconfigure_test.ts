// New settings in a running watchdog: sent to the peers at once, without giving the address up too early.
import { assert, assertEquals } from "@std/assert";
import { decode } from "../../src/core/heartbeat.ts";
import { serviceManager } from "../../src/host/systemd_notify.ts";
import { NODE_SETTINGS } from "../support/node_settings.ts";
import { PEER, PEER_ADDRESS, SELF, SimulatedMachine } from "../support/simulated_machine.ts";

/** Priorities of the heartbeats since that instant, with the time of each. */
function said(
  world: SimulatedMachine,
  sinceMs: number,
): { priority: number; atMs: number; to: string }[] {
  return world.socket.sent.filter(({ atMs }) => atMs >= sinceMs).map(({ bytes, atMs, to }) => {
    const heartbeat = decode(bytes);
    return { priority: "refused" in heartbeat ? -1 : heartbeat.priority, atMs, to };
  });
}

const holds = (world: SimulatedMachine) => world.watchdog.watches[0]?.node.ownership.holding;

Deno.test("Watchdog.reconfigure() sends a new priority at once and hands over as after a signal", async () => {
  const world = new SimulatedMachine();
  await world.pass(10_400);
  assertEquals(holds(world), true);
  const nowMs = world.clock.nowMs();
  world.watchdog.reconfigure([{ settings: { ...NODE_SETTINGS, priority: 30 } }]);
  assertEquals(said(world, nowMs), [{ priority: 30, atMs: nowMs, to: PEER_ADDRESS }]);
  assertEquals(world.watchdog.watches[0]?.node.election.role, "backup");
  await world.pass(60_000);
  assertEquals(holds(world), true, "the other does not hold: nobody gives up");
  world.tell("stop");
  await world.pass(60_000);
});

Deno.test("Watchdog.reconfigure() leaves a priority that signals have changed unless the configured one changes", async () => {
  const world = new SimulatedMachine();
  await world.pass(5_000);
  const priority = () => world.watchdog.watches[0]?.node.election.priority;
  world.tell("worse");
  world.watchdog.reconfigure([{ settings: { ...NODE_SETTINGS, reconcileMs: 60_000 } }]);
  assertEquals(priority(), 11);
  world.watchdog.reconfigure([{ settings: { ...NODE_SETTINGS, priority: 5 } }]);
  assertEquals(priority(), 5);
  world.tell("stop");
  await world.pass(60_000);
});

Deno.test("Watchdog.reconfigure() beats at the new interval from now on", async () => {
  const world = new SimulatedMachine();
  await world.pass(10_400);
  const fromMs = world.clock.nowMs();
  world.watchdog.reconfigure([{ settings: { ...NODE_SETTINGS, intervalMs: 200 } }]);
  await world.pass(10_000);
  const { length } = said(world, fromMs);
  assert(length >= 49 && length <= 52, `${length} heartbeats in 10 s`);
  world.tell("stop");
  await world.pass(60_000);
});

Deno.test("Watchdog.reconfigure() speaks to new peers at once, keeps what it knows of the others, and asks the cloud", async () => {
  const world = new SimulatedMachine();
  await world.pass(10_400);
  const fromMs = world.clock.nowMs();
  const third = { address: "192.0.2.3", instanceId: NODE_ID, wireId: NODE_ID };
  const peers = [{ address: PEER_ADDRESS, instanceId: PEER, wireId: PEER }, third];
  world.cloud.members = () => Promise.resolve({ peers, inPeerList: true });
  world.watchdog.reconfigure([{ addresses: [PEER_ADDRESS, third.address] }]);
  const told = said(world, fromMs).map(({ to }) => to);
  assert(told.includes(third.address), `${told}`);
  const peer = (address: string) => world.watchdog.watches[0]?.node.election.peers.get(address);
  assertEquals(peer(PEER_ADDRESS)?.alive, true);
  await world.pass(1_000);
  assertEquals(peer(third.address)?.instanceId, NODE_ID);
  world.cloud.members = () => Promise.resolve({ peers: [third], inPeerList: true });
  world.watchdog.reconfigure([{ addresses: [third.address] }]);
  await world.pass(1_000);
  assertEquals(peer(PEER_ADDRESS), undefined);
  assertEquals(world.watchdog.watches[0]?.node.election.selfId, SELF);
  world.tell("stop");
  await world.pass(60_000);
});

const NODE_ID = "1b2c3d4e-53c4-4a7d-8e2f-0a1b2c3d4e5f";

Deno.test("a reading of the old list that ends after the new one was given is not believed", async () => {
  const world = new SimulatedMachine();
  await world.pass(10_400);
  const slow = Promise.withResolvers<{ peers: never[]; inPeerList: boolean }>();
  const third = { address: "192.0.2.3", instanceId: NODE_ID, wireId: NODE_ID };
  let asked = 0;
  world.cloud.members = () => {
    asked += 1;
    return asked === 1 ? slow.promise : Promise.resolve({ peers: [third], inPeerList: true });
  };
  world.watchdog.reconfigure([{ addresses: [PEER_ADDRESS] }]);
  await world.pass(100);
  assertEquals(asked, 1);
  world.watchdog.reconfigure([{ addresses: [third.address] }]);
  slow.resolve({ peers: [], inPeerList: true });
  await world.pass(100);
  const { peers } = world.watchdog.watches[0]!.node.election;
  assertEquals([asked, [...peers.keys()]], [2, [third.address]]);
  assertEquals(peers.get(third.address)?.instanceId, NODE_ID);
  world.tell("stop");
  await world.pass(60_000);
});

Deno.test("a list that names a peer that is none ends nothing", async () => {
  const world = new SimulatedMachine();
  await world.pass(10_400);
  world.cloud.members = () => Promise.reject(new Error("no such peer"));
  world.watchdog.reconfigure([{ addresses: ["192.0.2.77"] }]);
  await world.pass(600_000);
  assertEquals(world.code, null);
  assert(world.lines.some((line) => line.includes("cloud-error: members")), world.lines.join("\n"));
  world.tell("stop");
  await world.pass(60_000);
});

Deno.test("the service manager hears of a reload once the watchdog is ready and until it stops", async () => {
  const told: string[] = [];
  const manager = serviceManager((message) => void told.push(message.replaceAll("\n", " ")), {
    keepAliveMs: Infinity,
    monotonicUsec: () => 12_345_678,
  });
  const world = new SimulatedMachine({}, {}, manager);
  const reload = async () => {
    manager.reloading();
    // The watchdog keeps stepping, which does not end the reload.
    await world.pass(2_000);
    told.push("(reads)");
    manager.reloaded();
  };
  const since = async (work: () => Promise<void>) => {
    told.length = 0;
    await work();
    return told.filter((text) => !text.startsWith("STATUS="));
  };
  assertEquals(await since(reload), ["(reads)"]);
  await world.pass(8_400);
  const wanted = ["RELOADING=1 MONOTONIC_USEC=12345678", "(reads)", "READY=1"];
  assertEquals(await since(reload), wanted);
  world.tell("stop");
  assertEquals(await since(reload), ["(reads)"]);
  await world.pass(60_000);
});
