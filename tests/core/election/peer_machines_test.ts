// A machine with several paths: what is known of it on all of them, when it is dead, and which signed heartbeats it may
// have sent.
import { assert, assertEquals } from "@std/assert";
import { desiredStateOf } from "../../../src/core/election/desired_state.ts";
import {
  livesElsewhere,
  machineOf,
  machinesOf,
  type Peer,
  type Proof,
  repeats,
  steady,
  unresolved,
} from "../../../src/core/election/peer.ts";
import { doubtOnAnyPath, signsOnAnyPath } from "../../../src/core/election/accept.ts";
import type { Heartbeat, Trailer } from "../../../src/core/heartbeat.ts";
import { type Election, outranking } from "../../../src/core/election/state.ts";
import { elect, startElection } from "../../../src/core/election/step.ts";
import { type DifferentPeer, idOf, livePeer } from "../../support/election_fixtures.ts";
import { after, type Incoming } from "../../support/incoming.ts";
import { HEALTHY_TRAILER, NODE_SETTINGS } from "../../support/node_settings.ts";

const INSIDE = "10.1.0.7";

/** The two paths to one machine. */
function paths(first: DifferentPeer, second: DifferentPeer) {
  const peers = [livePeer(7, first), livePeer(7, { address: INSIDE, ...second })];
  return { peers: new Map(peers.map((peer) => [peer.address, peer])), repeated: true };
}

function merged(first: DifferentPeer, second: DifferentPeer): Peer {
  const [machine, ...more] = machinesOf(paths(first, second));
  assertEquals(more, []);
  return machine!;
}

const DEAD = { alive: false } as const;

Deno.test("a machine lives while it is heard on one path, and says what it said last", () => {
  assertEquals(merged(DEAD, {}).alive, true);
  assertEquals(merged(DEAD, DEAD).alive, false);
  const old = { priority: 5, trailer: { sequence: 1_000 } };
  const late = { priority: 20, trailer: { sequence: 2_000 } };
  assertEquals([merged(old, late).priority, merged(late, old).priority], [20, 20]);
  // The slower path may bring the older words later.
  const slow = { ...old, heardAtMs: 5_200 };
  assertEquals([merged(slow, late).priority, merged(late, slow).priority], [20, 20]);
  assertEquals([merged(slow, late).heardAtMs, merged(late, slow).heardAtMs], [5_200, 5_200]);
  // Nor does a path on which nothing was ever heard.
  const never = { ...DEAD, heardAtMs: null, trailer: null, priority: 255 };
  const dead = { ...old, ...DEAD };
  assertEquals([merged(never, dead).priority, merged(dead, never).priority], [5, 5]);
  // A silent path brings nothing, whatever its numbers.
  const ahead = { ...old, ...DEAD, trailer: { sequence: 9_000 } };
  assertEquals(merged(ahead, late).priority, 20);
  // A process with another clock numbers otherwise: the time decides.
  const restarted = { ...late, heardAtMs: 6_000 };
  assertEquals(merged({ ...old, trailer: { sequence: 12_001 } }, restarted).priority, 20);
  assertEquals(merged({ ...old, trailer: { sequence: 12_000 } }, restarted).priority, 5);
  // The numbers of signed heartbeats are microseconds.
  const stamp = { run: 7n, echo: null };
  const signed = (sequence: number) => ({ trailer: { sequence, stamp } });
  const lateSigned = { ...restarted, ...signed(2_000_000) };
  assertEquals(merged({ ...old, ...signed(12_000_000) }, lateSigned).priority, 5);
  assertEquals(merged({ ...old, ...signed(12_000_001) }, lateSigned).priority, 20);
});

Deno.test("a machine is heard steadily if it is so on one path, and no two paths make one life", () => {
  const state = { settings: NODE_SETTINGS };
  const young = { aliveSinceMs: 4_900, beats: 1 };
  assertEquals(steady(merged(young, {}), state), true);
  assertEquals(steady(merged({}, young), state), true);
  const once = { aliveSinceMs: 1_000, beats: 1, heardAtMs: 1_000 };
  const often = { aliveSinceMs: 4_990, beats: 3, heardAtMs: 5_000 };
  assertEquals(steady(merged(once, often), state), false, "the beats of one, the age of the other");
});

Deno.test("whether a machine died while this node was listed is said by the path that was heard last", () => {
  const early = { ...DEAD, heardAtMs: 1_000, diedWhileListed: true };
  const late = { ...DEAD, heardAtMs: 9_000, diedWhileListed: false, trailer: { sequence: 9 } };
  assertEquals(merged(early, late).diedWhileListed, false);
});

Deno.test("a silent path is no death, and a machine outranks this node once", () => {
  const start = startElection(NODE_SETTINGS, { atMs: 0, selfId: idOf(5), run: null, peers: [] });
  const both = paths({ heardAtMs: 5_000, priority: 5 }, { heardAtMs: 9_000, priority: 5 });
  const state = { ...start, ...both, settledAtMs: -Infinity, heartbeatAtMs: 99_000 };
  const silent = elect(state, { kind: "tick" }, 8_000);
  const alive = [...silent.peers.values()].map((peer) => [peer.alive, peer.deathsAtMs.length]);
  assertEquals(alive, [[false, 0], [true, 0]]);
  assertEquals(outranking(silent).length, 1);
  const dead = elect(silent, { kind: "tick" }, 12_000);
  assertEquals(machineOf([...dead.peers.values()][0]!, dead).deathsAtMs, [12_000]);
  assertEquals(livesElsewhere([...dead.peers.values()][0]!, silent), true);
});

const SELF_RUN = 5n, MEASURE = { selfRun: SELF_RUN, atMs: 100_000, deadMs: 3_000 };

/** A signed heartbeat by the peer's clock, with an echo of what we sent at that instant. */
function made(run: bigint, clockMs: number, echoMs: number | null): Trailer {
  const echo = echoMs === null ? null : { run: SELF_RUN, sequence: echoMs * 1_000 };
  return { ...HEALTHY_TRAILER, sequence: clockMs * 1_000, stamp: { run, echo } };
}

function proof(run: bigint, clockMs: number, sinceMs: number): Proof {
  const sequence = clockMs * 1_000;
  return { run, sequence, sinceMs, freshAtMs: 100_000, freshSequence: sequence };
}

Deno.test("what a machine knows of this node is what it was told on the path that was heard last, or on any", () => {
  const told = (id: string) => {
    const says = { unhealthy: false, keeps: false, priority: 10, holds: false };
    return { knowsUs: [{ ...says, id, untilMs: Infinity }] };
  };
  const early = { heardAtMs: 1_000 }, late = { heardAtMs: 9_000 };
  const known = (first: DifferentPeer, second: DifferentPeer) =>
    merged(first, second).knowsUs.map(({ id }) => id);
  assertEquals(known({ ...early, ...told("early") }, { ...late, ...told("late") }), ["late"]);
  assertEquals(known({ ...early, ...told("early") }, late), ["early"]);
  assertEquals(known(late, { ...early, ...told("early") }), ["early"]);
  assertEquals(known(early, late), []);
});

Deno.test("what was recorded on one path is not believed on the other", () => {
  const doubt = (other: Proof, trailer: Trailer, own: Proof | null = null) => {
    const state = paths({ proof: own }, { proof: other });
    return doubtOnAnyPath([...state.peers.values()][0]!, state, { trailer, measure: MEASURE });
  };
  const live = proof(7n, 50_000, 20_000);
  assertEquals(doubt(live, made(7n, 50_010, 99_990)), null);
  assertEquals(doubt(live, made(7n, 47_500, 99_990)), null, "paths may delay differently");
  assertEquals(doubt(live, made(7n, 46_999, 99_990)), "replayed");
  // The path knows an earlier process, which others have replaced meanwhile.
  const earlier = proof(6n, 900_000, 1_000);
  assertEquals(doubt(live, made(6n, 900_010, 99_990), earlier), null, "it speaks again");
  const replaced = proof(7n, 50_000, 99_995);
  assertEquals(doubt(replaced, made(6n, 900_010, 99_990), earlier), "unproven");
  assertEquals(doubt(replaced, made(6n, 900_010, null), earlier), "unproven");
  const single = { ...paths({ proof: earlier }, {}), repeated: false };
  const trailer = made(6n, 900_010, null);
  assertEquals(
    doubtOnAnyPath([...single.peers.values()][0]!, single, { trailer, measure: MEASURE }),
    null,
  );
});

Deno.test("a machine that signs on one path signs on all", () => {
  const state = paths({}, { proof: proof(7n, 1, 1) });
  assertEquals(signsOnAnyPath([...state.peers.values()][0]!, state), true);
  const signed = { proof: proof(7n, 1, 1) };
  assertEquals([merged({}, signed), merged(signed, {})].map((each) => each.proof?.run), [7n, 7n]);
  const other = paths({}, {});
  assertEquals(signsOnAnyPath([...other.peers.values()][0]!, other), false);
});

const SELF = idOf(5), PEER = idOf(7);
const TICK = { kind: "tick" } as const;

/** A machine with two addresses. */
const TWICE = ["10.0.0.7", "2001:db8::7"].map((address) => ({
  address,
  instanceId: PEER,
  wireId: PEER,
}));

/** A node with that machine as its only peer. */
function start(): Election {
  return startElection(NODE_SETTINGS, { atMs: 0, selfId: SELF, peers: TWICE });
}

function beat(id: string): Heartbeat {
  const { elasticIp } = NODE_SETTINGS;
  return { priority: 20, elasticIp, id, trailer: { ...HEALTHY_TRAILER, sequence: 1 } };
}

Deno.test("repeats() tells one machine at two addresses from two machines", () => {
  const [first, second] = TWICE;
  assert(first && second);
  const other = { ...second, instanceId: SELF, wireId: SELF };
  const rows = [[], [first], [first, other], [first, second], [first, other, second]];
  assertEquals(rows.map(repeats), [false, false, false, true, true]);
  const nameless = [unresolved("10.0.0.1"), unresolved("10.0.0.2")];
  assertEquals(repeats(nameless), false, "nobody knows which machines they are");
});

Deno.test("a machine hears us if it does so at one of its addresses", () => {
  const hear = (from: string, hearsYou: boolean): Incoming => ({
    kind: "incoming",
    from,
    heartbeat: { ...beat(PEER), trailer: { ...HEALTHY_TRAILER, hearsYou, sequence: 1 } },
  });
  const desired = (...hears: boolean[]) => {
    const events = TWICE.map(({ address }, index) =>
      [1_000, hear(address, hears[index]!)] as const
    );
    return desiredStateOf(after(start(), events));
  };
  assertEquals([
    desired(true, false).notHearingUs,
    desired(false, true).notHearingUs,
    desired(false, false).notHearingUs,
  ], [
    [],
    [],
    [PEER],
  ]);
});

/** It is heard at the first address for the whole dead time, which a death requires. */
const LIFE = [1_000, 2_000, 3_000, 4_000].map((atMs, at): [number, Incoming] => [atMs, {
  kind: "incoming",
  from: "10.0.0.7",
  heartbeat: { ...beat(PEER), trailer: { ...HEALTHY_TRAILER, sequence: 1 + at } },
}]);

Deno.test("a machine is dead once it is silent at all its addresses, and then once", () => {
  const state = after(start(), [
    ...LIFE,
    [5_500, { kind: "incoming", from: "2001:db8::7", heartbeat: beat(PEER) }],
  ]);
  const half = after(state, [[7_200, TICK]]);
  assertEquals([...half.peers.values()].map(({ alive }) => alive), [false, true]);
  const { dead, alive, unheard } = desiredStateOf(half);
  assertEquals([dead, alive, unheard], [[], [PEER], []]);
  const silence = desiredStateOf(after(half, [[8_600, TICK]]));
  assertEquals(silence.dead.map(({ instanceId }) => instanceId), [PEER]);
  assertEquals([silence.alive, silence.unheard], [[], []]);
});

Deno.test("a machine that was never heard at one of its addresses and fell silent at the other is dead", () => {
  const state = after(start(), [...LIFE, [7_200, TICK]]);
  const { dead, unheard } = desiredStateOf(state);
  assertEquals([dead.map(({ instanceId }) => instanceId), unheard], [[PEER], []]);
});
