// The election by tables: ranks, deadlines, adverts; scenarios/ has whole stories.
import { assert, assertEquals } from "@std/assert";
import { advert, advertTo } from "../../../src/core/node/speak.ts";
import {
  elect,
  type ElectionEvent,
  electionWakeAtMs,
  startElection,
} from "../../../src/core/election/step.ts";
import {
  deadTimeOfMs,
  type PeerIdentity,
  ranksBefore,
  unheard,
  unresolved,
} from "../../../src/core/election/peer.ts";
import {
  type Election,
  type ElectionSettings,
  oneWay,
  outranking,
} from "../../../src/core/election/state.ts";
import type { Heartbeat, Trailer } from "../../../src/core/heartbeat.ts";
import { accept } from "../../../src/core/election/accept.ts";
import { forElection, type Incoming, reasonFor } from "../../support/incoming.ts";
import { HEALTHY_TRAILER, NODE_SETTINGS } from "../../support/node_settings.ts";
import fc from "../../support/fast_check.ts";

const SELF = "00000001-0000-4000-8000-000000000005", PEER = "00000001-0000-4000-8000-000000000007";
const ADDRESS = "10.0.0.7";
const SETTINGS: ElectionSettings = NODE_SETTINGS;
const TRAILER: Trailer = { ...HEALTHY_TRAILER, sequence: 1_000 };
/** Our own run. */
const RUN = 5n;
const RUN_7 = { run: 7n, echo: null };

function beat(priority: number, trailer: Partial<Trailer> | null = {}): Heartbeat {
  const { elasticIp } = SETTINGS;
  return { priority, elasticIp, id: PEER, trailer: trailer && { ...TRAILER, ...trailer } };
}

/** A node that started at 0, after these events, with the wake-ups in between. */
function after(
  events: ReadonlyArray<readonly [number, ElectionEvent | Incoming]>,
  settings: Partial<ElectionSettings> = {},
): Election {
  let state = startElection({ ...SETTINGS, ...settings }, {
    atMs: 0,
    selfId: SELF,
    run: RUN,
    peers: [{ address: ADDRESS, instanceId: PEER, wireId: PEER }],
  });
  for (const [atMs, event] of events) {
    while (electionWakeAtMs(state) < atMs) {
      const wakeAtMs = electionWakeAtMs(state);
      state = { ...elect(state, { kind: "tick" }, wakeAtMs), heartbeatAtMs: wakeAtMs + 1_000 };
    }
    state = elect(state, forElection(state, event, atMs), atMs);
  }
  return state;
}

const tick = { kind: "tick" } as const;
const heard = (heartbeat: Heartbeat) => ({ kind: "incoming", from: ADDRESS, heartbeat }) as const;

/** A master that is no longer in its peer list. */
function outsidePeerList(event: ElectionEvent | Incoming): Election {
  const peers = [{ address: ADDRESS, instanceId: PEER, wireId: PEER }];
  return after([[3_000, event], [3_100, tick], [4_000, {
    kind: "members",
    peers,
    inPeerList: false,
  }]]);
}

const ROLES: ReadonlyArray<[string, Election, string]> = [
  ["before the hold-off is over", after([[3_099, tick]]), "backup settling"],
  ["alone after the hold-off", after([[3_100, tick]]), "master alone"],
  ["with a worse peer", after([[2_000, heard(beat(20))], [3_100, tick]]), "master best"],
  ["with an equal peer", after([[2_000, heard(beat(10))], [3_100, tick]]), "master equal"],
  [
    "with an original peer that is better",
    after([[2_000, heard(beat(5, null))], [3_100, tick]]),
    "backup outranked",
  ],
  ["with a better peer", after([[2_000, heard(beat(5))], [3_100, tick]]), "backup outranked"],
  [
    "with a better peer that is leaving",
    after([[2_000, heard(beat(5, { leaving: true }))], [3_100, tick]]),
    "master alone",
  ],
  [
    "with a better peer that is unable",
    after([[2_000, heard(beat(5, { unable: true }))], [3_100, tick]]),
    "master alone",
  ],
  [
    "just before the better peer is dead",
    after([[4_000, heard(beat(5))], [6_999, tick]]),
    "backup outranked",
  ],
  [
    "exactly when the better peer is dead",
    after([[4_000, heard(beat(5))], [7_000, tick]]),
    "master alone",
  ],
  [
    "unable, with nobody to make way for",
    after([[3_100, tick], [4_000, { kind: "cloudReachable", cloudReachable: false }]]),
    "master cloud-unreachable",
  ],
  [
    "unable, with a peer to make way for",
    after([[3_000, heard(beat(20))], [3_100, tick], [4_000, {
      kind: "cloudReachable",
      cloudReachable: false,
    }]]),
    "backup cloud-unreachable",
  ],
  [
    "asked to stop",
    after([[3_000, heard(beat(20))], [3_100, tick], [4_000, { kind: "stop" }]]),
    "backup leaving",
  ],
  [
    "when the list has lost it while a peer lives",
    outsidePeerList(heard(beat(20))),
    "backup unlisted",
  ],
  ["when the list has lost it and nobody lives", outsidePeerList(tick), "master unlisted"],
];

for (const [when, { role, reason }, expected] of ROLES) {
  Deno.test(`elect(): a node is ${expected} ${when}`, () => {
    assertEquals(`${role} ${reason}`, expected);
  });
}

Deno.test("elect(): a node that wakes more than an interval late judges nobody for a new hold-off", () => {
  const settled = after([[3_000, heard(beat(5))], [3_100, tick]]);
  const slept = elect(settled, tick, 30_000);
  assertEquals([slept.role, slept.reason], ["backup", "stalled"]);
  assert(slept.peers.get(ADDRESS)?.alive);
  assertEquals(elect(slept, tick, 33_099).role, "backup");
});

Deno.test("elect(): with a preempt delay a master that slept asks first whether it still holds", () => {
  const holding = (is: boolean) => ({ kind: "holding", holding: is }) as const;
  const events = [[10, holding(true)], [3_000, heard(beat(20))], [3_100, tick]] as const;
  assertEquals(elect(after(events), tick, 30_000).wokeAtMs, null, "not without such a delay");
  const before = after(events, { preemptDelayMs: Infinity });
  assertEquals([before.elected, before.wokeAtMs], ["master", null]);
  const slept = elect(before, tick, 30_000);
  assertEquals([slept.role, slept.reason, slept.wokeAtMs], ["master", "stalled", 30_000]);
  assertEquals(advert(slept).priority, 10, "nobody else says that it holds");
  const holder = heard(beat(20, { holds: true, sequence: 28_000 }));
  const other = elect(slept, forElection(slept, holder, 30_200), 30_200);
  assertEquals(advert(other).priority, 255);
  const sighted = (is: boolean) => {
    const state = elect(elect(other, holding(is), 30_300), { kind: "sighted" }, 30_300);
    const { role, reason } = elect({ ...state, heartbeatAtMs: Infinity }, tick, 33_100);
    return [state.wokeAtMs, advert(state).priority, role, reason];
  };
  assertEquals(sighted(true), [null, 10, "master", "best"]);
  assertEquals(sighted(false), [null, 255, "backup", "deferring"]);
});

Deno.test("elect(): a node that slept hears the others first, if they take it for dead", () => {
  const settled = after([[3_100, tick]], { preemptDelayMs: 5_000 });
  const spoke = { ...settled, heartbeatAtMs: 6_000 };
  const next = (atMs: number) => elect(spoke, tick, atMs).heartbeatAtMs;
  // Its last heartbeat left at 5 s, and the dead time is 3 s.
  assertEquals([next(7_001), next(7_999)], [6_000, 6_000]);
  assertEquals([next(8_000), next(60_000)], [9_000, 61_000]);
  const free = { ...spoke, settings: { ...spoke.settings, preemptDelayMs: 0 } };
  assertEquals(
    elect(free, tick, 60_000).heartbeatAtMs,
    6_000,
    "without a preempt delay it need not",
  );
});

Deno.test("elect(): signals keep the priority within 1 and 255", () => {
  const nudge = (by: 1 | -1) => ({ kind: "nudge", by }) as const;
  assertEquals(after([[1, nudge(-1)]], { priority: 1 }).priority, 1);
  assertEquals(after([[1, nudge(-1)]], { priority: 0 }).priority, 0);
  assertEquals(after([[1, nudge(1)]], { priority: 0 }).priority, 1);
  assertEquals(after([[1, nudge(1)]], { priority: 255 }).priority, 255);
  assertEquals(after([[1, nudge(1)]], { priority: 10 }).priority, 11);
});

Deno.test("elect(): a node that has the cloud back gives a holder without it 6 s to find it, too", () => {
  const lost = after([[3_100, tick], [4_000, { kind: "cloudReachable", cloudReachable: false }]]);
  assertEquals(lost.graceUntilMs, null);
  assertEquals(
    elect(lost, { kind: "cloudReachable", cloudReachable: true }, 4_500).graceUntilMs,
    10_500,
  );
});

Deno.test("elect(): a new configuration keeps what signals have changed, unless it changes that itself", () => {
  const nudged = after([[3_100, tick], [4_000, { kind: "nudge", by: 1 }]]);
  const priority = (configured: number) =>
    elect(nudged, { kind: "settings", settings: { ...SETTINGS, priority: configured } }, 4_100)
      .priority;
  assertEquals([nudged.priority, priority(10), priority(30)], [11, 11, 30]);
  const moved = { ...SETTINGS, elasticIp: "198.51.100.51" };
  const same = elect(nudged, { kind: "settings", settings: moved }, 4_100);
  assertEquals(same.settings.elasticIp, SETTINGS.elasticIp);
});

Deno.test("elect(): a longer interval begins once all have heard of it, a shorter one at once", () => {
  const state = { ...after([[3_100, tick]]), heartbeatAtMs: 4_000 };
  const set = (intervalMs: number) =>
    elect(state, { kind: "settings", settings: { ...SETTINGS, intervalMs } }, 3_200);
  const [shorter, same, longer] = [set(200), set(1_000), set(5_000)];
  assertEquals([shorter.previousInterval, same.previousInterval], [null, null]);
  assertEquals(longer.previousInterval, { intervalMs: 1_000, untilMs: 3_200 + 6_000 });
  assertEquals([shorter, same, longer].map(({ heartbeatAtMs }) => heartbeatAtMs), [
    ...[3_400, 4_000, 4_000],
  ]);
});

Deno.test("elect(): a list that is read again keeps what was heard, and forgets it of another machine", () => {
  const known = { address: ADDRESS, instanceId: PEER, wireId: PEER };
  const list = (peer: Partial<PeerIdentity>, inPeerList = true): ElectionEvent => ({
    kind: "members",
    peers: [{ ...known, ...peer }],
    inPeerList,
  });
  const state = after([[3_000, heard(beat(20))], [3_100, tick]]);
  const heardAt = (event: ElectionEvent) =>
    elect(state, event, 3_200).peers.get(ADDRESS)?.heardAtMs;
  assertEquals([heardAt(list({})), heardAt(list({ wireId: null }))], [3_000, 3_000]);
  assertEquals(heardAt(list({ wireId: SELF.replace("5", "6") })), null);
  // It fell silent while this node was not in the peer list: that proves nothing.
  const lost = after([[3_000, heard(beat(20))], [3_200, list({}, false)], [8_000, tick]]);
  assertEquals([lost.peers.get(ADDRESS)?.alive, lost.peers.get(ADDRESS)?.heardAtMs], [
    false,
    3_000,
  ]);
  assertEquals(elect(lost, list({}, false), 8_100).peers.get(ADDRESS)?.heardAtMs, 3_000);
  assertEquals(elect(lost, list({}), 8_100).peers.get(ADDRESS)?.heardAtMs, null);
});

Deno.test("elect(): a backup listens for a newcomer before it judges, a master that holds does not", () => {
  const known = { address: ADDRESS, instanceId: PEER, wireId: PEER };
  const other = { ...known, address: "10.0.0.9", instanceId: null, wireId: null };
  const backup = after([[3_000, heard(beat(5))], [3_100, tick]]);
  const settled = (state: Election, peers: PeerIdentity[], inPeerList = true) =>
    elect(state, { kind: "members", peers, inPeerList }, 3_200).settledAtMs;
  const listens = 3_200 + 3_100;
  assertEquals([settled(backup, [known, other]), settled(backup, [known])], [listens, -Infinity]);
  const master = after([[3_000, heard(beat(20))], [3_100, tick]]);
  assertEquals([master.role, settled(master, [known, other])], ["master", -Infinity]);
  const outsidePeerList = elect(
    backup,
    { kind: "members", peers: [known], inPeerList: false },
    3_150,
  );
  assertEquals(
    settled({ ...outsidePeerList, role: "backup" }, [known]),
    listens,
    "it is back in the list",
  );
});

Deno.test("advert(): an ineligible node, and one that stands back, ranks last", () => {
  assertEquals(advert(after([[3_100, tick]])).priority, 10);
  assertEquals(
    advert(after([[3_100, { kind: "cloudReachable", cloudReachable: false }]])).priority,
    255,
  );
  assertEquals(advert(after([[3_100, { kind: "stop" }]])).priority, 255);
  const holder = heard(beat(20, { holds: true }));
  const standing = after([[1, { kind: "holding", holding: false }], [2, holder]], {
    preemptDelayMs: Infinity,
  });
  assertEquals(advert(standing).priority, 255);
});

Deno.test("accept() names the reason", () => {
  const state = after([[2_000, heard(beat(20, { sequence: 50_000 }))]]);
  const reasonOf = (heartbeat: Heartbeat, from = ADDRESS) =>
    reasonFor(state, { from, heartbeat }, 2_000);
  assertEquals(reasonOf(beat(20), "10.0.0.8"), "unknown-source");
  assertEquals(reasonOf({ ...beat(20), elasticIp: "198.51.100.51" }), "wrong-address");
  assertEquals(reasonOf({ ...beat(20), id: SELF }), "own-id");
  assertEquals(reasonOf({ ...beat(20), id: SELF }, "10.0.0.8"), "own-id", "from anywhere");
  assertEquals(reasonOf({ ...beat(20), id: SELF.replace("5", "6") }), "wrong-id");
  assertEquals(reasonOf(beat(20, { sequence: 50_000 })), "reordered");
  assertEquals(reasonOf(beat(20, { sequence: 47_001 })), "reordered");
  assertEquals(reasonOf(beat(20, { sequence: 47_000 })), null, "the sender's clock was set back");
  assertEquals(reasonOf(beat(20, { sequence: 50_001 })), null);
  assertEquals(reasonOf(beat(20, null)), null);
});

Deno.test("elect() hears what accept() made for the machine that the list still has, and nothing else", () => {
  const state = after([[1_000, tick]]);
  const accepted = accept(state, { from: ADDRESS, heartbeat: beat(20) }, 1_500);
  assert(accepted.kind === "heard");
  // @ts-expect-error: the compiler rejects anything that only looks like it.
  const forged: ElectionEvent = { ...heard(beat(20)), kind: "heard", signed: false, wireId: PEER };
  assertEquals(Object.keys(forged).sort(), Object.keys(accepted).sort());
  const priorityAfter = (peers: PeerIdentity[]) => {
    const listed = elect(state, { kind: "members", peers, inPeerList: true }, 1_500);
    return elect(listed, accepted, 1_600).peers.get(ADDRESS)?.priority;
  };
  const peer = { address: ADDRESS, instanceId: PEER, wireId: PEER };
  const other = SELF.replace("5", "6");
  assertEquals(priorityAfter([peer]), 20);
  assertEquals(priorityAfter([{ ...peer, instanceId: other, wireId: other }]), 255);
  assertEquals(priorityAfter([]), undefined);
});

/** A signed heartbeat with that sequence, in µs, which echoes what we sent at that instant, or nothing. */
function signed(sequence: number, { run = 7n, echoMs }: { run?: bigint; echoMs?: number } = {}) {
  const echo = echoMs === undefined ? null : { run: RUN, sequence: echoMs * 1_000 };
  return { ...heard(beat(20, { sequence, stamp: { run, echo } })), signed: true };
}

Deno.test("accept(): once a peer has proved its run, its sequence must rise and it must go on signing", () => {
  const state = after([[2_000, signed(50_000, { echoMs: 1_990 })]]);
  const reasonOf = (event: ReturnType<typeof heard>) => reasonFor(state, event, 2_100);
  assertEquals(reasonOf(signed(50_000)), "replayed");
  assertEquals(reasonOf(signed(1_000, { echoMs: 2_050 })), "replayed");
  assertEquals(reasonOf(signed(50_001)), null, "it may not hear us");
  assertEquals(reasonOf(heard(beat(20, { sequence: 50_001 }))), "unsigned");
  assertEquals(reasonOf(heard(beat(20, null))), "unsigned");
  // An unsigned heartbeat does not affect the sequence of the signed ones.
  const before = after([[2_000, heard(beat(20, { sequence: 90_000 }))]]);
  assertEquals(reasonFor(before, signed(50_000, { echoMs: 1_990 }), 2_000), null);
});

Deno.test("elect(): what was accepted and then overtaken while its signature was checked is not heard", () => {
  const state = after([[2_000, signed(50_000, { echoMs: 1_990 })]]);
  const accepted = (sequence: number) => {
    const verdict = accept(state, signed(sequence), 2_100);
    assert(verdict.kind === "heard");
    return verdict;
  };
  const [older, newer] = [accepted(50_001), accepted(50_002)];
  const heardAfter = (events: readonly ElectionEvent[]) => {
    const last = events.reduce((now, event, at) => elect(now, event, 2_200 + at), state);
    const { heardAtMs, proof } = last.peers.get(ADDRESS)!;
    return [heardAtMs, proof?.sequence];
  };
  assertEquals(heardAfter([older, newer]), [2_201, 50_002]);
  assertEquals(heardAfter([newer, older]), [2_200, 50_002], "a later one came first");
  assertEquals(heardAfter([newer, newer]), [2_200, 50_002], "a copy of it");
});

Deno.test("accept(): a list that is read again does not make a peer forget what it has signed", () => {
  const peer = { address: ADDRESS, instanceId: PEER, wireId: PEER };
  const first = signed(50_000, { echoMs: 3_000 });
  const list = (peers: ElectionEvent & { kind: "members" }) => [4_000, peers] as const;
  const again = after([[3_200, first], list({ kind: "members", peers: [peer], inPeerList: true })]);
  assertEquals(reasonFor(again, first, 4_000), "replayed");
  const dead = after([
    [3_200, first],
    list({ kind: "members", peers: [peer], inPeerList: false }),
    [8_000, { kind: "members", peers: [peer], inPeerList: true }],
  ]);
  assertEquals(dead.peers.get(ADDRESS)?.alive, false);
  assertEquals(reasonFor(dead, first, 8_000), "replayed");
  // Another machine at that address has signed nothing yet.
  const other = { ...peer, instanceId: SELF.replace("5", "6"), wireId: SELF.replace("5", "6") };
  const moved = after([
    [3_200, first],
    list({ kind: "members", peers: [other], inPeerList: true }),
  ]);
  assertEquals(moved.peers.get(ADDRESS)?.proof, null);
});

Deno.test("accept(): without a secret signed heartbeats count like others, each run from its beginning", () => {
  const state = after([[2_000, heard(beat(20, { sequence: 50_000, stamp: RUN_7 }))]]);
  const reasonOf = (says: Partial<Trailer>) => reasonFor(state, heard(beat(20, says)), 2_100);
  assertEquals(reasonOf({ sequence: 49_000, stamp: RUN_7 }), "reordered");
  assertEquals(reasonOf({ sequence: 50_001, stamp: RUN_7 }), null);
  assertEquals(reasonOf({ sequence: 1, stamp: { run: 8n, echo: null } }), null);
  assertEquals(reasonOf({ sequence: 1, stamp: null }), null);
});

Deno.test("outranking() agrees with a plain second reading of the rule", () => {
  const anyPeer = fc.record({
    priority: fc.integer({ min: 8, max: 12 }),
    leaving: fc.boolean(),
    unable: fc.boolean(),
    silent: fc.boolean(),
  });
  fc.assert(fc.property(anyPeer, fc.boolean(), (peer, exclusive) => {
    const { priority, leaving, unable, silent } = peer;
    const state = after(
      silent ? [] : [[2_000, heard(beat(priority, { leaving, unable }))]],
      { exclusive },
    );
    const better = priority < 10 || (exclusive && priority === 10 && PEER < SELF);
    const expected = !silent && !leaving && !unable && better;
    assertEquals(outranking(state).length === 1, expected);
  }));
});

Deno.test("ranksBefore() orders strictly: never both ways, and among different ids always one way if exclusive", () => {
  const rank = fc.record({
    unhealthy: fc.boolean(),
    keeps: fc.boolean(),
    priority: fc.integer({ min: 0, max: 3 }),
    id: fc.constantFrom("a", "b", "c"),
  });
  fc.assert(fc.property(rank, rank, fc.boolean(), (one, other, exclusive) => {
    assert(!(ranksBefore(one, other, exclusive) && ranksBefore(other, one, exclusive)));
    const ordered = ranksBefore(one, other, true) || ranksBefore(other, one, true);
    assertEquals(
      ordered,
      one.unhealthy !== other.unhealthy || one.keeps !== other.keeps ||
        one.priority !== other.priority || one.id !== other.id,
    );
  }));
});

Deno.test("advertTo() tells an original holder our rank only once we hold, others at once", () => {
  const told = (trailer: Partial<Trailer> | null, holding: boolean | null, priority = 20) => {
    const state = after([
      [10, { kind: "holding", holding }],
      [20, { kind: "incoming", from: ADDRESS, heartbeat: beat(priority, trailer) }],
    ]);
    return advertTo(state.peers.get(ADDRESS)!, advert(state), { state, atMs: 30 }).priority;
  };
  assertEquals(told(null, false), 255);
  assertEquals(told(null, true), 10);
  assertEquals(told({ holds: true }, false), 10);
  // Unknown whether we hold: we may be the restarting master.
  assertEquals(told(null, null), 10);
  // It ranks before us or equal: it will not step down for us.
  assertEquals(told(null, false, 5), 10);
  assertEquals(told(null, false, 10), 10);
});

Deno.test("advertTo() tells an unheard peer our rank after one interval, on API v2 at once", () => {
  const told = (selfId: string | null, atMs: number) => {
    const peers = [{ address: ADDRESS, instanceId: PEER, wireId: PEER }];
    let state = startElection(SETTINGS, { atMs: 0, selfId, peers });
    state = elect(state, { kind: "identified", selfId: SELF, addresses: [] }, 10);
    state = elect(state, { kind: "holding", holding: false }, 10);
    return advertTo(state.peers.get(ADDRESS)!, advert(state), { state, atMs }).priority;
  };
  assertEquals([told(null, 10), told(null, 1_009), told(null, 1_010)], [255, 255, 10]);
  assertEquals(told(SELF, 10), 10);
});

Deno.test("oneWay() holds once a live peer has not heard us for the dead time, and no longer", () => {
  const notHearingUs = (atMs: number, hearsYou: boolean): [number, Incoming] => [
    atMs,
    { kind: "incoming", from: ADDRESS, heartbeat: beat(20, { hearsYou, sequence: atMs }) },
  ];
  const is = (...events: [number, Incoming][]) => {
    const state = after(events);
    return oneWay(state.peers.get(ADDRESS)!, state);
  };
  assertEquals(is(notHearingUs(1_000, false), notHearingUs(3_900, false)), false);
  assertEquals(
    is(notHearingUs(1_000, false), notHearingUs(2_500, false), notHearingUs(4_000, false)),
    true,
  );
  assertEquals(
    is(notHearingUs(1_000, false), notHearingUs(2_500, true), notHearingUs(4_000, false)),
    false,
  );
  // It was dead in between, so the time restarts.
  assertEquals(is(notHearingUs(1_000, false), notHearingUs(9_000, false)), false);
});

Deno.test("deadTimeOfMs() is that of the slower of the two, but a peer cannot claim more than 10 s", () => {
  const of = (intervalMs: number | null, own: number) => {
    const peer = { ...unheard(unresolved("10.0.0.1")), trailer: { ...TRAILER, intervalMs } };
    return Math.round(deadTimeOfMs(peer, { ...NODE_SETTINGS, intervalMs: own, deadRatio: 3 }));
  };
  assertEquals([of(null, 1_000), of(1_000, 1_000), of(100, 1_000)], [3_000, 3_000, 3_000]);
  assertEquals([of(1_000, 100), of(3_600_000, 1_000)], [3_000, 30_000]);
  assertEquals(of(3_600_000, 60_000), 180_000);
  // An interval that is longer only because of its encoding is ours.
  assertEquals([of(1_040, 1_000), of(1_060, 1_000), of(1_500, 1_000)], [3_000, 3_180, 4_500]);
});
