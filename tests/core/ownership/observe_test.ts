// An Elastic IP that is released while a watchdog runs, and all possible next steps of an operator.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { unreadyBecause } from "../../../src/status/liveness.ts";
import { CloudError } from "../../../src/exoscale/cloud_error.ts";
import { CloudFixture, ELASTIC_IP, PATIENT } from "../../support/cloud/cloud_fixture.ts";
import { SimulatedMachine } from "../../support/simulated_machine.ts";

const LOOK = { others: true };

/** A cloud that held an Elastic IP which has just been released. */
async function bereaved(fixture: CloudFixture) {
  fixture.address.description = "edge";
  const cloud = fixture.cloud("v2");
  await cloud.prepare(PATIENT);
  await cloud.attach(PATIENT);
  assertEquals((await cloud.look(LOOK, PATIENT)).released, undefined);
  fixture.model.release(fixture.address);
  return cloud;
}

Deno.test("CloudV2 names a released Elastic IP, and what to do", async () => {
  await using fixture = new CloudFixture();
  const cloud = await bereaved(fixture);
  const { holds, released } = await cloud.look(LOOK, PATIENT);
  assertEquals(holds, false);
  assertMatch(
    released ?? "",
    /198\.51\.100\.50 does not exist any more, it was released: Exoscale's API lets nobody choose /,
  );
  assertMatch(released ?? "", /give all nodes another one with -xi \(IF_ADDRESS\) and restart/);
  // The message stays the same, so it is logged once.
  fixture.model.addAddress("198.51.100.77");
  assertEquals((await cloud.look(LOOK, PATIENT)).released, released);
});

Deno.test("CloudV2 learns of a release by its attach", async () => {
  await using fixture = new CloudFixture();
  const cloud = fixture.cloud("v2");
  await cloud.prepare(PATIENT);
  fixture.model.release(fixture.address);
  const error = await assertRejects(() => cloud.attach(PATIENT), CloudError);
  assertEquals([error.kind, error.retryable], ["address-released", false]);
  assertEquals((await cloud.look(LOOK, PATIENT)).released, error.message);
});

Deno.test("CloudV2 goes on when the Elastic IP is allocated again, with another id", async () => {
  await using fixture = new CloudFixture();
  const cloud = await bereaved(fixture);
  await cloud.look(LOOK, PATIENT);
  const again = fixture.model.addAddress(ELASTIC_IP);
  assertEquals(await cloud.look(LOOK, PATIENT), { holds: false, others: [] });
  await cloud.attach(PATIENT);
  assertEquals([...again.holders], [fixture.self.id]);
  await cloud.detachSelf(PATIENT);
  assertEquals([...again.holders], []);
});

Deno.test("CloudV2 attaches one that was replaced between two looks", async () => {
  await using fixture = new CloudFixture();
  const cloud = fixture.cloud("v2");
  await cloud.prepare(PATIENT);
  fixture.model.release(fixture.address);
  const again = fixture.model.addAddress(ELASTIC_IP);
  await cloud.attach(PATIENT);
  assertEquals([...again.holders], [fixture.self.id]);
});

Deno.test("CloudV2 knows its hold though somebody allocated and attached by hand", async () => {
  await using fixture = new CloudFixture();
  const cloud = await bereaved(fixture);
  const again = fixture.model.addAddress(ELASTIC_IP);
  again.holders.add(fixture.self.id).add(fixture.peer.id);
  const { holds, others, released } = await cloud.look(LOOK, PATIENT);
  assertEquals([holds, released], [true, undefined]);
  assertEquals(others, [{ instanceId: fixture.peer.id, name: fixture.peer.name, off: false }]);
  assertEquals(await cloud.evict(fixture.peer.id, { onlyIfStopped: false }, PATIENT), "taken");
  assertEquals([...again.holders], [fixture.self.id]);
});

Deno.test("CloudV2 names the Elastic IP that has taken its name", async () => {
  await using fixture = new CloudFixture();
  const cloud = await bereaved(fixture);
  fixture.model.addAddress("198.51.100.77").description = "edge";
  const { released } = await cloud.look(LOOK, PATIENT);
  assertMatch(
    released ?? "",
    /198\.51\.100\.77 has its description or labels now: .* restart exoip/,
  );
});

Deno.test("CloudV2 does not take one that came back as a managed one", async () => {
  await using fixture = new CloudFixture();
  const cloud = await bereaved(fixture);
  fixture.model.addAddress(ELASTIC_IP, { managed: true });
  const { released, exists } = await cloud.look(LOOK, PATIENT);
  assertMatch(
    released ?? "",
    /vanished and exists again, but not for us: 198\.51\.100\.50 is a managed Elastic IP.*one \[managed-address\]$/,
  );
  assertEquals(exists, true);
});

Deno.test("CloudV2 learns by its attach that one came back as a managed one", async () => {
  await using fixture = new CloudFixture();
  const cloud = fixture.cloud("v2");
  await cloud.prepare(PATIENT);
  fixture.model.release(fixture.address);
  const managed = fixture.model.addAddress(ELASTIC_IP, { managed: true });
  const error = await assertRejects(() => cloud.attach(PATIENT), CloudError);
  assertEquals([error.kind, managed.holders.size], ["managed-address", 0]);
  const { released, exists } = await cloud.look(LOOK, PATIENT);
  assertEquals([released, exists], [error.message, true]);
});

Deno.test("CloudV2 tells a release from another hand", async () => {
  await using fixture = new CloudFixture();
  const cloud = fixture.cloud("v2");
  await cloud.prepare(PATIENT);
  await cloud.attach(PATIENT);
  fixture.hold(fixture.peer);
  assertEquals((await cloud.look(LOOK, PATIENT)).released, undefined);
});

Deno.test("a watchdog says once that its Elastic IP was released, and takes it when it is back", async () => {
  const world = new SimulatedMachine();
  world.peer = null;
  await world.pass(20_000);
  assert(world.lines.some((line) => line.includes("attached:")), world.lines.join("\n"));
  const { look, attach } = world.cloud;
  const gone = () => Promise.reject(new CloudError("address-released", "it is gone"));
  world.cloud.look = () =>
    Promise.resolve({ holds: false, others: [], released: "it is gone [address-released]" });
  world.cloud.attach = gone;
  const sent = world.socket.sent.length;
  await world.pass(600_000);
  const said = world.lines.filter((line) => line.includes("gone"));
  assertEquals(said.length, 1, world.lines.join("\n"));
  assertMatch(said[0] ?? "", /s critical address-released: it is gone/);
  assert(!world.lines.some((line) => /another hand|cloud-lost/.test(line)), world.lines.join("\n"));
  const { role } = world.watchdog.watches[0]!.node.election;
  assertEquals(role, "master");
  assert(world.socket.sent.length >= sent + 590, "heartbeats go on");
  assert(world.watchdog.snapshot().addresses[0]!.released);
  let attached = false;
  world.cloud.attach = (signal) => (attached = true, attach(signal));
  world.cloud.look = async (options, signal) => ({
    ...await look(options, signal),
    holds: attached,
  });
  await world.pass(15_000);
  assert(attached, world.lines.join("\n"));
  assertMatch(world.lines.join("\n"), /warning address-back: the Elastic IP can be attached again/);
  assert(!world.watchdog.snapshot().addresses[0]!.released);
  world.tell("stop");
  await world.pass(60_000);
  assertEquals(world.code, 0);
});

Deno.test("a watchdog that learns of it by its attach stays what it is", async () => {
  const world = new SimulatedMachine();
  world.peer = null;
  world.cloud.attach = () => Promise.reject(new CloudError("address-released", "it is gone"));
  await world.pass(300_000);
  const said = world.lines.filter((line) => line.includes("gone"));
  assertMatch(said[0] ?? "", /s critical address-released: it is gone/);
  assertEquals(world.watchdog.watches[0]!.node.ownership.cloudReachable, true);
});

Deno.test("one that is back as a managed one is named so, and nobody is ready meanwhile", async () => {
  const world = new SimulatedMachine();
  world.peer = null;
  await world.pass(20_000);
  const ready = () => unreadyBecause(world.watchdog.vitals());
  assertEquals(ready(), null);
  const look = { holds: false, others: [] };
  const gone = { ...look, released: "it is gone", exists: false };
  const managed = { ...look, released: "it is a managed one", exists: true };
  const calls = world.cloud.look;
  world.cloud.look = () => Promise.resolve(gone);
  await world.pass(60_000);
  assertEquals(ready(), "nobody can have 198.51.100.50: it is gone");
  const view = () => world.watchdog.snapshot().addresses[0]!;
  assertEquals([view().released, view().unavailable], [true, "it is gone"]);
  world.cloud.look = () => Promise.resolve(managed);
  await world.pass(60_000);
  assertEquals(ready(), "nobody can have 198.51.100.50: it is a managed one");
  assertEquals([view().released, view().unavailable], [false, "it is a managed one"]);
  world.cloud.look = calls;
  await world.pass(60_000);
  assertEquals([ready(), view().unavailable], [null, ""]);
  const said = world.lines.filter((line) => / address-/.test(line));
  assertEquals(said.map((line) => line.replace(/^\S+ /, "")), [
    "critical address-released: it is gone",
    "critical address-unusable: it is a managed one",
    "warning address-back: the Elastic IP can be attached again",
  ]);
  world.tell("stop");
  await world.pass(60_000);
});

Deno.test("a watchdog that learns by its attach that it is a managed one does not step aside", async () => {
  const world = new SimulatedMachine();
  world.peer = null;
  world.cloud.attach = () => Promise.reject(new CloudError("managed-address", "it is managed"));
  await world.pass(300_000);
  const said = world.lines.filter((line) => line.includes("managed"));
  assertMatch(said[0] ?? "", /critical address-unusable: it is managed/);
  assertEquals(world.watchdog.watches[0]!.node.ownership.cloudReachable, true);
});
