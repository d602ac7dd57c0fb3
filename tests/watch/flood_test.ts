// Tens of thousands of forged datagrams through the real loop: they cost no line, no memory and no request each.
import { assert, assertEquals } from "@std/assert";
import { ANSWERS_PER_SECOND } from "../../src/status/token_bucket.ts";
import { encode } from "../../src/core/heartbeat.ts";
import { KINDS_MAX, QUIET_MS } from "../../src/log/rate_limited_log.ts";
import { Watchdog } from "../../src/watch/watchdog.ts";
import type { Datagram } from "../../src/world.ts";
import { between, seededRandom } from "../support/simulation/prng.ts";
import { FakeCloud, peersAt } from "../support/fake_cloud.ts";
import { MemorySocket } from "../support/memory_socket.ts";
import { VirtualClock } from "../support/clock.ts";
import { NODE_SETTINGS } from "../support/node_settings.ts";

const SELF = "00000001-0000-4000-8000-000000000001";
const PEER = "00000001-0000-4000-8000-000000000002";
const PEER_ADDRESS = "203.0.113.12";
const FLOOD = 60_000;
/** The node's own lines, and those of one answer to `info`. */
const OWN_LINES = 40, ANSWER_LINES = 25;

/** Datagrams of all kinds: from anywhere, from the peer, and from this machine. */
function* flood(seed: number, count: number): Iterable<Datagram> {
  const random = seededRandom(seed);
  const byte = () => between(random, 0, 255);
  const { elasticIp } = NODE_SETTINGS;
  const heartbeat = (id: string, address = elasticIp) =>
    encode({ priority: 200, elasticIp: address, id, trailer: null });
  const noise = () => Uint8Array.from({ length: between(random, 0, 200) }, byte);
  const forgeries = [
    noise,
    () => heartbeat(PEER),
    () => heartbeat(SELF),
    () => heartbeat(PEER, "192.0.2.1"),
    () => heartbeat("ffffffff-ffff-4fff-8fff-ffffffffffff"),
    () => Uint8Array.from([2, 1, ...noise()]),
    () => new TextEncoder().encode("info"),
  ];
  for (let number = 0; number < count; number++) {
    const from = [
      PEER_ADDRESS,
      "127.0.0.1",
      `${between(random, 1, 223)}.${byte()}.${byte()}.${byte()}`,
    ][Math.min(number % 9, 2)] ?? "";
    const bytes = forgeries[between(random, 0, forgeries.length - 1)]?.() ?? noise();
    yield { bytes, from, fromPort: between(random, 1, 65_535) };
  }
}

Deno.test("a flood of forged datagrams costs a bounded number of lines, timers, requests and entries", async () => {
  const socket = new MemorySocket({ localAddresses: ["127.0.0.1", "203.0.113.11"] });
  const lines: string[] = [];
  const clock = new VirtualClock({ epochMs: 1_800_000_000_000 });
  const cloud = new FakeCloud(SELF, peersAt({ [PEER_ADDRESS]: PEER }));
  cloud.others = [{ instanceId: PEER, off: false }];
  const { calls } = cloud;
  const watchdog = new Watchdog({
    nodes: [NODE_SETTINGS],
    port: 12_345,
    trailer: true,
    selfId: SELF,
    addresses: null,
    verbose: false,
  }, {
    clock,
    random: () => 0.5,
    socket,
    log: { write: (severity, event, text) => void lines.push(`${severity} ${event}: ${text}`) },
    serviceManager: null,
    connect: () => cloud,
  });
  const ended = watchdog.run();
  await clock.pass(10_000);
  const [watch] = watchdog.watches;
  for (let round = 1; round <= 2; round++) {
    const before = { lines: lines.length, timers: clock.sleptMs.length, calls: calls.length };
    const spoken = socket.sent.length;
    await socket.pour(flood(round, FLOOD));
    const { membership, election } = watch!.node;
    const cost = lines.length - before.lines;
    const answers = ANSWERS_PER_SECOND * ANSWER_LINES;
    assert(cost <= KINDS_MAX + OWN_LINES + answers, `${cost} lines in round ${round}`);
    assert(cost > 10, "it is told of, though");
    assert(
      clock.sleptMs.length - before.timers <= 20,
      `${clock.sleptMs.length - before.timers} timers`,
    );
    assert(calls.length - before.calls <= 4, `${calls.slice(before.calls)}`);
    assert(membership.strangers.size <= 64 && clock.sleeping <= 10);
    assertEquals([...election.peers.keys()], [PEER_ADDRESS]);
    const others = socket.sent.slice(spoken).filter(({ to }) => to !== PEER_ADDRESS);
    const strangers = others.filter(({ to }) => !to.startsWith("127."));
    // One with our own id, which may be a copy of this machine.
    assert(strangers.length <= 2, `${strangers.length} strangers are answered`);
    assert(lines.every((line) => line.length < 500));
    await clock.pass(QUIET_MS + 1_000);
  }
  await socket.pour([{ bytes: new TextEncoder().encode("info"), from: "127.0.0.1", fromPort: 1 }]);
  const counts = lines.filter((line) => /refused/.test(line)).at(-1) ?? "";
  assert(counts.length < 500, "as many counters as there are reasons");
  watchdog.tell({ kind: "stop" });
  watchdog.tell({ kind: "stop" });
  await clock.pass(60_000);
  assertEquals(await ended, 0);
});
