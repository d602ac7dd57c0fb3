// A watchdog's log over hours: nothing while nothing happens, and one summary per fault.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { SimulatedMachine } from "../support/simulated_machine.ts";

const HOUR_MS = 3_600_000;

Deno.test("a master and a backup that nothing happens to write nothing after their first election", async () => {
  for (const peer of [{ priority: 20 }, { priority: 5 }]) {
    const world = new SimulatedMachine();
    world.peer = peer;
    await world.pass(10_000);
    const { length } = world.lines;
    assert(world.lines.some((line) => line.includes("role: ")), world.lines.join("\n"));
    await world.pass(2 * HOUR_MS);
    assertEquals(world.lines.slice(length), []);
    assert(world.socket.sent.length > 2 * 3_500, "it has sent a heartbeat each second");
    world.tell("stop");
    await world.pass(60_000);
    assertEquals(await world.ended, 0);
  }
});

Deno.test("a cloud that is lost for an hour costs a line a minute for each kind of call, and its end is told", async () => {
  const world = new SimulatedMachine();
  await world.pass(10_000);
  const { length } = world.lines;
  world.cloud.reachable = false;
  await world.pass(HOUR_MS);
  const lost = world.lines.slice(length);
  // Two kinds of calls fail, each some ten times a minute.
  assert(lost.length > 60 && lost.length <= 2 * 61 + 2, `${lost.length} lines`);
  world.cloud.reachable = true;
  await world.pass(120_000);
  const after = world.lines.slice(length + lost.length);
  assert(after.some((line) => line.includes("cloud-back")), after.join("\n"));
  assertMatch(after.join("\n"), /cloud-error: .*\(\d+ more within [^)]+\)/);
  const { length: all } = world.lines;
  await world.pass(HOUR_MS);
  assertEquals(world.lines.slice(all), []);
  world.tell("stop");
  await world.pass(60_000);
  await world.ended;
});

Deno.test("datagrams that are refused are counted to the last although they stop", async () => {
  const world = new SimulatedMachine();
  await world.pass(10_000);
  const refused = () => world.lines.filter((line) => line.includes("refused: "));
  const rubbish = { bytes: new Uint8Array(23), from: "203.0.113.9", fromPort: 1 };
  for (let count = 0; count < 5; count++) world.socket.receive(rubbish);
  await world.pass(1_000);
  assertEquals(refused().length, 1);
  await world.pass(62_000);
  assertMatch(refused().at(-1) ?? "", /from 203.0.113.9: length \(4 more within [^)]+\)$/);
  await world.pass(HOUR_MS);
  assertEquals(refused().length, 2);
  for (let count = 0; count < 3; count++) world.socket.receive(rubbish);
  world.tell("stop");
  await world.pass(60_000);
  await world.ended;
  assertMatch(refused().at(-1) ?? "", /\(2 more within [^)]+\)$/);
});
