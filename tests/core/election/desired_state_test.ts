// The desired state of the election, by tables: one state each, and its result.
import { assertEquals } from "@std/assert";
import { type DesiredState, desiredStateOf } from "../../../src/core/election/desired_state.ts";
import { startElection } from "../../../src/core/election/step.ts";
import { type Election, type ElectionSettings, PASSED } from "../../../src/core/election/state.ts";
import type { Peer } from "../../../src/core/election/peer.ts";
import {
  type DifferentPeer as Different,
  idOf,
  livePeer as peer,
} from "../../support/election_fixtures.ts";
import { NODE_SETTINGS } from "../../support/node_settings.ts";

/** Times that every node assumes of the others; two versions that disagree would act together. */
const STAGGER_MS = 4_000, DOUBT_MS = 30_000;

/** Own id, between those of the peers. */
const SELF = idOf(5);

/** A master that has settled, at priority 10. */
function master(
  peers: readonly Peer[],
  different: Partial<Election> & { set?: Partial<ElectionSettings> } = {},
): Election {
  const { set, ...rest } = different;
  const settings = { ...NODE_SETTINGS, ...set };
  const state = startElection(settings, { atMs: 0, selfId: SELF, peers: [] });
  const all = new Map(peers.map((peer) => [peer.address, peer]));
  return {
    ...state,
    settledAtMs: PASSED,
    elected: "master",
    role: "master",
    reason: "best",
    peers: all,
    ...rest,
  };
}

const twin = { address: "10.0.0.9", firstAtMs: 0, certain: true, mark: null, untilMs: 9_000 };
const better = peer(7, { priority: 5 }), worse = peer(7);
const leaving = peer(7, { trailer: { leaving: true } });
const silent = peer(7, { alive: false });

const INTENTS: ReadonlyArray<
  readonly [when: string, state: Election, intent: DesiredState["intent"]]
> = [
  ["as master", master([worse]), "hold"],
  ["as backup", master([better], { elected: "backup", role: "backup" }), "yield"],
  ["while it settles", master([worse], { settledAtMs: 9_000 }), "keep"],
  ["beside another machine with its id", master([worse], { twin }), "keep"],
  ["without the cloud, nobody to serve", master([], { cloudReachable: false }), "hold"],
  [
    "without the cloud, as backup",
    master([], { cloudReachable: false, elected: "backup", role: "backup" }),
    "keep",
  ],
  [
    "without the cloud, one to serve",
    master([worse], { cloudReachable: false, elected: "backup", role: "backup" }),
    "yield",
  ],
  ["not in the list, with a live peer", master([better], { inPeerList: false }), "hold"],
  [
    "not in the list, as backup",
    master([better], { inPeerList: false, elected: "backup", role: "backup" }),
    "yield",
  ],
  [
    "not in the list, as backup, with a peer that cannot serve",
    master([leaving], { inPeerList: false, elected: "backup", role: "backup" }),
    "yield",
  ],
  ["asked to stop", master([worse], { stops: 1 }), "yield"],
  ["asked to stop twice", master([worse], { stops: 2 }), "release"],
  ["asked to stop, long ago", master([worse], { stops: 1, yieldUntilMs: PASSED }), "release"],
  ["asked to stop, alone", master([], { stops: 1 }), "release"],
  ["asked to stop, with one that leaves, too", master([leaving], { stops: 1 }), "release"],
  ["asked to stop, with a silent one", master([silent], { stops: 1 }), "release"],
  [
    "asked to stop, with an original one",
    master([peer(7, { trailer: null })], { stops: 1 }),
    "yield",
  ],
  [
    "asked to stop, with one that leaves and one that stays",
    master([leaving, peer(8)], { stops: 1 }),
    "yield",
  ],
  [
    "asked to stop before it knows its peers",
    master([], { stops: 1, settledAtMs: Infinity }),
    "yield",
  ],
  ["asked to stop while it settles alone", master([], { stops: 1, settledAtMs: 9_000 }), "release"],
  [
    "asked to stop before one had the time to be heard",
    master([silent], { stops: 1, settledAtMs: 9_000 }),
    "yield",
  ],
];

for (const [when, state, intent] of INTENTS) {
  Deno.test(`desiredStateOf(): a node wants to ${intent} ${when}`, () => {
    assertEquals(desiredStateOf(state).intent, intent);
  });
}

/** The lease is ours. */
const OWNER = { owned: true, reachable: true, lost: false, owner: null };
/** Better than we are, heard since then for a dead time of 3 s or less. */
const heardFor = (ms: number, number = 7, priority = 5) =>
  peer(number, { priority, aliveSinceMs: 5_000 - ms });

const unhearing = peer(7, { priority: 5, notHearingUsSinceMs: 4_000 });

const HEIRS: ReadonlyArray<
  readonly [
    when: string,
    peers: readonly Peer[],
    heir: string | null,
    different?: Parameters<typeof master>[1],
  ]
> = [
  ["a better node that has long been heard", [better], idOf(7)],
  ["no worse one", [worse], null],
  ["none without a lease", [better], null, { lease: null }],
  ["none whose hold-off runs: it could not take the lease", [heardFor(2_000)], null],
  ["one whose hold-off ends while we let go, give or take a late heartbeat", [
    heardFor(2_990),
  ], idOf(7)],
  ["the best one", [better, peer(8, { priority: 3 })], idOf(8)],
  ["the best of those that can take it now", [
    better,
    heardFor(2_000, 8, 3),
  ], idOf(7)],
  ["one that does not hear us", [unhearing], idOf(7)],
  [
    "none that does not hear us and must not preempt: it does not know that we hold",
    [
      unhearing,
    ],
    null,
    { set: { preemptDelayMs: Infinity } },
  ],
  ["one that hears us, and has waited for its preempt delay", [better], idOf(7), {
    set: { preemptDelayMs: 5_000 },
  }],
  ["none that is unknown to the cloud", [peer(7, { priority: 5, instanceId: null })], null],
];

for (const [when, peers, heir, different] of HEIRS) {
  Deno.test(`desiredStateOf(): a lease goes to ${when}`, () => {
    const state = master(peers, { elected: "backup", role: "backup", lease: OWNER, ...different });
    assertEquals(desiredStateOf(state).heir, heir);
  });
}

/** A dead peer with a lower or higher number than ours, and its grace time. */
type Wait = readonly [
  who: string,
  dead: readonly [number: number, different: Different],
  waitMs: number,
  state?: Parameters<typeof master>[1],
];
const HOLDS = { trailer: { holds: true } };
const holding = { holding: true };
/** What a peer knew of us: that we are healthy, and hold. */
const KNOWN = {
  unhealthy: false,
  keeps: false,
  priority: 10,
  id: SELF,
  holds: true,
  untilMs: Infinity,
};

const WAITS: readonly Wait[] = [
  ["a better holder, dead, is relieved at once", [7, { ...HOLDS, priority: 5 }], 0, holding],
  ["a worse holder may take from us first", [7, HOLDS], STAGGER_MS, holding],
  ["a worse holder has nothing to take from us if we do not hold", [7, HOLDS], 0],
  [
    "an equal holder of a lower id goes first",
    [3, { ...HOLDS, priority: 10 }],
    STAGGER_MS,
    holding,
  ],
  ["an equal holder of a higher id does not", [7, { ...HOLDS, priority: 10 }], 0, holding],
  [
    "of exclusive equals the higher id ranks after us, and goes first",
    [7, { ...HOLDS, priority: 10 }],
    STAGGER_MS,
    { ...holding, set: { exclusive: true } },
  ],
  [
    "of exclusive equals the lower id ranks before us",
    [3, { ...HOLDS, priority: 10 }],
    0,
    { ...holding, set: { exclusive: true } },
  ],
  ["one that was leaving failed to give up", [7, { trailer: { leaving: true } }], STAGGER_MS],
  ["a better one that was leaving, too", [7, {
    priority: 5,
    trailer: { leaving: true },
  }], STAGGER_MS],
  ["a better one may have been about to attach", [7, { priority: 5 }], 2 * STAGGER_MS],
  ["an equal one of a lower id, too", [3, { priority: 10 }], 2 * STAGGER_MS],
  ["an equal one of a higher id had no reason to", [7, { priority: 10 }], DOUBT_MS],
  ["a worse one had no reason to", [7, {}], DOUBT_MS],
  ["a better one that was unable had none either, and moves first", [7, {
    priority: 5,
    trailer: { unable: true },
  }], 2 * DOUBT_MS],
  ["an original one that is better is taken to have held", [7, { priority: 5, trailer: null }], 0],
  ["an original one that is as good, too", [7, { priority: 10, trailer: null }], 0, holding],
  [
    "an original one that is as good, of a lower id, goes first",
    [3, { priority: 10, trailer: null }],
    STAGGER_MS,
    holding,
  ],
  ["an original one that is worse had no reason to hold", [7, { trailer: null }], DOUBT_MS],
  [
    "an equal holder that does not know yet that we are unhealthy, and gave up, goes first",
    [3, { ...HOLDS, priority: 10, knowsUs: [KNOWN] }],
    STAGGER_MS,
    { healthy: false, holding: false },
  ],
  [
    "a holder that does not know yet how well we rank takes itself for the better one",
    [7, { ...HOLDS, priority: 20, knowsUs: [{ ...KNOWN, priority: 30 }] }],
    0,
    holding,
  ],
  [
    "one that may know that we hold, or not, may take from us",
    [3, { ...HOLDS, priority: 10, knowsUs: [{ ...KNOWN, holds: false, untilMs: 4_000 }, KNOWN] }],
    STAGGER_MS,
    holding,
  ],
  [
    "one that may take itself for the better one, or the worse one, had a reason to attach, or none",
    [7, { priority: 20, knowsUs: [{ ...KNOWN, priority: 255, untilMs: 4_000 }, KNOWN] }],
    // A lower id goes before a higher one that does not know either.
    2 * DOUBT_MS + 2 * STAGGER_MS,
  ],
  [
    "one of a lower id, too, and we go last if it does not know either",
    [3, { priority: 20, knowsUs: [{ ...KNOWN, priority: 255, untilMs: 4_000 }, KNOWN] }],
    2 * DOUBT_MS + 3 * STAGGER_MS,
  ],
  [
    "a holder that may know that we hold and are unhealthy, or not yet, takes neither turn",
    [7, {
      ...HOLDS,
      priority: 10,
      knowsUs: [{ ...KNOWN, untilMs: 4_000 }, { ...KNOWN, unhealthy: true }],
    }],
    3 * STAGGER_MS,
    { healthy: false, ...holding, set: { exclusive: true } },
  ],
  [
    "one that does not know yet that we hold does not take from us",
    [7, { ...HOLDS, knowsUs: [{ ...KNOWN, holds: false }] }],
    0,
    holding,
  ],
  [
    "a better one by what it knows may have been about to attach",
    [7, { priority: 10, knowsUs: [{ ...KNOWN, priority: 20 }] }],
    2 * STAGGER_MS,
  ],
  [
    "one that ranks before us only as we are now had no reason to",
    [3, { trailer: { unable: true }, knowsUs: [{ ...KNOWN, priority: 9 }] }],
    DOUBT_MS,
    { healthy: false },
  ],
];

for (const [who, [number, different], waitMs, state] of WAITS) {
  Deno.test(`desiredStateOf(): ${who}: ${waitMs} ms`, () => {
    const dead = peer(number, { ...different, alive: false });
    const held = dead.trailer ? dead.trailer.holds : dead.priority <= 10;
    assertEquals(desiredStateOf(master([dead], state)).dead, [{
      instanceId: idOf(number),
      waitMs,
      held,
    }]);
  });
}

Deno.test("desiredStateOf(): the hold of the dead may show late, unless somebody else may have taken it", () => {
  const held = (...live: Peer[]) =>
    desiredStateOf(master([peer(9, { ...HOLDS, priority: 5, alive: false }), ...live])).dead[0]
      ?.held;
  assertEquals(held(), true);
  assertEquals(held(peer(3, { priority: 10 })), false);
  assertEquals(held(peer(8, { priority: 10 })), true);
});

Deno.test("desiredStateOf(): each live equal of a lower id goes before us, and nobody else", () => {
  const waits = (...live: Peer[]) =>
    [{ ...HOLDS, priority: 5 }, { trailer: { leaving: true } }, { priority: 5 }, {}]
      .map((different) => peer(9, { ...different, alive: false }))
      .flatMap((dead) => desiredStateOf(master([dead, ...live])).dead.map(({ waitMs }) => waitMs));
  const equal = { priority: 10 };
  const none = [0, STAGGER_MS, 2 * STAGGER_MS, DOUBT_MS];
  assertEquals(waits(), none);
  assertEquals(waits(peer(3, equal)), none.map((ms) => ms + STAGGER_MS));
  assertEquals(waits(peer(3, equal), peer(4, equal)), none.map((ms) => ms + 2 * STAGGER_MS));
  assertEquals(
    waits(peer(7, equal), peer(3), peer(4, { ...equal, trailer: { unable: true } })),
    none,
  );
});

Deno.test("desiredStateOf() names whom each of its lists is about", () => {
  const peers = [
    peer(1, { priority: 5, trailer: { holds: true } }),
    peer(2, { priority: 5, trailer: null }),
    peer(3, { notHearingUsSinceMs: 4_000 }),
    peer(4, { alive: false, notHearingUsSinceMs: 4_000 }),
    peer(6, { alive: false, heardAtMs: null, lived: false }),
    peer(7, { alive: false, instanceId: null }),
  ];
  const desired = desiredStateOf(master(peers, { elected: "backup", role: "backup" }));
  const ids = (...numbers: number[]) => numbers.map(idOf);
  assertEquals(desired.successors, ids(1, 2));
  assertEquals([desired.claimant, desired.hasOriginalSuccessor], [idOf(1), true]);
  assertEquals([desired.alive, desired.notHearingUs, desired.unheard], [
    ids(1, 2, 3),
    ids(3),
    ids(6),
  ]);
  assertEquals(desired.dead.map(({ instanceId }) => instanceId), ids(4));
  assertEquals([desired.resolved, desired.doubt, desired.holdsOnlyIfUnheld, desired.challenged], [
    false,
    false,
    false,
    false,
  ]);
  const known = desiredStateOf(master([worse], {}));
  assertEquals([known.claimant, known.hasOriginalSuccessor, known.resolved], [null, false, true]);
  // The cloud cannot be asked about an instance that it does not know.
  const unknown = peer(1, { priority: 5, trailer: { holds: true }, instanceId: null });
  assertEquals(
    desiredStateOf(master([unknown, better], { elected: "backup", role: "backup" })).claimant,
    null,
  );
});

Deno.test("desiredStateOf(): a node that its list has lost holds only if no silent peer does, and marks nobody dead", () => {
  const is = (peers: Peer[], state: Parameters<typeof master>[1] = { inPeerList: false }) => {
    const { holdsOnlyIfUnheld, dead, unheard } = desiredStateOf(master(peers, state));
    return [holdsOnlyIfUnheld, dead.length, unheard];
  };
  assertEquals(is([]), [false, 0, []]);
  assertEquals(is([silent]), [true, 0, [idOf(7)]]);
  assertEquals(is([silent], {}), [false, 1, []]);
  assertEquals(
    is([peer(7, { alive: false, diedWhileListed: true })]),
    [true, 0, []],
    "it is known to be dead",
  );
  assertEquals(is([silent], { inPeerList: false, stops: 1 }), [false, 0, [idOf(7)]]);
});

Deno.test("desiredStateOf(): a master is challenged by a worse one that says that it holds, if that one can serve", () => {
  const by = (peers: Peer[], state: Parameters<typeof master>[1] = {}) =>
    desiredStateOf(master(peers, state)).challenged;
  const holder = peer(7, HOLDS);
  assertEquals(by([holder]), true);
  assertEquals(by([worse, holder]), true);
  assertEquals(by([worse]), false);
  assertEquals(by([peer(7, { ...HOLDS, priority: 10 })]), false, "an equal one may");
  assertEquals(by([peer(7, { trailer: { holds: true, unable: true } })]), false);
  assertEquals(by([peer(7, { ...HOLDS, alive: false })]), false);
  assertEquals(by([peer(7, { trailer: null })]), false);
  assertEquals(by([holder], { elected: "backup", role: "backup" }), false);
});

Deno.test("desiredStateOf(): of the addresses of one machine the one that tells more counts", () => {
  const [one, other] = ["10.0.0.7", "2001:db8::7"];
  const both = (first: Different, second: Different) =>
    desiredStateOf(
      master([peer(7, { ...first, address: one }), peer(7, { ...second, address: other })], {
        repeated: true,
      }),
    );
  // It was heard at one of its addresses.
  assertEquals(both({ alive: false }, {}).dead, []);
  assertEquals(both({}, { alive: false }).dead, []);
  // The later heartbeat counts.
  const old = { heardAtMs: 1_000, ...HOLDS };
  assertEquals([both(old, {}).challenged, both({}, old).challenged], [false, false]);
  assertEquals([both(old, HOLDS).challenged, both(HOLDS, old).challenged], [true, true]);
  // One that hears us counts, though the other was heard later.
  const notHearingUs = { heardAtMs: 6_000, notHearingUsSinceMs: 4_000 };
  assertEquals([both(notHearingUs, {}).notHearingUs, both({}, notHearingUs).notHearingUs], [
    [],
    [],
  ]);
  // Never heard at one of its addresses.
  const never = { alive: false, heardAtMs: null };
  assertEquals(both(never, { alive: false }).dead.length, 1);
  assertEquals(both({ alive: false }, never).dead.length, 1);
  // Two machines without an instance id count as two.
  const nameless = [peer(7, { instanceId: null }), peer(8, { instanceId: null, priority: 5 })];
  const desired = desiredStateOf(master([...nameless, peer(6)], { repeated: true }));
  assertEquals([desired.alive, desired.resolved], [[idOf(6)], false]);
  const holder = peer(7, { ...HOLDS, instanceId: null });
  const second = peer(8, { instanceId: null });
  assertEquals(desiredStateOf(master([holder, second], { repeated: true })).challenged, true);
});
