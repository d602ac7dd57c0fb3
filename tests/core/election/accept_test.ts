// How one heartbeat changes the state of its sender, field by field, and when it changes nothing.
import { assert, assertEquals } from "@std/assert";
import { startElection } from "../../../src/core/election/step.ts";
import type { Election } from "../../../src/core/election/state.ts";
import {
  accept,
  type Accepted,
  hear as hearAccepted,
  meetUnproven,
  saysNothingNew as repeats,
  touch,
} from "../../../src/core/election/accept.ts";
import type { Mark, Trailer } from "../../../src/core/heartbeat.ts";
import { type Met, type Peer, unheard } from "../../../src/core/election/peer.ts";
import { HEALTHY_TRAILER, NODE_SETTINGS } from "../../support/node_settings.ts";

const ADDRESS = "10.0.0.7", PEER = "00000001-0000-4000-8000-000000000007";
const SELF = "00000001-0000-4000-8000-000000000001", SELF_RUN = 5n;

/** A node with that state of the peer, at 100 s. */
function knowing(peer: Partial<Peer> = {}, more: Partial<Election> = {}): Election {
  const identity = { address: ADDRESS, instanceId: PEER, wireId: PEER };
  const state = startElection(NODE_SETTINGS, { atMs: 0, selfId: SELF, run: SELF_RUN, peers: [] });
  return { ...state, peers: new Map([[ADDRESS, { ...unheard(identity), ...peer }]]), ...more };
}

/** A heartbeat of that peer; signed when it has a run. */
function said(trailer: Partial<Trailer> | null = {}, { run, echo = null, from = ADDRESS }: {
  run?: bigint;
  echo?: Mark | null;
  from?: string;
} = {}) {
  const stamp = run === undefined ? null : { run, echo };
  const { elasticIp } = NODE_SETTINGS;
  const whole = trailer && { ...HEALTHY_TRAILER, sequence: 1_000, ...trailer, stamp };
  const heartbeat = { priority: 20, elasticIp, id: PEER, trailer: whole };
  return { from, heartbeat, signed: run !== undefined };
}

/** The state after the heartbeat; the same object when it is not accepted. */
function hear(state: Election, heard: ReturnType<typeof said>, atMs: number): Election {
  const verdict = accept(state, heard, atMs);
  return verdict.kind === "heard" ? hearAccepted(state, verdict, atMs) : state;
}

/** Whether it is rejected as nothing new, apart from other reasons. */
function saysNothingNew(state: Election, heard: ReturnType<typeof said>): boolean {
  return repeats(state, { ...heard, kind: "heard", wireId: PEER } as Accepted);
}

function peerOf(state: Election): Peer {
  const peer = state.peers.get(ADDRESS);
  assert(peer);
  return peer;
}

const FRESH: Mark = { run: SELF_RUN, sequence: 99_500_000 };
const met = (run: bigint): Met => ({ run, sequence: 1, sinceMs: 1, answeredAtMs: 1 });

Deno.test("hear() notes nothing of who is no peer", () => {
  const state = knowing();
  assert(hear(state, said({}, { from: "10.0.0.66" }), 100_000) === state);
});

Deno.test("hear() forgets of the runs that it has met the one that has proved itself, then", () => {
  const before = knowing({ met: [met(7n), met(8n)] });
  const proved = hear(before, said({}, { run: 7n, echo: FRESH }), 100_000);
  assertEquals(peerOf(proved).proof?.run, 7n);
  assertEquals(peerOf(proved).met, [met(8n)]);
  // The same run again, when another was met meanwhile under the same number, changes nothing about that one.
  const again = knowing({ ...peerOf(proved), met: [met(7n), met(8n)] });
  const heard = hear(again, said({ sequence: 2_000 }, { run: 7n, echo: FRESH }), 100_500);
  assertEquals(peerOf(heard).met, [met(7n), met(8n)]);
  // An unsigned heartbeat has no run.
  assertEquals(peerOf(hear(before, said(), 100_000)).met, [met(7n), met(8n)]);
  assertEquals(peerOf(hear(before, said(null), 100_000)).proof, null);
});

Deno.test("hear() forgets what the peer was told longer ago than its dead time", () => {
  const known = { unhealthy: false, keeps: false, priority: 10, id: SELF, holds: false };
  const until = (untilMs: number) => ({ ...known, untilMs });
  const past = until(97_000), both = [until(97_001), until(Infinity)];
  const after = (knowsUs: Peer["knowsUs"]) =>
    peerOf(hear(knowing({ knowsUs }), said(), 100_000)).knowsUs;
  assertEquals(after([past, ...both]), both);
  assert(after(both) === both);
  assertEquals(after([]), []);
});

Deno.test("hear() begins a new life after a pause of the dead time, and counts since when it is not heard", () => {
  const alive = { alive: true, heardAtMs: 97_000, aliveSinceMs: 50_000, beats: 3 };
  const sinceMs = (peer: Partial<Peer>, atMs: number) =>
    peerOf(hear(knowing(peer), said(), atMs)).aliveSinceMs;
  assertEquals([sinceMs(alive, 99_999), sinceMs(alive, 100_000)], [50_000, 100_000]);
  assertEquals(sinceMs({ ...alive, alive: false }, 98_000), 98_000);
  const notHearing = (peer: Partial<Peer>, hearsYou = false) =>
    peerOf(hear(knowing(peer), said({ hearsYou }), 98_000)).notHearingUsSinceMs;
  assertEquals([notHearing(alive), notHearing({ ...alive, notHearingUsSinceMs: 90_000 })], [
    98_000,
    90_000,
  ]);
  assertEquals(notHearing({ ...alive, alive: false, notHearingUsSinceMs: 90_000 }), 98_000);
  assertEquals(notHearing({ ...alive, notHearingUsSinceMs: 90_000 }, true), null);
  const plain = hear(knowing({ ...alive, notHearingUsSinceMs: 90_000 }), said(null), 98_000);
  assertEquals(peerOf(plain).notHearingUsSinceMs, null);
});

Deno.test("hear() takes a signed word about whether it hears us from what was sent to us alone", () => {
  const hears = (echo: Mark | null, trailer: Trailer | null = null) => {
    const proof = { run: 7n, sequence: 1, sinceMs: 1, freshAtMs: 99_000, freshSequence: 1 };
    const state = knowing({ alive: true, heardAtMs: 99_000, proof, trailer });
    return peerOf(hear(state, said({ hearsYou: false }, { run: 7n, echo }), 100_000)).trailer
      ?.hearsYou;
  };
  assertEquals([hears(FRESH), hears({ ...FRESH, run: 6n }), hears(null)], [false, true, true]);
  assertEquals(hears(null, { ...HEALTHY_TRAILER, hearsYou: false }), false);
  // A signature alone, without a run, proves nothing.
  const bare = { ...said({ hearsYou: false }), signed: true };
  assertEquals(peerOf(hear(knowing(), bare, 100_000)).trailer, null);
});

Deno.test("hear() takes a copy whose signature was checked at the same time for old, and a later one not", () => {
  const proof = { run: 7n, sequence: 1, sinceMs: 1, freshAtMs: 99_000, freshSequence: 1 };
  const state = knowing({ alive: true, heardAtMs: 99_000, proof });
  const [first, copy, later] = [2_000, 2_000, 3_000].map((sequence) => {
    const verdict = accept(state, said({ sequence }, { run: 7n, echo: FRESH }), 100_000);
    assert(verdict.kind === "heard");
    return verdict;
  });
  const once = hearAccepted(state, first!, 100_000);
  assert(hearAccepted(once, copy!, 100_500) === once);
  const twice = hearAccepted(once, later!, 100_500);
  assertEquals(peerOf(twice).heardAtMs, 100_500);
  assert(hearAccepted(twice, first!, 101_000) === twice);
});

Deno.test("hear() takes nothing from a sender with our id, which became known meanwhile", () => {
  const verdict = accept(knowing({ wireId: null }, { selfId: null }), said(), 100_000);
  assert(verdict.kind === "heard");
  const known = knowing({ wireId: null }, { selfId: PEER });
  assert(hearAccepted(known, verdict, 100_000) === known);
});

Deno.test("meetUnproven() needs a peer and a trailer, and tells by identity that nothing is new", () => {
  const state = knowing();
  const of = (...given: Parameters<typeof said>) => meetUnproven(state, said(...given), 100_000);
  assert(of({}, { run: 7n, from: "10.0.0.66" }) === state);
  assert(of(null) === state);
  const once = of({}, { run: 7n });
  const answered = { run: 7n, sequence: 1_000, sinceMs: 100_000, answeredAtMs: 100_000 };
  assertEquals(peerOf(once).met, [answered]);
  const early = said({}, { run: 7n });
  assert(meetUnproven(once, early, 100_499) === once);
  assert(meetUnproven(once, early, 100_500) !== once);
});

Deno.test("touch() lets a peer that lives live on, and no other", () => {
  const alive = knowing({ alive: true, heardAtMs: 99_000 });
  assertEquals(peerOf(touch(alive, ADDRESS, 100_000)).heardAtMs, 100_000);
  for (const [state, address] of [[knowing(), ADDRESS], [alive, "10.0.0.66"]] as const) {
    assert(touch(state, address, 100_000) === state);
  }
});

Deno.test("saysNothingNew() only of a steady peer that says the same", () => {
  const usual: Trailer = { ...HEALTHY_TRAILER, sequence: 1, hearsYou: true };
  const steady: Partial<Peer> = {
    alive: true,
    heardAtMs: 100_000,
    aliveSinceMs: 50_000,
    beats: 3,
    priority: 20,
    heardId: PEER,
    trailer: usual,
  };
  const says = (trailer: Partial<Trailer> | null = usual, peer: Partial<Peer> = {}) =>
    saysNothingNew(knowing({ ...steady, ...peer }), said(trailer));
  assertEquals(says(), true);
  assertEquals(says(null, { trailer: null }), true);
  const news = [
    says(usual, { alive: false }),
    says(usual, { beats: 2 }),
    says(usual, { notHearingUsSinceMs: 99_000 }),
    says(usual, { priority: 21 }),
    says(usual, { heardId: SELF }),
    says(null),
    says(usual, { trailer: null }),
    says({ ...usual, holds: true }),
    says({ ...usual, leaving: true }),
    says({ ...usual, unable: true }),
    says({ ...usual, unhealthy: true }),
    says({ ...usual, ownPriority: 77 }),
    says({ ...usual, intervalMs: 77 }),
    says({ ...usual, hearsYou: false }),
    says(usual, { trailer: { ...usual, hearsYou: false } }),
    saysNothingNew(knowing(steady), said(usual, { from: "10.0.0.66" })),
  ];
  assertEquals(news, news.map(() => false));
  const proof = { run: 7n, sequence: 1, sinceMs: 1, freshAtMs: 99_000, freshSequence: 1 };
  const signed = (run: bigint, peer: Partial<Peer> = { proof }) =>
    saysNothingNew(knowing({ ...steady, beats: 1, ...peer }), said(usual, { run }));
  assertEquals([signed(7n), signed(8n), signed(7n, { proof: null, beats: 3 })], [
    true,
    false,
    false,
  ]);
  for (const trailer of [usual, null]) {
    const bare = { ...said(trailer), signed: true };
    assertEquals(saysNothingNew(knowing({ ...steady, trailer, proof }), bare), false);
  }
});
