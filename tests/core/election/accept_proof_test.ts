// What signed heartbeats prove: rules one by one, and a property over two nodes, their restarts, a bad network and an
// attacker who records everything and replays it to any node.
import { assert, assertEquals } from "@std/assert";
import { elect, startElection } from "../../../src/core/election/step.ts";
import { type Heartbeat, type Trailer, trailerFor } from "../../../src/core/heartbeat.ts";
import { nodeWakeAtMs, startNode, stepNode } from "../../../src/core/node/step.ts";
import {
  doubtOf,
  type Measure,
  meet,
  prove,
  recentEchoAt,
} from "../../../src/core/election/accept.ts";
import type { Met, Proof } from "../../../src/core/election/peer.ts";
import { forElection, forNode, type Incoming } from "../../support/incoming.ts";
import { HEALTHY_TRAILER, NODE_SETTINGS } from "../../support/node_settings.ts";
import type { Node, NodeEffect, NodeEvent } from "../../../src/core/node/state.ts";
import fc from "../../support/fast_check.ts";

const SELF_RUN = 5n;

/** A heartbeat of that run, by the peer's clock in ms, that echoes what we sent at that instant. */
function made(run: bigint, clockMs: number, echoMs: number | null, of = SELF_RUN): Trailer {
  const echo = echoMs === null ? null : { run: of, sequence: echoMs * 1_000 };
  return { ...HEALTHY_TRAILER, sequence: clockMs * 1_000, stamp: { run, echo } };
}

const at = (atMs: number): Measure => ({ selfRun: SELF_RUN, atMs, deadMs: 3_000 });

/** The proof after these heartbeats, each of which must be accepted. */
function proofOf(...heard: readonly [atMs: number, trailer: Trailer][]): Proof {
  let proof: Proof | null = null;
  for (const [atMs, trailer] of heard) {
    assertEquals(doubtOf(proof, trailer, at(atMs)), null);
    proof = prove(proof, trailer, at(atMs));
  }
  assert(proof);
  return proof;
}

Deno.test("a peer is believed once it echoes our run, and what we sent a moment ago", () => {
  assertEquals(doubtOf(null, made(7n, 1, null), at(50_000)), "unproven");
  assertEquals(
    doubtOf(null, made(7n, 1, 49_990, 6n), at(50_000)),
    "unproven",
    "an earlier process",
  );
  assertEquals(doubtOf(null, made(7n, 1, 50_010), at(50_000)), "unproven", "never sent");
  assertEquals(doubtOf(null, made(7n, 1, 42_999), at(50_000)), "unproven", "held back");
  assertEquals(doubtOf(null, made(7n, 1, 43_000), at(50_000)), null);
});

Deno.test("within a run only what rises is believed", () => {
  const proof = proofOf([50_000, made(7n, 9_000, 49_990)]);
  assertEquals(doubtOf(proof, made(7n, 9_000, 49_990), at(50_000)), "replayed");
  assertEquals(doubtOf(proof, made(7n, 8_999, 50_000), at(50_010)), "replayed");
  assertEquals(doubtOf(proof, made(7n, 9_001, null), at(50_010)), null);
});

Deno.test("another run replaces the one that is believed only by what we sent after we believed that one", () => {
  const proof = proofOf([50_000, made(7n, 9_000, 49_990)], [51_000, made(7n, 10_000, 50_990)]);
  // Recorded in an earlier life of the peer, which heard what we sent before its restart.
  assertEquals(doubtOf(proof, made(6n, 99_000, 49_995), at(51_001)), "unproven");
  assertEquals(doubtOf(proof, made(6n, 99_000, 50_000), at(51_001)), "unproven");
  assertEquals(doubtOf(proof, made(8n, 10, 50_001), at(51_001)), null, "it has restarted");
  const restarted = prove(proof, made(8n, 10, 50_001), at(51_001));
  assertEquals(doubtOf(restarted, made(7n, 10_500, 50_995), at(51_002)), "unproven");
});

Deno.test("two processes of one peer that both live, as a doctor beside a watchdog, are believed in turn", () => {
  let proof = proofOf([50_000, made(7n, 9_000, 49_990)]);
  for (let second = 51; second < 60; second++) {
    // Each echoes what we sent a moment before.
    for (const [run, ms] of [[8n, 0], [7n, 300]] as const) {
      const atMs = second * 1_000 + ms;
      const trailer = made(run, atMs, atMs - 100);
      assertEquals(doubtOf(proof, trailer, at(atMs)), null);
      proof = prove(proof, trailer, at(atMs)) ?? proof;
    }
  }
  assertEquals(proof.run, 7n);
});

Deno.test("a peer that does not hear us is believed while it lies at most 60 s and the dead time behind", () => {
  const proof = proofOf([50_000, made(7n, 9_000, 49_990)]);
  const later = 50_000 + 3_600_000;
  assertEquals(doubtOf(proof, made(7n, 9_000 + 3_600_000, 49_990), at(later)), null, "one-way");
  // 63 s, plus a thousandth of the hour for the drift between clocks.
  assertEquals(doubtOf(proof, made(7n, 9_000 + 3_600_000 - 66_600, null), at(later)), null);
  assertEquals(doubtOf(proof, made(7n, 9_000 + 3_600_000 - 66_601, null), at(later)), "unproven");
  assertEquals(
    doubtOf(proof, made(7n, 9_001, later - 10), at(later)),
    null,
    "it slept, and hears us",
  );
});

Deno.test("after a sleep of ours the heartbeats of then are not taken for those of the future", () => {
  // Our clock stood still for an hour.
  const proof = proofOf(
    [50_000, made(7n, 9_000, 49_990)],
    [51_000, made(7n, 10_000 + 3_600_000, null)],
  );
  assertEquals(doubtOf(proof, made(7n, 11_000 + 3_600_000, null), at(52_000)), null);
  assertEquals(doubtOf(proof, made(7n, 11_000 + 3_600_000, null), at(152_000)), "unproven");
});

Deno.test("a node that gets its id late listens for the hold-off, in which signed peers can prove themselves", () => {
  const peers = [{ address: "10.0.0.7", instanceId: "b", wireId: "b" }];
  for (const [run, role] of [[null, "master"], [SELF_RUN, "backup"]] as const) {
    let state = startElection(NODE_SETTINGS, { atMs: 0, selfId: null, run, peers });
    const identified = { kind: "identified", selfId: "a", addresses: [] } as const;
    state = elect({ ...state, heartbeatAtMs: 10_000 }, identified, 3_100);
    assertEquals(elect(state, { kind: "tick" }, 3_200).role, role);
    assertEquals(elect(state, { kind: "tick" }, 6_200).role, "master");
  }
});

Deno.test("whether a peer hears us only a heartbeat says that was sent to us", () => {
  const peers = [{ address: "10.0.0.7", instanceId: "b", wireId: "b" }];
  let state = startElection(NODE_SETTINGS, { atMs: 0, selfId: "a", run: SELF_RUN, peers });
  const hear = (atMs: number, trailer: Trailer, hearsYou: boolean) => {
    const { elasticIp } = NODE_SETTINGS;
    const heartbeat = { priority: 9, elasticIp, id: "b", trailer: { ...trailer, hearsYou } };
    const heard = { kind: "incoming", from: "10.0.0.7", heartbeat, signed: true } as const;
    state = elect(state, forElection(state, heard, atMs), atMs);
    return state.peers.get("10.0.0.7")?.notHearingUsSinceMs;
  };
  assertEquals(hear(100, made(7n, 10, 90), true), null);
  assertEquals(hear(200, made(7n, 20, 90, 8n), false), null, "to a third node");
  assertEquals(hear(300, made(7n, 30, null), false), null, "to one that it has never heard");
  assertEquals(hear(400, made(7n, 40, 90), false), 400);
  assertEquals(hear(500, made(7n, 50, 90, 8n), true), 400);
});

const IDS = ["00000001-0000-4000-8000-00000000000a", "00000001-0000-4000-8000-00000000000b"];
const ADDRESSES = ["10.0.0.1", "10.0.0.2"];
/** Longest story before the last restart of both. */
const TROUBLE_MS = 20_000;

interface Sent {
  readonly from: 0 | 1;
  readonly heartbeat: Heartbeat;
  readonly atMs: number;
}

/** One side: a process and its successors. */
interface Side {
  node: Node | null;
  run: bigint;
  sequence: number;
  /** Its clock starts again with each process. */
  originMs: number;
}

/** Two nodes in virtual time, 10 ms at a time. */
class Pair {
  nowMs = 0;
  readonly sides: [Side, Side];
  readonly recorded: Sent[] = [];
  readonly #queue: { readonly atMs: number; readonly to: 0 | 1; readonly sent: Sent }[] = [];
  #runs = 100n;

  constructor(
    readonly intervalMs: number,
    readonly network: () => { readonly lost: boolean; readonly delaysMs: readonly number[] },
  ) {
    const off = () => ({ node: null, run: 0n, sequence: 0, originMs: 0 });
    this.sides = [off(), off()];
  }

  restart(which: 0 | 1): void {
    const side = this.sides[which];
    side.node = null;
    // A process never starts in the moment in which the one before it ends.
    this.pass(20);
    side.run = this.#runs++;
    side.originMs = this.nowMs;
    side.sequence = 0;
    const other = 1 - which;
    const peer = { instanceId: IDS[other]!, wireId: IDS[other]!, address: ADDRESSES[other]! };
    side.node = startNode({ ...NODE_SETTINGS, intervalMs: this.intervalMs }, {
      atMs: 0,
      selfId: IDS[which]!,
      run: side.run,
      peers: [peer],
    });
    this.#step(which, { kind: "tick" });
  }

  /** Replays a recording to the other side. */
  replay(index: number): void {
    const sent = this.recorded[index % Math.max(1, this.recorded.length)];
    if (sent) this.#hear(sent.from === 0 ? 1 : 0, sent);
  }

  pass(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs;) {
      this.nowMs += 10;
      for (const each of this.#queue.splice(0)) {
        if (each.atMs > this.nowMs) this.#queue.push(each);
        else this.#hear(each.to, each.sent);
      }
      for (const which of [0, 1] as const) {
        const { node, originMs } = this.sides[which];
        if (node && nodeWakeAtMs(node) <= this.nowMs - originMs) {
          this.#step(which, { kind: "tick" });
        }
      }
    }
  }

  /** The other side in this one's state. */
  seenBy(which: 0 | 1) {
    const peer = this.sides[which].node?.election.peers.get(ADDRESSES[1 - which]!);
    assert(peer);
    return peer;
  }

  #hear(to: 0 | 1, { from, heartbeat }: Sent): void {
    if (!this.sides[to].node) return;
    this.#step(to, { kind: "incoming", from: ADDRESSES[from]!, heartbeat, signed: true });
  }

  #step(which: 0 | 1, event: NodeEvent | Incoming): void {
    const side = this.sides[which];
    if (!side.node) return;
    const atMs = this.nowMs - side.originMs;
    const [node, effects] = stepNode(side.node, forNode(side.node, event, atMs), atMs);
    side.node = node;
    for (const effect of effects) this.#perform(which, effect);
  }

  #perform(which: 0 | 1, effect: NodeEffect): void {
    if (effect.kind !== "send") return;
    const side = this.sides[which];
    const { advert, hearsYou, echo } = effect;
    side.sequence = Math.max(side.sequence + 1, (this.nowMs - side.originMs) * 1_000);
    const stamp = { run: side.run, echo };
    const trailer = trailerFor(advert, { hearsYou, sequence: side.sequence, stamp });
    const { elasticIp } = NODE_SETTINGS;
    const heartbeat = { priority: advert.priority, elasticIp, id: IDS[which]!, trailer };
    const sent = { from: which, heartbeat, atMs: this.nowMs };
    this.recorded.push(sent);
    const { lost, delaysMs } = this.network();
    if (lost) return;
    const to = which === 0 ? 1 : 0;
    for (const ms of delaysMs) this.#queue.push({ atMs: this.nowMs + ms, to, sent });
  }
}

Deno.test("with an interval of a minute both believe each other after a round trip", () => {
  const pair = new Pair(60_000, () => ({ lost: false, delaysMs: [20] }));
  pair.restart(0);
  pair.pass(30_000);
  pair.restart(1);
  pair.pass(100);
  assertEquals([pair.seenBy(0).alive, pair.seenBy(1).alive], [true, true]);
  pair.restart(0);
  pair.pass(100);
  assertEquals(pair.seenBy(1).proof?.run, pair.sides[0].run);
});

const happenings = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("restart" as const), which: fc.constantFrom(0, 1) }),
    fc.record({ kind: fc.constant("both" as const) }),
    fc.record({ kind: fc.constant("replay" as const), index: fc.nat(), count: fc.nat(40) }),
    fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 10, max: 3_000 }) }),
  ),
  { maxLength: 25 },
);
const network = fc.record({
  loss: fc.constantFrom(0, 0.2, 0.7),
  delayMs: fc.constantFrom(0, 100, 400),
  doubles: fc.constantFrom(0, 0.3),
  chance: fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
});

Deno.test("two live nodes believe each other within a hold-off, and no recording pushes out the live run", () => {
  fc.assert(
    fc.property(happenings, network, fc.constantFrom(500, 1_000), (story, network, intervalMs) => {
      const { chance, delayMs } = network;
      const roll = () => chance.next().value ?? 0;
      let trouble = true;
      const pair = new Pair(intervalMs, () => ({
        lost: trouble && roll() < network.loss,
        delaysMs: (roll() < network.doubles ? [1, 1] : [1]).map(() => roll() * delayMs),
      }));
      const safe = () => {
        for (const which of [0, 1] as const) {
          const { node } = pair.sides[which], other = pair.sides[which === 0 ? 1 : 0];
          if (!node) continue;
          const { proof } = pair.seenBy(which);
          // Once the live run is accepted, nothing changes that.
          if (believed[which] === other.run) assertEquals(proof?.run, other.run);
          believed[which] = proof?.run === other.run ? other.run : null;
        }
      };
      const believed: [bigint | null, bigint | null] = [null, null];
      const restart = (which: 0 | 1) => {
        pair.restart(which);
        believed.fill(null);
      };
      restart(0);
      restart(1);
      for (const each of story) {
        if (pair.nowMs > TROUBLE_MS) break;
        if (each.kind === "restart") restart(each.which as 0 | 1);
        if (each.kind === "both") ([0, 1] as const).forEach(restart);
        if (each.kind === "pass") pair.pass(each.ms);
        for (let at = 0; each.kind === "replay" && at < each.count; at++) {
          pair.replay(each.index + at);
          safe();
        }
        safe();
      }
      // Both restart; then the network only delays and duplicates, and the replays continue.
      trouble = false;
      pair.pass(500);
      const last = pair.recorded.length;
      restart(0);
      restart(1);
      const holdOffMs = 3 * intervalMs + 100;
      for (let ms = 0; ms < holdOffMs; ms += 100) {
        if (last > 0) pair.replay(ms * 7 % last);
        pair.pass(100);
        safe();
      }
      for (const which of [0, 1] as const) {
        const { alive, proof } = pair.seenBy(which);
        assertEquals([alive, proof?.run], [true, pair.sides[which === 0 ? 1 : 0].run]);
      }
    }),
    { numRuns: 300 },
  );
});

/** At 100 s of our clock, with a dead time of 3 s. */
const AT: Measure = { selfRun: 5n, atMs: 100_000, deadMs: 3_000 };
/** The peer's clock is 200 s behind ours. */
const BELIEVED: Proof = {
  run: 7n,
  sequence: 200_000,
  sinceMs: 50_000,
  freshAtMs: 90_000,
  freshSequence: 100_000,
};

/** A trailer of that run, which echoes what we sent at that instant. */
function trailerOf(sequence: number, echoedAtMs: number | null, run = 7n): Trailer {
  const echo = echoedAtMs === null ? null : { run: 5n, sequence: echoedAtMs * 1_000 };
  return { ...HEALTHY_TRAILER, sequence, stamp: { run, echo } };
}

Deno.test("an echo is recent for two dead times and a second, and a millisecond ahead at most", () => {
  const of = (ms: number) => recentEchoAt(trailerOf(1, ms), AT);
  assertEquals([of(93_000), of(92_999.9)], [93_000, null]);
  assertEquals([of(100_001), of(100_001.001)], [100_001, null]);
  assertEquals(recentEchoAt({ stamp: null }, AT), null);
  assertEquals(recentEchoAt(trailerOf(1, 99_000), { ...AT, selfRun: 6n }), null);
});

Deno.test("doubtOf() by run, sequence and echo", () => {
  const of = (trailer: Trailer, proof: Proof | null = BELIEVED) => doubtOf(proof, trailer, AT);
  assertEquals(of({ ...trailerOf(300_000, 99_000), stamp: null }), "unproven", "without a stamp");
  assertEquals([of(trailerOf(1, 99_000), null), of(trailerOf(1, null), null)], [null, "unproven"]);
  // Another run needs an echo of what we sent after we had accepted this one.
  const later = { ...BELIEVED, sinceMs: 99_000 };
  const other = (echoedAtMs: number) => of(trailerOf(1, echoedAtMs, 8n), later);
  assertEquals([other(99_000), other(99_000.001)], ["unproven", null]);
  assertEquals([of(trailerOf(200_000, 99_000)), of(trailerOf(200_001, 99_000))], [
    "replayed",
    null,
  ]);
  // Without an echo: 60 s and a dead time behind, and a thousandth of the ten seconds since the last one.
  const late = { ...BELIEVED, freshAtMs: 90_000, freshSequence: 100_000_000, sequence: 0 };
  const behind = (ms: number) => of(trailerOf(100_000_000 + (10_000 - ms) * 1_000, null), late);
  assertEquals([behind(63_010), behind(63_010.001)], [null, "unproven"]);
});

Deno.test("prove() moves the anchor with a recent echo, and with what is ahead of our clock", () => {
  const of = (trailer: Trailer, proof: Proof | null = BELIEVED) => prove(proof, trailer, AT);
  assertEquals(of({ ...trailerOf(300_000, 99_000), stamp: null }), BELIEVED);
  const fresh = { freshAtMs: 100_000, freshSequence: 300_000, sequence: 300_000 };
  assertEquals(of(trailerOf(300_000, 99_000)), { ...BELIEVED, ...fresh });
  assertEquals(of(trailerOf(300_000, null)), { ...BELIEVED, sequence: 300_000 });
  // Ten seconds have passed here since the anchor, and as many there, or slightly more.
  const level = 100_000 + 10_000_000;
  assertEquals(of(trailerOf(level, null)), { ...BELIEVED, sequence: level });
  assertEquals(of(trailerOf(level - 500, null)), { ...BELIEVED, sequence: level - 500 });
  const ahead = { freshAtMs: 100_000, freshSequence: level + 1, sequence: level + 1 };
  assertEquals(of(trailerOf(level + 1, null)), { ...BELIEVED, ...ahead });
  // Another run, or the first, begins now.
  const begun = { run: 8n, sequence: 9, sinceMs: 100_000, freshAtMs: 100_000, freshSequence: 9 };
  assertEquals(of(trailerOf(9, 99_000, 8n)), begun);
  assertEquals(of(trailerOf(9, 99_000, 8n), null), begun);
});

Deno.test("meet() answers a run each half interval, and remembers eight", () => {
  const metAt = (run: number, answeredAtMs: number): Met => {
    return { run: BigInt(run), sequence: 10, sinceMs: 1_000, answeredAtMs };
  };
  const of = (met: readonly Met[], sequence = 20, run = 7n) =>
    meet(met, trailerOf(sequence, null, run), { intervalMs: 1_000, atMs: 100_000 });
  const now = { run: 7n, sequence: 20, sinceMs: 100_000, answeredAtMs: 100_000 };
  const unstamped = { ...trailerOf(20, null), stamp: null };
  assertEquals(meet([], unstamped, { intervalMs: 1_000, atMs: 100_000 }), []);
  assertEquals([of([]), of([], 0)], [[now], [{ ...now, sequence: 0 }]]);
  // Known: not before half an interval; with its highest sequence, and since when it was met.
  const early = [metAt(7, 99_501)];
  assertEquals(of(early) === early, true);
  assertEquals(of([metAt(7, 99_500)]), [{ ...now, sinceMs: 1_000 }]);
  assertEquals(of([metAt(7, 99_500)], 5), [{ ...now, sinceMs: 1_000, sequence: 10 }]);
  // Others stay while there is room, however long ago they were answered.
  const some = [1, 2, 3, 4, 5, 6, 8].map((run) => metAt(run, 1_000));
  assertEquals(of(some), [...some, now]);
  // With eight others, the first that may be answered again makes room; else none does.
  const busy = [1, 2, 3, 4, 5, 6, 8, 9].map((run) => metAt(run, 99_501));
  assertEquals(of(busy) === busy, true);
  const mixed = busy.map((each, at) =>
    at === 2 || at === 5 ? { ...each, answeredAtMs: 99_500 } : each
  );
  assertEquals(of(mixed), [...mixed.filter((_, at) => at !== 2), now]);
  // A known run needs no more room.
  const full = [...busy.slice(1), metAt(7, 99_500)];
  assertEquals(of(full), [...busy.slice(1), { ...now, sinceMs: 1_000 }]);
});
