// Another machine with our own instance id: what proves it, what follows, and how it ends.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { stepNode } from "../../../src/core/node/step.ts";
import { startElection } from "../../../src/core/election/step.ts";
import { unresolved } from "../../../src/core/election/peer.ts";
import { forgetTwin, hearTwin, twinEcho } from "../../../src/core/election/twin.ts";
import { decode, encode, type Mark } from "../../../src/core/heartbeat.ts";
import { settle } from "../../support/clock.ts";
import { NodeFixture, PEERS, SELF_RUN, TRAILER } from "../../support/node_fixture.ts";
import { NODE_SETTINGS } from "../../support/node_settings.ts";
import { PEER_ADDRESS, SELF, SimulatedMachine } from "../../support/simulated_machine.ts";
import { Keyring } from "../../../src/host/keyring.ts";
import type { Node, NodeEffect } from "../../../src/core/node/state.ts";
import type { TwinHeard } from "../../../src/core/election/state.ts";

const LISTED = PEERS[0]!.address, OTHER = "203.0.113.98", STRANGE = "203.0.113.99";

/** A node that has been alone, or with a peer, for half a minute. */
function settled({ peer = false } = {}): NodeFixture {
  const played = new NodeFixture();
  for (let second = 0; second < 30; second++) {
    if (peer) played.hear(1, { priority: 200 });
    played.until((second + 1) * 1_000);
  }
  return played;
}

function heard(played: NodeFixture, from: string, says: Partial<TwinHeard> = {}): void {
  const word = { from, signed: false, sequence: null, stamp: null, intervalMs: 1_000, ...says };
  played.step({ kind: "twin-heard", ...word });
}

const isSend = (effect: NodeEffect): effect is Extract<NodeEffect, { kind: "send" }> =>
  effect.kind === "send";
const reasonOf = ({ node }: { node: Node }) => node.election.reason;

Deno.test("one forged datagram stops nobody, and two stop for some seconds only", () => {
  const played = settled();
  assertEquals(played.node.election.role, "master");
  heard(played, LISTED);
  heard(played, LISTED);
  assertEquals(reasonOf(played), "alone");
  played.until(played.nowMs + 600);
  heard(played, LISTED);
  assertEquals(reasonOf(played), "twin");
  played.until(played.nowMs + 4_100);
  assertEquals(reasonOf(played), "alone");
  const said = played.changes.filter(({ event }) => event === "twin");
  assertEquals(said.map(({ severity }) => severity), ["critical", "info"]);
  assertMatch(said[0]?.text ?? "", /^203\.0\.113\.11 speaks with our own instance id, 9b1e6f20/);
});

Deno.test("unsigned, only an address that the cloud lists is believed", () => {
  const played = settled();
  for (let count = 0; count < 10; count++) {
    heard(played, STRANGE);
    played.until(played.nowMs + 1_000);
  }
  assertEquals([reasonOf(played), played.node.election.twin], ["alone", null]);
});

/** Lines about twins. */
const told = ({ changes }: NodeFixture) =>
  changes.filter(({ event }) => event === "twin").map(({ severity, text }) =>
    `${severity} ${text}`
  );

Deno.test("unsigned from anywhere else it stops nothing, and is told once, as long as it lasts", () => {
  const played = settled();
  heard(played, STRANGE);
  heard(played, STRANGE);
  assertEquals(told(played), [], "one datagram, or two at once");
  for (let count = 0; count < 100; count++) {
    played.until(played.nowMs + 1_000);
    // A forger may use another address each time.
    heard(played, `203.0.113.${100 + count}`);
  }
  assertEquals([reasonOf(played), played.node.election.role], ["alone", "master"]);
  assertEquals(told(played).length, 1);
  assertMatch(
    told(played)[0]!,
    /^critical 203\.0\.113\.99 speaks with our own instance id, 9b1e6f20/,
  );
  assertEquals(played.snapshot().addresses[0]!.twin, {
    address: STRANGE,
    proved: false,
    ageMs: 100_000,
  });
  played.until(played.nowMs + 60_000);
  assertEquals(told(played).slice(1), [
    "info 203.0.113.99 does not speak with our instance id any more",
  ]);
  assertEquals(played.snapshot().addresses[0]!.twin, null);
});

Deno.test("while it is so a hold that vanishes is back within five seconds, and a stop gives up as ever", () => {
  const played = settled();
  const rumour = () => {
    heard(played, STRANGE);
    played.until(played.nowMs + 1_000);
  };
  for (let second = 0; second < 30; second++) rumour();
  for (let moment = 0; moment < 7; moment++) {
    rumour();
    played.holds = false;
    const lostAtMs = played.nowMs;
    while (!played.holds) rumour();
    assert(played.nowMs - lostAtMs <= 6_000, `${played.nowMs - lostAtMs} ms without a hold`);
  }
  played.step({ kind: "stop" });
  played.until(played.nowMs + 1_000);
  assertEquals([played.holds, played.node.ownership.holding], [false, false]);
});

Deno.test("the sender is answered, at most twice in an interval, however many speak", () => {
  const played = settled();
  const asked: NodeEffect[] = [];
  for (let count = 0; count < 100; count++) {
    const word = { signed: false, sequence: null, stamp: null, intervalMs: 1_000 };
    const event = { kind: "twin-heard", from: `203.0.113.${100 + count}`, ...word } as const;
    const [node, effects] = stepNode(played.node, event, played.nowMs);
    asked.push(...effects.filter((each) => isSend(each) && each.to === event.from));
    played.node = node;
    played.until(played.nowMs + 100);
  }
  assert(asked.length >= 15 && asked.length <= 21, `${asked.length} heartbeats in ten intervals`);
  assert(asked.every((each) => isSend(each) && each.apart === "twin" && !each.hearsYou));
});

Deno.test("a node asks where the cloud says that it is, each interval, unless a peer is there", () => {
  const played = settled();
  const { election } = played.node;
  const selfAddresses = [STRANGE, LISTED];
  played.node = { ...played.node, election: { ...election, selfAddresses } };
  const sends = stepNode(played.node, { kind: "tick" }, election.heartbeatAtMs)[1].filter(isSend);
  const to = (address: string) => sends.filter((each) => each.to === address);
  assertEquals(to(STRANGE).map(({ apart }) => apart), ["self"]);
  assertEquals(to(LISTED).map(({ apart }) => apart), [undefined]);
});

Deno.test("our own address in the cloud is one of them: it may lead to the machine that is rightly us", () => {
  const played = settled();
  const { election } = played.node;
  played.node = { ...played.node, election: { ...election, selfAddresses: [STRANGE] } };
  for (let count = 0; count < 3; count++) {
    heard(played, STRANGE);
    played.until(played.nowMs + 1_000);
  }
  assertEquals(reasonOf(played), "twin");
});

/** A heartbeat that a machine with our id signs after hearing us at that instant, or not at all. */
function signs(sequence: number, { run = 9n, echoMs }: { run?: bigint; echoMs?: number } = {}) {
  const echo = echoMs === undefined ? null : { run: SELF_RUN, sequence: echoMs * 1_000 };
  return { signed: true, sequence, stamp: { run, echo } };
}

Deno.test("signed, every address is believed that hears us, but nothing that is sent again", () => {
  const played = settled();
  for (let sequence = 5; sequence < 8; sequence++) {
    heard(played, STRANGE, signs(sequence, { echoMs: played.nowMs - 10 }));
    played.until(played.nowMs + 1_000);
  }
  assertEquals(reasonOf(played), "twin");
  // It does not know us as its peer, and must hear of us, too.
  const atMs = played.node.election.heartbeatAtMs;
  const sent = stepNode(played.node, { kind: "tick" }, atMs)[1].filter(isSend);
  assertEquals(sent.map(({ to }) => to), [...PEERS.map(({ address }) => address), STRANGE]);
  assertEquals(sent.at(-1)?.echo, { run: 9n, sequence: 7 });
  const echoMs = played.nowMs;
  for (let count = 0; count < 10; count++) {
    heard(played, STRANGE, signs(7, { echoMs }));
    played.until(played.nowMs + 1_000);
  }
  assertEquals(reasonOf(played), "alone");
});

Deno.test("what this machine has signed before its last start is no twin; who may be one is asked", () => {
  const played = settled();
  const asked: NodeEffect[] = [];
  for (let count = 0; count < 100; count++) {
    // A recording with its old echo; or an echo of our own run, but long ago.
    const echoMs = count % 2 === 0 ? undefined : 1_000;
    const event = { kind: "twin-heard", from: STRANGE, intervalMs: 1_000 } as const;
    const said = signs(1_000 + count, { run: 3n, ...(echoMs && { echoMs }) });
    const [node, effects] = stepNode(played.node, { ...event, ...said }, played.nowMs);
    asked.push(...effects.filter((each) => isSend(each) && each.to === STRANGE));
    played.node = node;
    played.until(played.nowMs + 100);
  }
  assertEquals([reasonOf(played), played.node.election.twin], ["alone", null]);
  assert(asked.length >= 15 && asked.length <= 21, `${asked.length} heartbeats in ten intervals`);
  assertEquals(isSend(asked[0]!) && asked[0].echo, { run: 3n, sequence: 1_000 });
});

/** All cloud calls of a node with a twin. */
function callsOf(played: NodeFixture, ms: number, each: () => void): string[] {
  const calls: string[] = [];
  const { step } = played;
  played.step = (event) => {
    if (event.kind === "answered") calls.push(event.answer.verb);
    step.call(played, event);
  };
  for (const endMs = played.nowMs + ms; played.nowMs < endMs;) {
    each();
    played.until(played.nowMs + 1_000);
  }
  return calls;
}

Deno.test("a holder with a twin serves on, and changes nothing in the cloud", () => {
  const played = settled({ peer: true });
  assertEquals([played.node.election.role, played.holds], ["master", true]);
  // The peer, which ranks after it, dies while holding.
  played.hear(1, { priority: 200, holds: true });
  played.others = [{ instanceId: PEERS[1]!.instanceId, off: true }];
  const calls = callsOf(played, 120_000, () => heard(played, LISTED));
  assert(calls.length > 2 && calls.every((verb) => ["look", "inspect"].includes(verb)), `${calls}`);
  assertEquals([played.node.election.role, reasonOf(played)], ["master", "twin"]);
  assertEquals(played.node.said.unable, false);
  const after = callsOf(played, 60_000, () => {});
  assert(after.includes("evict"), `${after}`);
});

Deno.test("one that does not hold leaves the address to others, and takes it when the twin is gone", () => {
  const played = new NodeFixture();
  const before = callsOf(played, 60_000, () => heard(played, LISTED));
  assert(!before.includes("attach"), `${before}`);
  assertEquals([played.node.election.role, reasonOf(played)], ["backup", "twin"]);
  assertEquals([played.node.said.unable, played.node.said.priority], [true, 255]);
  const after = callsOf(played, 30_000, () => {});
  assert(after.includes("attach"), `${after}`);
});

Deno.test("a stop does not take the address from the other, says so, and does not wait", () => {
  const played = settled();
  for (let count = 0; count < 3; count++) {
    heard(played, LISTED);
    played.until(played.nowMs + 1_000);
  }
  const [node, effects] = stepNode(played.node, { kind: "stop" }, played.nowMs);
  assertEquals(effects.filter(({ kind }) => kind === "call"), []);
  assertEquals(effects.filter(({ kind }) => kind === "exit"), [{ kind: "exit", code: 1 }]);
  assertEquals(node.ownership.holding, true);
});

Deno.test("a watchdog names its twin by its heartbeats", async () => {
  const world = new SimulatedMachine();
  await world.pass(10_000);
  const speak = () => {
    const { elasticIp } = world.watchdog.watches[0]!.node.election.settings;
    const sequence = 1e12 + world.clock.nowMs() + 17;
    const trailer = { ...TRAILER, sequence, keyId: 0 };
    const bytes = encode({ priority: 10, elasticIp, id: SELF, trailer });
    world.socket.receive({ bytes, from: PEER_ADDRESS, fromPort: 12_345 });
  };
  for (let count = 0; count < 5; count++) {
    speak();
    await world.pass(1_000);
  }
  assertMatch(
    world.lines.join("\n"),
    /critical twin: 192\.0\.2\.2 speaks with our own instance id/,
  );
  assertEquals(world.watchdog.snapshot().addresses[0]!.reason, "twin");
  world.tell("stop");
  await world.pass(1_000);
  assertEquals(world.code, world.watchdog.watches[0]!.node.ownership.holding === false ? 0 : 1);
});

Deno.test("what comes back from where we have sent it is no twin", async () => {
  const world = new SimulatedMachine();
  await world.pass(10_000);
  for (let count = 0; count < 20; count++) {
    for (const { bytes } of world.socket.sent.splice(0)) {
      // From another of our addresses, or reflected by a router with the peer's address.
      for (const from of ["192.0.2.1", PEER_ADDRESS, "198.18.0.1"]) {
        world.socket.receive({ bytes: bytes as Uint8Array<ArrayBuffer>, from, fromPort: 12_345 });
      }
    }
    await world.pass(1_000);
  }
  assert(!world.lines.some((line) => line.includes(" twin")), world.lines.join("\n"));
  world.tell("stop");
  await world.pass(60_000);
});

Deno.test("two unsigned ones are told apart though their clocks show the same millisecond", async () => {
  const world = new SimulatedMachine();
  const other = new SimulatedMachine();
  for (const each of [world, other]) await each.pass(10_000);
  // The other is a copy that the cloud does not list; each hears what the other sends.
  const relay = async (ms: number) => {
    for (let step = 0; step < ms / 100; step++) {
      for (
        const [one, two, from] of [[world, other, "192.0.2.1"], [
          other,
          world,
          "198.18.0.1",
        ]] as const
      ) {
        for (const { bytes, to } of one.socket.sent.splice(0)) {
          const here = from === "192.0.2.1" ? to === "198.18.0.1" : to === "192.0.2.1";
          if (here) {
            two.socket.receive({ bytes: bytes as Uint8Array<ArrayBuffer>, from, fromPort: 1 });
          }
        }
      }
      for (const each of [world, other]) await each.pass(100);
    }
  };
  other.socket.localAddresses.splice(0, 1, "198.18.0.1");
  await relay(10_000);
  const of = ({ watchdog }: SimulatedMachine) => watchdog.snapshot().addresses[0]!;
  assertEquals([of(world).reason, of(world).twin?.proved], ["best", false], world.lines.join("\n"));
  assertEquals([of(other).reason, of(other).twin?.proved], ["twin", true], other.lines.join("\n"));
  for (const each of [world, other]) {
    each.tell("stop");
    await each.pass(60_000);
  }
  assertEquals(other.code, 1);
});

Deno.test("a twin that is faster than signatures are looked at costs one line", async () => {
  const keyring = await Keyring.of(["a secret of the whole cluster"]);
  const world = new SimulatedMachine({ intervalMs: 20 }, {}, null, keyring);
  await world.pass(2_000);
  const { elasticIp } = world.watchdog.watches[0]!.node.election.settings;
  for (let count = 0; count < 300; count++) {
    const stamp = { run: 9n, echo: lastSentTo(world, "198.18.0.1") };
    const trailer = {
      ...TRAILER,
      intervalMs: 20,
      sequence: 1_000 + count,
      keyId: keyring.keyId,
      stamp,
    };
    const plain = encode({ priority: 10, elasticIp, id: SELF, trailer });
    const bytes = await new Promise<Uint8Array>((resolve) => keyring.sign(plain, resolve));
    world.socket.receive({
      bytes: bytes as Uint8Array<ArrayBuffer>,
      from: "198.18.0.1",
      fromPort: 12_345,
    });
    await world.pass(20);
    await settle();
  }
  const lines = world.lines.filter((line) => line.includes(" twin: "));
  assertEquals(lines.length, 1, lines.join("\n"));
  world.tell("stop");
  await world.pass(60_000);
});

Deno.test("a signed watchdog believes a signed twin from anywhere, and no unsigned one", async () => {
  const secret = ["a secret of the whole cluster"];
  const keyring = await Keyring.of(secret);
  for (const signed of [true, false]) {
    const world = new SimulatedMachine({}, {}, null, await Keyring.of(secret));
    await world.pass(10_000);
    const { elasticIp } = world.watchdog.watches[0]!.node.election.settings;
    for (let count = 0; count < 6; count++) {
      const stamp = { run: 9n, echo: lastSentTo(world, "198.18.0.1") };
      const trailer = { ...TRAILER, sequence: 1_000 + count, keyId: signed ? keyring.keyId : 0 };
      const heartbeat = { priority: 10, elasticIp, id: SELF };
      const plain = encode({ ...heartbeat, trailer: { ...trailer, stamp: signed ? stamp : null } });
      const bytes = signed
        ? await new Promise<Uint8Array>((resolve) => keyring.sign(plain, resolve))
        : plain;
      world.socket.receive({
        bytes: bytes as Uint8Array<ArrayBuffer>,
        from: "198.18.0.1",
        fromPort: 12_345,
      });
      await world.pass(1_000);
      // Another thread checks the signature.
      await settle();
    }
    await world.pass(10);
    const lines = world.lines.join("\n");
    assertEquals(/critical twin: 198\.18\.0\.1/.test(lines), signed, lines);
    world.tell("stop");
    await world.pass(60_000);
  }
});

type Word = readonly [atMs: number, says?: Partial<TwinHeard>];

/** The election alone, after heartbeats at these instants: by default unsigned, from an address in the peer list. */
function twinAfter(...story: Word[]) {
  const peers = [LISTED, OTHER].map(unresolved);
  let state = startElection(NODE_SETTINGS, { atMs: 0, selfId: SELF, run: SELF_RUN, peers });
  for (const [atMs, says = {}] of story) {
    const word = { from: LISTED, signed: false, sequence: null, stamp: null, intervalMs: null };
    state = hearTwin(state, { ...word, ...says }, atMs);
  }
  return state;
}

Deno.test("hearTwin(): the second counts after half an interval, and one is gone a dead time and an interval later", () => {
  const certain = (ms: number) => twinAfter([10_000], [10_000 + ms]).twin?.certain;
  assertEquals([certain(499), certain(500)], [false, true]);
  // Once certain it stays so, and keeps its start.
  const { twin } = twinAfter([10_000], [10_500], [10_501]);
  assertEquals([twin?.certain, twin?.firstAtMs, twin?.untilMs], [true, 10_000, 14_501]);
  const until = (intervalMs: number) => twinAfter([10_000, { intervalMs }]).twin?.untilMs;
  // With the slower of both intervals, limited to ten seconds.
  assertEquals([until(100), until(2_000), until(10_000), until(20_000)], [
    14_000,
    18_000,
    50_000,
    50_000,
  ]);
  const gone = (ms: number) => forgetTwin(twinAfter([10_000]), ms).twin === null;
  assertEquals([gone(13_999), gone(14_000)], [false, true]);
});

Deno.test("hearTwin(): another one takes the place of one that is not certain, and of no other", () => {
  const other = { from: OTHER };
  const { twin } = twinAfter([10_000], [10_400, other]);
  assertEquals([twin?.address, twin?.firstAtMs, twin?.certain], [OTHER, 10_400, false]);
  assertEquals(twinAfter([10_000], [10_500], [10_600, other]).twin?.address, LISTED);
});

Deno.test("hearTwin(): a mark is of signed ones alone, and only a higher sequence of its run is new", () => {
  const signed = (sequence: number | null, atMs: number, run = 9n) =>
    [atMs, { ...signs(0, { run, echoMs: atMs - 10 }), sequence }] as const;
  const mark = (...story: Word[]) => twinAfter(...story).twin?.mark ?? null;
  const unsigned = [10_000, { stamp: { run: 9n, echo: null }, sequence: 3 }] as const;
  assertEquals([twinAfter(unsigned).twin?.address, mark(unsigned)], [LISTED, null]);
  assertEquals(mark(signed(3, 10_000)), { run: 9n, sequence: 3 });
  assertEquals(mark(signed(null, 10_000)), { run: 9n, sequence: 0 });
  const until = (...story: Word[]) => twinAfter(...story).twin?.untilMs;
  assertEquals(until(signed(3, 10_000), signed(3, 11_000)), 14_000);
  assertEquals(until(signed(3, 10_000), signed(2, 11_000)), 14_000);
  assertEquals(until(signed(3, 10_000), signed(4, 11_000)), 15_000);
  assertEquals(until(signed(3, 10_000), signed(3, 11_000, 8n)), 15_000);
  // An unsigned heartbeat keeps the mark of a signed one; the other way round, a first mark is new.
  assertEquals(mark(signed(3, 10_000), [11_000]), { run: 9n, sequence: 3 });
  assertEquals(mark([10_000], signed(1, 11_000)), { run: 9n, sequence: 1 });
  // Signed, but without a run, it does not count.
  assertEquals(twinAfter([10_000, { signed: true }]).twin, null);
  assertEquals([twinEcho(twinAfter(signed(3, 10_000)), LISTED), twinEcho(twinAfter(), LISTED)], [
    { run: 9n, sequence: 3 },
    null,
  ]);
  assertEquals(twinEcho(twinAfter(signed(3, 10_000)), OTHER), null);
});

Deno.test("hearTwin(): who may be one is asked each half interval", () => {
  const asks = (ms: number) => {
    const old = { ...signs(1, { echoMs: 1 }), from: STRANGE };
    return twinAfter([20_000, old], [20_000 + ms, { ...old, sequence: 2 }]).suspect?.askedAtMs;
  };
  assertEquals([asks(499), asks(500)], [20_000, 20_500]);
});

/** The last heartbeat to that address. */
function lastSentTo({ socket }: SimulatedMachine, address: string): Mark | null {
  const bytes = socket.sent.findLast(({ to }) => to === address)?.bytes;
  const heartbeat = bytes && decode(bytes);
  if (!heartbeat || "refused" in heartbeat || !heartbeat.trailer?.stamp) return null;
  return { run: heartbeat.trailer.stamp.run, sequence: heartbeat.trailer.sequence };
}

Deno.test("a rumour is told from its second heartbeat on, at least half an interval after the first", () => {
  const told = (secondAtMs: number) => {
    const played = settled();
    heard(played, STRANGE);
    played.until(30_000 + secondAtMs);
    heard(played, STRANGE);
    return played.node.election.rumour?.told;
  };
  assertEquals([told(499), told(500)], [false, true]);
});
