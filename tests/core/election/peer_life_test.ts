// How long a peer must be heard before a node gives up to it, before its death counts, and to live again after that.
import { assert, assertEquals } from "@std/assert";
import { accept } from "../../../src/core/election/accept.ts";
import { elect, type ElectionEvent, startElection } from "../../../src/core/election/step.ts";
import type { Heartbeat } from "../../../src/core/heartbeat.ts";
import {
  type Peer,
  remembered,
  steady,
  unheard,
  unresolved,
  withDeath,
} from "../../../src/core/election/peer.ts";
import { HEALTHY_TRAILER, NODE_SETTINGS } from "../../support/node_settings.ts";

const STATE = { settings: NODE_SETTINGS };

/** A peer that has lived that long and died at those instants. */
function peerOf(lifeMs: number, deathsAtMs: readonly number[], more: Partial<Peer> = {}): Peer {
  const heard = { alive: true, aliveSinceMs: 10_000, heardAtMs: 10_000 + lifeMs, beats: 3 };
  return { ...unheard(unresolved("10.0.0.7")), ...heard, deathsAtMs, ...more };
}

Deno.test("a peer counts from its third heartbeat on, from the second death on after 2 to 32 dead times", () => {
  // Deaths, time in ms.
  const rows = [[0, 1_500], [1, 1_500], [2, 6_000], [3, 12_000], [4, 24_000], [5, 48_000], [
    6,
    96_000,
  ], [100, 96_000]] as const;
  for (const [deaths, ms] of rows) {
    const died = Array.from({ length: deaths }, (_, at) => at);
    const of = (lifeMs: number, beats: number) => steady(peerOf(lifeMs, died, { beats }), STATE);
    assertEquals([of(ms - 1, 3), of(ms, 2), of(ms, 3)], [false, false, true], `${deaths} deaths`);
  }
});

Deno.test("a peer with a longer interval must be heard for as much longer", () => {
  const trailer = { ...HEALTHY_TRAILER, intervalMs: 4_000 };
  const of = (ms: number, deaths: number[] = []) => steady(peerOf(ms, deaths, { trailer }), STATE);
  assertEquals([of(5_999), of(6_000)], [false, true]);
  assertEquals([of(23_999, [1, 2]), of(24_000, [1, 2])], [false, true]);
});

Deno.test("a proved signature counts at once, silence never", () => {
  const proof = { run: 1n, sequence: 1, sinceMs: 0, freshAtMs: 0, freshSequence: 1 };
  const died = [1, 2, 3, 4, 5, 6];
  assertEquals(steady(peerOf(0, died, { proof, beats: 1 }), STATE), true);
  assertEquals(steady(peerOf(1e9, [], { proof, alive: false }), STATE), false);
  assertEquals(steady(peerOf(1e9, [], { alive: false }), STATE), false);
});

const ADDRESS = "10.0.0.7";
const HEARTBEAT: Heartbeat = {
  priority: 20,
  elasticIp: NODE_SETTINGS.elasticIp,
  id: "00000001-0000-4000-8000-000000000007",
  trailer: null,
};

/** The peer after heartbeats, or after time alone, at these instants. */
function peerAfter(story: ReadonlyArray<readonly [atMs: number, what: "heard" | "tick"]>): Peer {
  let state = startElection(NODE_SETTINGS, {
    atMs: 0,
    selfId: "00000001-0000-4000-8000-000000000001",
    peers: [unresolved(ADDRESS)],
  });
  for (const [atMs, what] of story) {
    const heard = () => {
      const accepted = accept(state, { from: ADDRESS, heartbeat: HEARTBEAT }, atMs);
      assert(accepted.kind === "heard");
      return accepted;
    };
    const event: ElectionEvent = what === "tick" ? { kind: "tick" } : heard();
    // The machine does not sleep: ticks come all the time.
    for (let ms = state.heartbeatAtMs; ms < atMs; ms += 500) {
      state = elect({ ...state, heartbeatAtMs: atMs }, { kind: "tick" }, ms);
    }
    state = elect({ ...state, heartbeatAtMs: atMs + 1_000 }, event, atMs);
  }
  const peer = state.peers.get(ADDRESS);
  if (!peer) throw new Error("no such peer");
  return peer;
}

/** That many heartbeats, one each second. */
function life(fromMs: number, count: number): Array<readonly [number, "heard"]> {
  return Array.from({ length: count }, (_, at) => [fromMs + at * 1_000, "heard"] as const);
}

Deno.test("two heartbeats are no life, three are, and after a pause of the dead time they count again", () => {
  const lived = (...story: Parameters<typeof peerAfter>[0]) => peerAfter(story).lived;
  assertEquals(lived(...life(10_000, 2)), false);
  assertEquals(lived(...life(10_000, 3)), true);
  // However many come at once, and however long a pause of just less than the dead time is.
  assertEquals(lived(...life(10_000, 1), [10_001, "heard"], [11_499, "heard"]), false);
  assertEquals(lived([10_000, "heard"], [12_999, "heard"], [15_998, "heard"]), true);
  assertEquals(lived([10_000, "heard"], [13_000, "heard"], [16_000, "heard"]), false);
  assertEquals(lived([10_000, "heard"], [11_000, "heard"], [14_000, "heard"]), false);
});

Deno.test("only a death after a steady life is remembered, for 64 dead times", () => {
  const { deathsAtMs } = peerAfter([...life(10_000, 3), ...life(20_000, 2), [30_000, "tick"]]);
  assertEquals(deathsAtMs, [15_000]);
  const later = (atMs: number) =>
    peerAfter([...life(10_000, 3), ...life(20_000, 3), [atMs, "heard"]]).deathsAtMs;
  assertEquals(later(15_000 + 64 * 3_000 - 1), [15_000, 25_000]);
  assertEquals(later(15_000 + 64 * 3_000), [25_000]);
  assertEquals(later(25_000 + 64 * 3_000), []);
});

Deno.test("a peer dies at most six times in 64 dead times, however it is spoken for", () => {
  let peer = peerOf(0, []), atMs = 0;
  const deaths: number[] = [];
  while (deaths.length < 40) {
    // The shortest life that counts, and the dead time after it.
    const trialMs = [1_500, 6_000, 12_000, 24_000, 48_000, 96_000].find((ms) => {
      const later = { ...peer, aliveSinceMs: atMs, heardAtMs: atMs + ms };
      return steady({ ...later, deathsAtMs: remembered(later, STATE, atMs + ms) }, STATE);
    });
    assert(trialMs !== undefined);
    const lived = { ...peer, aliveSinceMs: atMs, heardAtMs: atMs + trialMs };
    const deathsAtMs = remembered(lived, STATE, atMs + trialMs);
    atMs += trialMs + 3_000;
    peer = { ...lived, deathsAtMs: withDeath({ ...lived, deathsAtMs }, STATE, atMs) };
    deaths.push(atMs);
  }
  const window = (fromMs: number) => deaths.filter((ms) => ms >= fromMs && ms < fromMs + 192_000);
  assertEquals(Math.max(...deaths.map((ms) => window(ms).length)), 6);
});

Deno.test("no more deaths are remembered than count", () => {
  // Each life is long enough, and all are within the remembered time: the interval is only the peer's own claim.
  const many = Array.from({ length: 9 }, (_, at) => at * 10);
  const proof = { run: 1n, sequence: 1, sinceMs: 0, freshAtMs: 0, freshSequence: 1 };
  const peer = peerOf(0, many.slice(0, 6), { proof, heardAtMs: 60_000, aliveSinceMs: 60_000 });
  const state = startElection(NODE_SETTINGS, { atMs: 0, selfId: "x", peers: [] });
  const peers = new Map([[ADDRESS, peer]]);
  const settled = { ...state, settledAtMs: -Infinity, peers, heartbeatAtMs: 63_000 };
  const after = elect(settled, { kind: "tick" }, 63_000).peers.get(ADDRESS);
  assertEquals(after?.deathsAtMs, [10, 20, 30, 40, 50, 63_000]);
});
