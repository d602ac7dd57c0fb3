// Forged datagrams by the ten thousands through the real loop: they cost no line, no memory and no request each.
import { assert, assertEquals } from "@std/assert";
import { ANSWERS_PER_SECOND } from "../../src/status/token_bucket.ts";
import { encode } from "../../src/core/heartbeat.ts";
import { KINDS_MAX, QUIET_MS } from "../../src/log/rate_limited_log.ts";
import { Watchdog } from "../../src/watch/watchdog.ts";
import type { Clock, Cloud, Datagram, UdpSocket } from "../../src/world.ts";
import { between, seededRandom } from "../simulation/prng.ts";
import { NODE_SETTINGS } from "../support/node_settings.ts";

const SELF = "00000001-0000-4000-8000-000000000001";
const PEER = "00000001-0000-4000-8000-000000000002";
const PEER_ADDRESS = "203.0.113.12";
const FLOOD = 60_000;
/** Lines that the node has to say for itself, and those of one answer to `info`. */
const OWN_LINES = 40, ANSWER_LINES = 25;

/** A link on which datagrams come in as fast as they are taken. */
class FloodSocket implements UdpSocket {
  readonly localAddresses = ["127.0.0.1", "203.0.113.11"];
  readonly sent: { to: string; port: number }[] = [];
  #flood: Iterator<Datagram> | null = null;
  #wake = () => {};
  #drained = () => {};
  #closed = false;

  send(_: Uint8Array, to: string, port: number): void {
    this.sent.push({ to, port });
  }

  reply(bytes: Uint8Array, to: string, port: number): void {
    this.send(bytes, to, port);
  }

  sendFrom(): void {}

  /** Resolves when all of them have been taken. */
  pour(datagrams: Iterable<Datagram>): Promise<void> {
    this.#flood = datagrams[Symbol.iterator]();
    this.#wake();
    return new Promise((resolve) => this.#drained = resolve);
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    return Promise.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Datagram> {
    while (!this.#closed) {
      const next = this.#flood?.next();
      if (next && !next.done) {
        yield next.value;
        continue;
      }
      this.#drained();
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

/** Time that stands until it is moved; counts how often somebody sets an alarm. */
function handClock() {
  let nowMs = 0, alarms = 0;
  const sleepers = new Set<{ atMs: number; wake: () => void }>();
  const clock: Clock = {
    nowMs: () => nowMs,
    wallMs: () => 1_800_000_000_000 + nowMs,
    sleep(ms, signal) {
      alarms += 1;
      return new Promise((resolve) => {
        const sleeper = { atMs: nowMs + ms, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener("abort", () => {
          sleepers.delete(sleeper);
          resolve();
        });
      });
    },
  };
  const pass = async (ms: number) => {
    const endMs = nowMs + ms;
    for (;;) {
      const due = [...sleepers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
      if (due[0] === undefined) break;
      nowMs = Math.max(nowMs, due[0].atMs);
      sleepers.delete(due[0]);
      due[0].wake();
      for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    }
    nowMs = endMs;
  };
  return { clock, pass, alarms: () => alarms, sleepers };
}

/** A cloud that counts its calls, and in which the peer holds. */
function countingCloud() {
  const calls: string[] = [];
  const answer = <T>(what: string, value: T) => {
    calls.push(what);
    return Promise.resolve(value);
  };
  const peers = [{ address: PEER_ADDRESS, instanceId: PEER, wireId: PEER }];
  const cloud: Cloud = {
    name: "a cloud",
    prepare: () =>
      answer("prepare", { instanceId: SELF, wireId: SELF, holds: false, nativeAddresses: [] }),
    members: () => answer("members", { peers, inPeerList: true }),
    look: () => answer("look", { holds: false, others: [{ instanceId: PEER, off: false }] }),
    inspect: () => answer("inspect", true),
    attach: () => answer("attach", undefined),
    detachSelf: () => answer("detach", undefined),
    evict: () => answer("evict", "absent"),
  };
  return { cloud, calls };
}

/** Datagrams of all kinds from all over the world, from the peer, and from this machine. */
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

Deno.test("a flood of forged datagrams costs a bounded number of lines, alarms, requests and entries", async () => {
  const socket = new FloodSocket(), lines: string[] = [];
  const { clock, pass, alarms, sleepers } = handClock();
  const { cloud, calls } = countingCloud();
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
  await pass(10_000);
  const [watch] = watchdog.watches;
  for (let round = 1; round <= 2; round++) {
    const before = { lines: lines.length, alarms: alarms(), calls: calls.length };
    const spoken = socket.sent.length;
    await socket.pour(flood(round, FLOOD));
    const { membership, election } = watch!.node;
    const cost = lines.length - before.lines;
    const answers = ANSWERS_PER_SECOND * ANSWER_LINES;
    assert(cost <= KINDS_MAX + OWN_LINES + answers, `${cost} lines in round ${round}`);
    assert(cost > 10, "it is told of, though");
    assert(alarms() - before.alarms <= 20, `${alarms() - before.alarms} alarms`);
    assert(calls.length - before.calls <= 4, `${calls.slice(before.calls)}`);
    assert(membership.strangers.size <= 64 && sleepers.size <= 10);
    assertEquals([...election.peers.keys()], [PEER_ADDRESS]);
    const others = socket.sent.slice(spoken).filter(({ to }) => to !== PEER_ADDRESS);
    const strangers = others.filter(({ to }) => !to.startsWith("127."));
    // One that used our own id, which may be a copy of this machine.
    assert(strangers.length <= 2, `${strangers.length} strangers are answered`);
    assert(lines.every((line) => line.length < 500));
    await pass(QUIET_MS + 1_000);
  }
  await socket.pour([{ bytes: new TextEncoder().encode("info"), from: "127.0.0.1", fromPort: 1 }]);
  const counts = lines.filter((line) => /refused/.test(line)).at(-1) ?? "";
  assert(counts.length < 500, "as many counters as there are reasons");
  watchdog.tell({ kind: "stop" });
  watchdog.tell({ kind: "stop" });
  await pass(60_000);
  assertEquals(await ended, 0);
});
