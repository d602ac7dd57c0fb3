// The role that follows from a state, and its reason: one state each.
import { assert, assertEquals } from "@std/assert";
import { decideRole, startElection } from "../../../src/core/election/step.ts";
import {
  type Deadline,
  type Election,
  type ElectionSettings,
  PASSED,
  ranksAfter,
  selfEligible,
  standsBack,
} from "../../../src/core/election/state.ts";
import type { Peer } from "../../../src/core/election/peer.ts";
import {
  type DifferentPeer as Different,
  idOf,
  livePeer,
} from "../../support/election_fixtures.ts";
import { NODE_SETTINGS } from "../../support/node_settings.ts";

const SELF = idOf(5);
/** Instant of every decision here; all peers were heard just now. */
const NOW_MS = 50_000;

/** The only peer, heard just now. */
function peer({ trailer = {}, ...rest }: Different = {}): Peer {
  const own = trailer && { ownPriority: 20, ...trailer };
  return livePeer(7, { heardAtMs: NOW_MS, trailer: own, ...rest });
}

type Changed = Partial<Election> & { set?: Partial<ElectionSettings> };

/** A backup of priority 10 that has settled and does not hold, with these peers. */
function election(peers: readonly Peer[], { set, ...rest }: Changed = {}): Election {
  const settings = { ...NODE_SETTINGS, ...set };
  const state = startElection(settings, { atMs: 0, selfId: SELF, peers: [] });
  const all = new Map(peers.map((each, index) => [`${each.address}/${index}`, each]));
  return { ...state, settledAtMs: PASSED, holding: false, peers: all, ...rest };
}

const master = { elected: "master", role: "master", reason: "best", holding: true } as const;
const twin = { address: "10.0.0.9", firstAtMs: 0, certain: true, mark: null, untilMs: Infinity };
const holds = { trailer: { holds: true } };
const cutOff = peer({ trailer: { holds: true, unable: true } });
const better = peer({ priority: 5 });

const ROLES: ReadonlyArray<readonly [when: string, peers: Peer[], Changed, expected: string]> = [
  ["alone", [], {}, "master alone"],
  ["with a worse peer", [peer()], {}, "master best"],
  ["with an equal peer", [peer({ priority: 10 })], {}, "master equal"],
  [
    "with an equal peer of a higher id",
    [peer({ priority: 10 })],
    { set: { exclusive: true } },
    "master best",
  ],
  ["with an equal and a worse peer", [peer(), peer({ priority: 10 })], {}, "master equal"],
  ["with a better peer", [better], {}, "backup outranked"],
  ["with a peer that is leaving", [peer({ trailer: { leaving: true } })], {}, "master alone"],
  ["while it settles", [], { settledAtMs: NOW_MS + 1 }, "backup settling"],
  ["when it has just settled", [], { settledAtMs: NOW_MS }, "master alone"],
  ["as master that settles", [better], { ...master, settledAtMs: NOW_MS + 1 }, "master best"],
  ["stopped while it settles", [peer()], { stops: 1, settledAtMs: NOW_MS + 1 }, "backup leaving"],
  ["stopped", [peer()], { ...master, stops: 1 }, "backup leaving"],
  ["stopped, alone", [], { ...master, stops: 1 }, "master leaving"],
  ["stopped as backup, alone", [], { stops: 1 }, "backup leaving"],
  ["cloud-unreachable", [peer()], { ...master, cloudReachable: false }, "backup cloud-unreachable"],
  ["unable, alone", [], { cloudReachable: false }, "master cloud-unreachable"],
  [
    "unable, beside one that serves",
    [cutOff],
    { cloudReachable: false },
    "backup cloud-unreachable",
  ],
  [
    "unable as holder, beside one that serves",
    [cutOff],
    { ...master, cloudReachable: false },
    "master cloud-unreachable",
  ],
  [
    "unable as master without the address, beside one that serves and one that is dead",
    [
      cutOff,
      peer({ alive: false }),
    ],
    { ...master, holding: null, cloudReachable: false },
    "backup cloud-unreachable",
  ],
  ["unable as master without the address, beside one that serves", [cutOff], {
    ...master,
    holding: null,
    cloudReachable: false,
  }, "backup cloud-unreachable"],
  [
    "unable, beside one that is dead",
    [{ ...cutOff, alive: false }],
    { cloudReachable: false },
    "master cloud-unreachable",
  ],
  [
    "unable, beside an original one that leaves nobody to serve",
    [peer({ trailer: null })],
    { cloudReachable: false },
    "backup cloud-unreachable",
  ],
  [
    "not in its list, with a live peer",
    [peer()],
    { ...master, inPeerList: false },
    "backup unlisted",
  ],
  ["not in its list, alone", [], { ...master, inPeerList: false }, "master unlisted"],
  [
    "not in its list, with one that is leaving",
    [peer({ trailer: { leaving: true } })],
    { ...master, inPeerList: false },
    "backup unlisted",
  ],
  ["that leaves the address with an unknown holder", [], { kept: true }, "backup incomplete"],
  [
    "that leaves it, and is unable",
    [],
    { kept: true, cloudReachable: false },
    "backup cloud-unreachable",
  ],
  ["that leaves it, and is stopped", [], { ...master, kept: true, stops: 1 }, "master leaving"],
  ["beside a twin, holding", [], { ...master, twin }, "master twin"],
  ["beside a twin, holding, with a better peer", [better], { ...master, twin }, "backup twin"],
  ["beside a twin, not holding", [], { ...master, holding: false, twin }, "backup twin"],
  ["beside what may be a twin", [], { twin: { ...twin, certain: false } }, "master alone"],
  ["beside a twin that is gone", [], { twin: { ...twin, untilMs: NOW_MS } }, "master alone"],
  ["unhealthy, alone", [], { healthy: false }, "master unhealthy"],
  ["unhealthy, with a healthy one", [peer()], { ...master, healthy: false }, "backup unhealthy"],
  [
    "unhealthy, with one that is, too",
    [peer({ priority: 255, trailer: { unhealthy: true } })],
    { healthy: false },
    "master unhealthy",
  ],
  [
    "unhealthy, with a better one that is, too",
    [peer({ priority: 255, trailer: { unhealthy: true, ownPriority: 5 } })],
    { healthy: false },
    "backup unhealthy",
  ],
  [
    "unhealthy, beside a healthy one that serves without the cloud",
    [cutOff],
    { healthy: false },
    "backup unhealthy",
  ],
  [
    "unhealthy, beside one without the cloud that serves nothing",
    [peer({ trailer: { unable: true } })],
    { healthy: false },
    "master unhealthy",
  ],
  [
    "unhealthy, beside one that serves and leaves",
    [peer({ trailer: { holds: true, unable: true, leaving: true } })],
    { healthy: false },
    "master unhealthy",
  ],
  [
    "well, with a better one that is not",
    [peer({
      priority: 5,
      trailer: { unhealthy: true, ownPriority: 5 },
    })],
    {},
    "master best",
  ],
  ["unable, with an unhealthy one", [peer({ trailer: { unhealthy: true } })], {
    ...master,
    cloudReachable: false,
  }, "master cloud-unreachable"],
  ["unable and unhealthy, with an unhealthy one", [peer({ trailer: { unhealthy: true } })], {
    ...master,
    cloudReachable: false,
    healthy: false,
  }, "backup cloud-unreachable"],
  ["back in the cloud, beside one that serves without it", [cutOff], {
    graceUntilMs: NOW_MS + 1,
  }, "backup deferring"],
  ["back for long, beside one that serves without it", [cutOff], {
    graceUntilMs: NOW_MS,
  }, "master alone"],
  ["back in the cloud, holding", [cutOff], { ...master, graceUntilMs: NOW_MS + 1 }, "master alone"],
  ["back in the cloud, with nobody to wait for", [peer()], {
    graceUntilMs: NOW_MS + 1,
  }, "master best"],
  ["told not to preempt, beside a worse holder", [peer(holds)], {
    set: { preemptDelayMs: Infinity },
  }, "backup deferring"],
  ["told not to preempt, beside a worse one without the address", [peer()], {
    set: { preemptDelayMs: Infinity },
  }, "master best"],
  ["told to wait, for long enough", [peer(holds)], {
    set: { preemptDelayMs: 5_000 },
    deferUntilMs: NOW_MS,
  }, "master best"],
  ["told to wait, not yet long enough", [peer(holds)], {
    set: { preemptDelayMs: 5_000 },
    deferUntilMs: NOW_MS + 1,
  }, "backup deferring"],
];

for (const [when, peers, changed, expected] of ROLES) {
  Deno.test(`decideRole(): a node ${when} is ${expected}`, () => {
    const { role, reason } = decideRole(election(peers, changed), NOW_MS);
    assertEquals(`${role} ${reason}`, expected);
  });
}

Deno.test("decideRole() remembers since when the role is what it is", () => {
  assertEquals(decideRole(election([], { roleSinceMs: 7 }), NOW_MS).roleSinceMs, NOW_MS);
  assertEquals(decideRole(election([], { ...master, roleSinceMs: 7 }), NOW_MS).roleSinceMs, 7);
});

Deno.test("decideRole() gives one that is stopped the time of the hand-over, as long as it may hold", () => {
  const until = (changed: Changed): Deadline =>
    decideRole(election([peer()], changed), NOW_MS).yieldUntilMs;
  const endMs = NOW_MS + NODE_SETTINGS.handoverTimeoutMs;
  assertEquals(until({ ...master, stops: 1 }), endMs);
  assertEquals(until({ ...master, holding: null, stops: 1 }), endMs);
  assertEquals(until({ stops: 1 }), null, "it has nothing to give up");
  assertEquals(until(master), null, "it is not stopped");
  assertEquals(until({ ...master, stops: 1, yieldUntilMs: NOW_MS + 7 }), NOW_MS + 7);
  assertEquals(until({ ...master, stops: 1, yieldUntilMs: NOW_MS }), PASSED);
});

Deno.test("decideRole() lets each wait end, and forgets it while the node settles", () => {
  const waits = { deferUntilMs: 7, graceUntilMs: NOW_MS, yieldUntilMs: 7 };
  const settling = decideRole(election([], { ...waits, settledAtMs: NOW_MS + 1 }), NOW_MS);
  assertEquals([settling.deferUntilMs, settling.graceUntilMs, settling.yieldUntilMs], [
    null,
    null,
    null,
  ]);
  const settled = decideRole(election([], waits), NOW_MS);
  assertEquals([settled.deferUntilMs, settled.graceUntilMs], [null, PASSED]);
  const waiting = decideRole(election([peer(holds)], { set: { preemptDelayMs: 5_000 } }), NOW_MS);
  assertEquals(waiting.deferUntilMs, NOW_MS + 5_000);
});

Deno.test("decideRole() marks each dead that was silent for the dead time, and notes it if the list has us", () => {
  const silent = peer({ heardAtMs: NOW_MS - 3_000 });
  const nearly = peer({ heardAtMs: NOW_MS - 2_999 });
  const peersOf = (
    changed: Changed = {},
  ) => [...decideRole(election([silent, nearly], changed), NOW_MS).peers.values()];
  assertEquals(peersOf().map(({ alive, diedWhileListed }) => [alive, diedWhileListed]), [
    [false, true],
    [true, false],
  ]);
  assertEquals(peersOf({ inPeerList: false }).map(({ diedWhileListed }) => diedWhileListed), [
    false,
    false,
  ]);
  const live = election([nearly]);
  assert(decideRole(live, NOW_MS).peers === live.peers, "nobody died");
});

Deno.test("standsBack(): only a backup that does not hold, for a worse holder that is as well as it is", () => {
  const set = { preemptDelayMs: 5_000 };
  const is = (peers: Peer[], changed: Changed = {}) =>
    standsBack(election(peers, { set, ...changed }));
  const unhealthy = (ownPriority: number) =>
    peer({ priority: 255, trailer: { holds: true, unhealthy: true, ownPriority } });
  assertEquals(is([peer(holds)]), true);
  assertEquals(is([better, peer(holds)]), true);
  assertEquals(is([peer()]), false);
  assertEquals(is([peer({ ...holds, priority: 5 })]), false, "it ranks before us");
  assertEquals(is([cutOff]), false);
  assertEquals(is([peer(holds)], { set: { preemptDelayMs: 0 } }), false);
  assertEquals([is([peer(holds)], { holding: null }), is([peer(holds)], master)], [false, false]);
  assertEquals(is([peer(holds)], { elected: "master", role: "master" }), false);
  const woken = { ...master, holding: true, wokeAtMs: 7 };
  assertEquals([is([peer(holds)], woken), is([peer()], woken)], [true, false], "after a sleep");
  const leased = (owned: boolean, owner: string | null) =>
    is([peer(holds)], {
      ...master,
      holding: true,
      lease: { owned, reachable: true, lost: false, owner },
    });
  assertEquals([leased(false, "edge-2"), leased(true, "we"), leased(false, null)], [
    true,
    false,
    false,
  ], "whatever it took itself for");
  assertEquals([is([unhealthy(20)]), is([unhealthy(20)], { healthy: false })], [false, true]);
  assertEquals(is([peer({ trailer: null })]), false, "it has no word for it");
});

Deno.test("decideRole(): a node that stops asks for no lease any more", () => {
  const stopping = (owned: boolean) => {
    const lease = { owned, reachable: true, lost: false, owner: null };
    const { role, reason } = decideRole(election([], { ...master, stops: 1, lease }), NOW_MS);
    return [role, reason];
  };
  assertEquals([stopping(true), stopping(false)], [["master", "leaving"], ["backup", "leaving"]]);
});

Deno.test("selfEligible() and ranksAfter() go by every fact that they name", () => {
  const eligible = (changed: Changed) => selfEligible(election([], changed));
  assertEquals(eligible({}), true);
  const not: Changed[] = [
    { cloudReachable: false },
    { inPeerList: false },
    { kept: true },
    { stops: 1 },
    { twin },
  ];
  for (const changed of not) assertEquals(eligible(changed), false, JSON.stringify(changed));
  assertEquals(eligible({ twin, holding: true }), true, "a holder serves on");
  const after = (different: Different, changed: Changed = {}) =>
    ranksAfter(peer(different), election([], changed));
  assertEquals([after({}), after({ priority: 10 }), after({ priority: 5 })], [true, false, false]);
  assertEquals(after({ priority: 10 }, { set: { exclusive: true } }), true);
  assertEquals(after({ priority: 10 }, { set: { exclusive: true }, selfId: idOf(8) }), false);
  assertEquals(after({ priority: 10 }, { set: { exclusive: true }, selfId: null }), true);
});
