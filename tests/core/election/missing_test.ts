// Peers that cannot be placed: how long they are a reason for doubt, and what a node in doubt does.
// scenarios/missing_*.txt has whole stories.
import { assert, assertEquals } from "@std/assert";
import { desiredStateOf } from "../../../src/core/election/desired_state.ts";
import { startElection } from "../../../src/core/election/step.ts";
import { type Election, holdOffMs, type MissingPeers } from "../../../src/core/election/state.ts";
import type { Heartbeat } from "../../../src/core/heartbeat.ts";
import {
  givenUp,
  giveUpMissing,
  holdOut,
  inDoubt,
  missingWakeAtMs,
  noteMissing,
} from "../../../src/core/election/missing.ts";
import { unresolved } from "../../../src/core/election/peer.ts";
import { after } from "../../support/incoming.ts";
import { HEALTHY_TRAILER, NODE_SETTINGS } from "../../support/node_settings.ts";

const SELF = "00000001-0000-4000-8000-000000000005", PEER = "00000001-0000-4000-8000-000000000007";
/** How long a peer must be denied, and the tolerance for the arrival of datagrams. */
const DENIED_MS = 60_000, SKEW_MS = 100;
const NONE: MissingPeers = new Map();
const denied = [{ peer: "b.test", denied: true }];
const silent = [{ peer: "b.test", denied: false }];

Deno.test("noteMissing() doubts as long as nobody answers, and for a minute once the peer is denied", () => {
  const asking = noteMissing(NONE, silent, 1_000);
  assertEquals([inDoubt(asking), missingWakeAtMs(asking)], [true, Infinity]);
  const known = noteMissing(asking, denied, 5_000);
  assertEquals(missingWakeAtMs(known), 5_000 + DENIED_MS);
  // A repeated denial does not restart the time, but a failed answer in between does.
  assertEquals(missingWakeAtMs(noteMissing(known, denied, 30_000)), 5_000 + DENIED_MS);
  const failed = noteMissing(known, silent, 30_000);
  assertEquals(missingWakeAtMs(noteMissing(failed, denied, 40_000)), 40_000 + DENIED_MS);
  assertEquals([...noteMissing(known, [], 30_000)], []);
});

Deno.test("giveUpMissing() gives each up in its time, for as long as it is missing", () => {
  const both = noteMissing(NONE, [...denied, { peer: "c.test", denied: false }], 0);
  assertEquals(giveUpMissing(both, DENIED_MS - 1), both);
  const one = giveUpMissing(both, DENIED_MS);
  assertEquals(["b.test", "c.test"].map((peer) => givenUp(one, peer)), [true, false]);
  assert(inDoubt(one));
  // A name server that falls silent a day later changes nothing.
  const later = noteMissing(one, silent, 86_400_000);
  assertEquals([inDoubt(later), missingWakeAtMs(later)], [false, Infinity]);
  assert(inDoubt(noteMissing(noteMissing(later, [], 0), silent, 0)), "it was found meanwhile");
});

function beat(id: string): Heartbeat {
  const { elasticIp } = NODE_SETTINGS;
  return { priority: 20, elasticIp, id, trailer: { ...HEALTHY_TRAILER, sequence: 1 } };
}

function start(peers: Parameters<typeof startElection>[1]["peers"], missing = denied): Election {
  return startElection(NODE_SETTINGS, { atMs: 0, selfId: SELF, peers, missing });
}

Deno.test("holdOut() keeps doubting while an unknown sender speaks that is not ourselves", () => {
  const state = start([unresolved("10.0.0.1")]);
  const until = (from: string, id: string, atMs: number) =>
    missingWakeAtMs(holdOut(state, { from, heartbeat: beat(id) }, atMs).missing);
  assertEquals(until("10.0.0.9", PEER, 59_000), 59_000 + holdOffMs(NODE_SETTINGS));
  assertEquals(until("10.0.0.9", PEER, 10_000), DENIED_MS, "there is time left");
  const nearlyMs = DENIED_MS - holdOffMs(NODE_SETTINGS) + SKEW_MS;
  assertEquals(until("10.0.0.9", PEER, nearlyMs - 1), DENIED_MS, "there is nearly enough");
  assertEquals(until("10.0.0.9", PEER, nearlyMs), DENIED_MS + SKEW_MS);
  assertEquals(until("10.0.0.9", SELF, 59_000), DENIED_MS, "our own reflection");
  assertEquals(until("10.0.0.1", PEER, 59_000), DENIED_MS, "a peer that is known");
  const over = {
    ...state,
    missing: giveUpMissing(noteMissing(state.missing, denied, 0), DENIED_MS),
  };
  const two = noteMissing(over.missing, [...denied, { peer: "c.test", denied: true }], 60_000);
  const held = holdOut(
    { ...over, missing: two },
    { from: "10.0.0.9", heartbeat: beat(PEER) },
    119_000,
  );
  assert(givenUp(held.missing, "b.test"), "what was given up stays so");
  assertEquals(missingWakeAtMs(held.missing), 119_000 + holdOffMs(NODE_SETTINGS));
  const sure = start([], []);
  assertEquals(holdOut(sure, { from: "10.0.0.9", heartbeat: beat(PEER) }, 0), sure);
});

const tick = { kind: "tick" } as const;

Deno.test("a node in doubt is told to stay backup while an unknown holder keeps the address", () => {
  const events = [[3_100, tick], [3_100, { kind: "kept", kept: true }]] as const;
  const kept = after(start([]), events);
  assertEquals([kept.role, kept.reason, desiredStateOf(kept).intent], [
    "backup",
    "incomplete",
    "keep",
  ]);
  const free = after(kept, [[3_200, { kind: "kept", kept: false }]]);
  assertEquals([free.role, desiredStateOf(free).intent, desiredStateOf(free).holdsOnlyIfUnheld], [
    "master",
    "hold",
    true,
  ]);
});

Deno.test("a node in doubt that holds nothing listens to a peer that is found before it attaches", () => {
  const master = after(start([]), [[3_100, tick]]);
  assertEquals([master.role, master.holding], ["master", null]);
  const found = after(master, [
    [4_000, { kind: "holding", holding: false }],
    [4_000, { kind: "members", peers: [unresolved("10.0.0.7")], inPeerList: true }],
  ]);
  assertEquals([desiredStateOf(found).intent, found.settledAtMs], [
    "keep",
    4_000 + holdOffMs(NODE_SETTINGS),
  ]);
  const holder = after(master, [
    [4_000, { kind: "holding", holding: true }],
    [4_000, { kind: "members", peers: [unresolved("10.0.0.7")], inPeerList: true }],
  ]);
  assertEquals(desiredStateOf(holder).intent, "hold");
});
