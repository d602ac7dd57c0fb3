// An Elastic IP that is released while a watchdog runs, and all possible next steps of an operator.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import { unreadyBecause } from "../../src/status/liveness.ts";
import { SimulatedMachine } from "../support/simulated_machine.ts";

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

for (
  const [kind, event] of [
    ["address-released", "address-released"],
    ["managed-address", "address-unusable"],
  ] as const
) {
  Deno.test(`a watchdog that learns by its attach of ${kind} stays what it is`, async () => {
    const world = new SimulatedMachine();
    world.peer = null;
    world.cloud.attach = () => Promise.reject(new CloudError(kind, "nobody can have it"));
    await world.pass(300_000);
    const said = world.lines.filter((line) => line.includes("nobody can have it"));
    assertMatch(said[0] ?? "", RegExp(`s critical ${event}: nobody can have it`));
    assertEquals(world.watchdog.watches[0]!.node.ownership.cloudReachable, true);
  });
}

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
