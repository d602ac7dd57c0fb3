// What counts as a move, and until when the limit is reached.
import { assert, assertEquals } from "@std/assert";
import {
  limitedUntilMs,
  movesLeft,
  NO_MOVES,
  noteMoves,
  SELF,
} from "../../../src/core/election/moves.ts";
import { claimOf, keepsAddress, ranksBefore, unheard } from "../../../src/core/election/peer.ts";
import { type Election, keepsHere, selfRank } from "../../../src/core/election/state.ts";
import { startElection } from "../../../src/core/election/step.ts";
import { HEALTHY_TRAILER, NODE_SETTINGS } from "../../support/node_settings.ts";

const ID = "00000001-0000-4000-8000-000000000001";
const LIMIT = { moves: 2, withinMs: 60_000 };
const START = startElection({ ...NODE_SETTINGS, moveLimit: LIMIT }, {
  ...{ atMs: 0, selfId: ID, peers: [] },
});

/** The election with one peer that holds or not, and an own hold. */
function seen(holds: boolean | null, holding: boolean | null = false): Election {
  const identity = { address: "10.0.0.7", instanceId: "i-7", wireId: "i-7" };
  const trailer = holds === null ? null : { ...HEALTHY_TRAILER, holds };
  const peer = { ...unheard(identity), alive: true, heardAtMs: 1, priority: 20, trailer };
  return { ...START, holding, peers: new Map([[identity.address, peer]]) };
}

/** The moves after those views, one second after the other. */
function movesOf(...views: Election[]) {
  let state: Election = START;
  for (const [index, { holding, peers }] of views.entries()) {
    state = noteMoves(state, { ...state, holding, peers }, (index + 1) * 1_000);
  }
  return state.moves;
}

Deno.test("noteMoves() counts each node that gets the address from another one", () => {
  assertEquals(movesOf(seen(true)), { holder: "i-7", atMs: [] }, "the first holder is no move");
  assertEquals(movesOf(seen(false, true)), { holder: SELF, atMs: [] });
  assertEquals(movesOf(seen(true), seen(true, true), seen(false, true)).atMs, [2_000]);
  assertEquals(movesOf(seen(true), seen(false), seen(true)).atMs, [], "a holder that restarts");
  assertEquals(movesOf(seen(false, true), seen(false, null), seen(false, true)).atMs, []);
  assertEquals(movesOf(seen(null), seen(null, true)).atMs, [], "the original tells no hold");
  const back = [seen(true), seen(false, true), seen(true), seen(false, true), seen(true)];
  assertEquals(movesOf(...back), { holder: "i-7", atMs: [4_000, 5_000] }, "the latest two");
  const none = { ...START, settings: NODE_SETTINGS };
  const after = { ...none, holding: true };
  assert(noteMoves(none, after, 1_000) === after, "without a limit nothing is remembered");
});

Deno.test("the limit is reached from its last move until the first leaves its time", () => {
  const until = (...atMs: number[]) => limitedUntilMs({ ...START, moves: { holder: SELF, atMs } });
  assertEquals([until(), until(1_000), until(1_000, 5_000)], [null, null, 61_000]);
  assertEquals(limitedUntilMs({ ...START, settings: NODE_SETTINGS, moves: NO_MOVES }), null);
});

Deno.test("movesLeft() counts the moves within the time of the limit", () => {
  const left = (...atMs: number[]) =>
    movesLeft({ ...START, moves: { holder: SELF, atMs } }, 61_000);
  assertEquals([left(), left(1_000), left(1_001), left(2_000, 60_000)], [2, 2, 1, 0]);
  assertEquals(movesLeft({ ...START, settings: NODE_SETTINGS }, 0), null);
});

Deno.test("a node keeps the address while the limit is reached, and only if it can serve", () => {
  const keeping: Election = {
    ...seen(false, true),
    ...{ elected: "master", role: "master", limitedUntilMs: 61_000, settledAtMs: -Infinity },
  };
  assert(keepsHere(keeping) && selfRank(keeping).keeps);
  const different: Partial<Election>[] = [
    { limitedUntilMs: null },
    { limitedUntilMs: -Infinity },
    { elected: "backup", role: "backup" },
    { holding: null },
    { healthy: false },
    { cloudReachable: false },
    { inPeerList: false },
    { stops: 1 },
  ];
  for (const each of different) assert(!keepsHere({ ...keeping, ...each }), JSON.stringify(each));
  // The best priority cannot be bettered.
  assert(!selfRank({ ...keeping, priority: 0 }).keeps);
});

Deno.test("a holder that keeps the address ranks before every healthy node", () => {
  const claim = (priority: number, ownPriority: number, unhealthy = false) =>
    claimOf({ priority, ownPriority, unhealthy }, ID);
  const keeping = claim(0, 30);
  assertEquals(keeping, { unhealthy: false, keeps: true, priority: 30, id: ID });
  assert(ranksBefore(keeping, claim(10, 10), false) && !ranksBefore(claim(10, 10), keeping, false));
  assert(ranksBefore(keeping, claim(0, 0), false), "also before one that is configured with 0");
  assert(ranksBefore(claim(0, 20), keeping, false), "among several the own priority decides");
  assertEquals([claim(0, 0).keeps, claim(255, 10).keeps, claim(0, 30, true).keeps], [
    ...[false, false, false],
  ]);
  const [peer] = seen(false).peers.values();
  assert(peer);
  const advertised = { ...peer, priority: 0, trailer: { ...HEALTHY_TRAILER, ownPriority: 20 } };
  assertEquals([keepsAddress(peer), keepsAddress(advertised)], [false, true]);
  assert(!keepsAddress({ ...advertised, alive: false }), "what it said when it lived");
});
