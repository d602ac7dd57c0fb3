// Why a shadow decides as it does, and who holds as far as shadows know from each other, by tables.
import { assertEquals } from "@std/assert";
import type { Election } from "../../../src/core/election/state.ts";
import type { Peer } from "../../../src/core/election/peer.ts";
import { startNode } from "../../../src/core/node/step.ts";
import type { Node } from "../../../src/core/node/state.ts";
import {
  attachReason,
  claimOf,
  giveUpReason,
  peerTitle,
  stanceOf,
} from "../../../src/core/shadow/stance.ts";
import { idOf, livePeer } from "../../support/election_fixtures.ts";
import { NODE_SETTINGS } from "../../support/node_settings.ts";

const START = startNode(NODE_SETTINGS, { atMs: 0, selfId: idOf(5), peers: [] });

function node(peers: readonly Peer[], different: Partial<Election> = {}, rest: Partial<Node> = {}) {
  const all = new Map(peers.map((peer) => [peer.address, peer]));
  const settled = { settledAtMs: -Infinity, inPeerList: true };
  return {
    ...START,
    election: { ...START.election, peers: all, ...settled, ...different },
    ...rest,
  };
}

const HOLDS = { trailer: { holds: true } };
/** The second path to the machine of peer 7. */
const ALSO_7 = { address: "10.1.0.7", instanceId: idOf(7) };

Deno.test("stanceOf() names the peer that ranks first, or this node's own reason", () => {
  const better = (number: number, priority: number, trailer = {}) =>
    livePeer(number, { priority, trailer: { ownPriority: priority, ...trailer } });
  const outranked = (...peers: Peer[]) =>
    stanceOf(node(peers, { role: "backup", reason: "outranked" }));
  const rows: ReadonlyArray<readonly [string, string]> = [
    [
      stanceOf(node([], { role: "master", reason: "best" })),
      "this node ranks first and was healthy",
    ],
    [stanceOf(node([], { role: "master", reason: "alone" })), "this node was master (alone)"],
    [stanceOf(node([], { role: "backup", reason: "settling" })), "this node was backup (settling)"],
    [outranked(better(7, 5)), "10.0.0.7 with priority 5 ranks first and was healthy"],
    [outranked(better(7, 5), better(8, 3)), "10.0.0.8 with priority 3 ranks first and was healthy"],
    [outranked(better(8, 3), better(7, 5)), "10.0.0.8 with priority 3 ranks first and was healthy"],
  ];
  for (const [stance, wanted] of rows) assertEquals(stance, wanted);
});

Deno.test("claimOf() believes a live shadow, and a dead one until another one holds", () => {
  const dead = { alive: false, heardAtMs: 10_000 };
  // The dead time is 3 s: whoever takes the address from a dead peer says so later than twice that.
  const late = (heardAtMs: number) => livePeer(8, { ...HOLDS, heardAtMs });
  const rows: ReadonlyArray<readonly [string, readonly Peer[], ReturnType<typeof claimOf>]> = [
    ["never heard", [livePeer(7, { alive: false, heardAtMs: null })], null],
    ["another instance", [livePeer(8, HOLDS)], null],
    ["holds", [livePeer(7, HOLDS)], { holds: true, heardAtMs: 5_000 }],
    ["does not hold", [livePeer(7)], { holds: false, heardAtMs: 5_000 }],
    ["says so on one path", [livePeer(7), livePeer(7, { ...ALSO_7, ...HOLDS, heardAtMs: 6_000 })], {
      ...{ holds: true, heardAtMs: 6_000 },
    }],
    ["an original", [livePeer(7, { trailer: null })], { holds: false, heardAtMs: 5_000 }],
    ["dead", [livePeer(7, { ...HOLDS, ...dead })], { holds: true, heardAtMs: 10_000 }],
    ["dead, and did not hold", [livePeer(7, dead)], { holds: false, heardAtMs: 10_000 }],
    [
      "dead, while another one already held",
      [livePeer(7, { ...HOLDS, ...dead }), late(16_000)],
      { holds: true, heardAtMs: 10_000 },
    ],
    [
      "dead, and another one holds since",
      [livePeer(7, { ...HOLDS, ...dead }), late(16_001)],
      { holds: false, heardAtMs: 10_000 },
    ],
    [
      "dead on one path only",
      [livePeer(7, { ...HOLDS, ...dead }), livePeer(7, ALSO_7), late(16_001)],
      { holds: true, heardAtMs: 10_000 },
    ],
  ];
  for (const [when, peers, claim] of rows) {
    assertEquals(claimOf(node(peers).election, idOf(7)), claim, when);
  }
});

Deno.test("attachReason() names the dead peer that held last, else one that leaves, else the rank", () => {
  const dead = (number: number, heardAtMs: number | null, holds: boolean) =>
    livePeer(number, { alive: false, heardAtMs, trailer: { holds } });
  const dying = (...instances: number[]) => ({
    desired: {
      ...START.desired,
      dead: instances.map((number) => ({ instanceId: idOf(number) } as never)),
    },
  });
  const held = [dead(7, 9_000, false), dead(8, 4_000, true), dead(9, 6_000, false)];
  assertEquals(attachReason(node(held, {}, dying(7, 8, 9))), "peer 10.0.0.8 is dead", "it held");
  const none = [dead(7, 4_000, false), dead(8, 9_000, false), dead(9, 6_000, false)];
  assertEquals(attachReason(node(none, {}, dying(7, 8, 9))), "peer 10.0.0.8 is dead", "the last");
  // A peer that was never heard holds if the cloud shows it.
  const unheard = [dead(7, 9_000, false), dead(8, null, false)];
  const others = { ownership: { ...START.ownership, others: [{ instanceId: idOf(8) } as never] } };
  const shown = node(unheard, {}, { ...dying(7, 8), ...others });
  assertEquals(attachReason(shown), "peer 10.0.0.8 is dead");
  const leaving = { trailer: { leaving: true } };
  const leaves = [livePeer(7), livePeer(8, leaving)];
  assertEquals(attachReason(node(leaves)), "peer 10.0.0.8 is leaving");
  const gone = [livePeer(8, { ...leaving, alive: false })];
  const alone = { role: "master", reason: "alone" } as const;
  assertEquals(attachReason(node(gone, alone)), "this node is master (alone)");
});

Deno.test("giveUpReason() names the successor, else the stop, else the role", () => {
  const to = (confirmed: string | null) => ({ ownership: { ...START.ownership, confirmed } });
  const peers = [livePeer(7, HOLDS)];
  assertEquals(giveUpReason(node(peers, {}, to(idOf(7)))), "10.0.0.7 with priority 10 holds it");
  assertEquals(giveUpReason(node(peers, { stops: 1 }, to(idOf(8)))), "this node stops");
  const outranked = { role: "backup", reason: "settling", stops: 0 } as const;
  assertEquals(giveUpReason(node(peers, outranked, to(null))), "this node is backup (settling)");
});

Deno.test("peerTitle() names the path that lives", () => {
  const dead = livePeer(7, { alive: false });
  const rows: ReadonlyArray<readonly [readonly Peer[], string]> = [
    [[dead, livePeer(7, ALSO_7)], "10.1.0.7"],
    [[livePeer(7), livePeer(7, { ...ALSO_7, alive: false })], "10.0.0.7"],
    [[dead], "10.0.0.7"],
    [[livePeer(8)], `instance ${idOf(7)}`],
  ];
  for (const [peers, title] of rows) assertEquals(peerTitle(node(peers), idOf(7)), title);
});
