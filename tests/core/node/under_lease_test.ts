// What a lease makes of the election's wish, and what the node wants of the lease, by tables.
import { assertEquals } from "@std/assert";
import { type DesiredState, desiredStateOf } from "../../../src/core/election/desired_state.ts";
import type { Election } from "../../../src/core/election/state.ts";
import type { Peer } from "../../../src/core/election/peer.ts";
import type { Lease, Tenure } from "../../../src/core/lease/state.ts";
import { startNode } from "../../../src/core/node/step.ts";
import type { Call } from "../../../src/core/ownership/call.ts";
import type { Ownership } from "../../../src/core/ownership/state.ts";
import {
  againstFailsafe,
  tiedUntilMs,
  underLease,
  wants,
  wishOf,
} from "../../../src/core/node/under_lease.ts";
import { idOf, livePeer } from "../../support/election_fixtures.ts";
import { flight } from "../../support/held_address.ts";
import { NODE_SETTINGS } from "../../support/node_settings.ts";

const SELF = "00000001-0000-4000-8000-000000000005", HEIR = idOf(7);
const TTL_MS = 9_000, NOW_MS = 50_000;
const TENURE: Tenure = {
  token: "t",
  sinceMs: 40_000,
  renewedAtMs: 49_000,
  clean: false,
  inherited: false,
};
const SETTINGS = { ttlMs: TTL_MS, failsafe: true, heartbeats: true };
const START = startNode({ ...NODE_SETTINGS, lease: SETTINGS }, {
  atMs: 0,
  selfId: SELF,
  peers: [],
});
const LEASE: Lease = { ...START.lease!, wish: { ...START.lease!.wish, self: SELF } };
const TWIN = { address: "10.0.0.9", firstAtMs: 0, certain: true, mark: null, untilMs: Infinity };

/** A node that holds, has settled, and hears its only peer. */
function election(different: Partial<Election> = {}, peer: Peer = livePeer(7)): Election {
  return {
    ...START.election,
    peers: new Map([[peer.address, peer]]),
    settledAtMs: -Infinity,
    holding: true,
    ...different,
  };
}

function ownership(different: Partial<Ownership> = {}): Ownership {
  const known = { prepared: true, instanceId: SELF, holding: true, cloudReachable: true } as const;
  return { ...START.ownership, ...known, ...different };
}

/** What a test varies. */
interface Row {
  readonly wanted?: Partial<DesiredState>;
  readonly lease?: Partial<Lease>;
  readonly election?: Partial<Election>;
  readonly peer?: Peer;
  readonly ownership?: Partial<Ownership>;
  /** A second address that moves with the first one. */
  readonly sister?: Partial<Ownership>;
  readonly peersKnown?: boolean;
  readonly stoppedAtMs?: number | null;
}

function wantedOf(row: Row): DesiredState {
  return { ...desiredStateOf(election()), intent: "hold", ...row.wanted };
}

function leaseOf(row: Row): Lease {
  return { ...LEASE, tenure: TENURE, ...row.lease };
}

function ownershipsOf({ sister, ...row }: Row): Ownership[] {
  return [ownership(row.ownership), ...(sister ? [ownership(sister)] : [])];
}

/** The desired state of a node that owns the lease, unless the row says otherwise. */
function desiredOf(row: Row, atMs = NOW_MS): DesiredState {
  const { peersKnown = true, stoppedAtMs = null } = row;
  return underLease(wantedOf(row), {
    ...{ lease: leaseOf(row), election: election(row.election, row.peer), atMs },
    ...{ ownerships: ownershipsOf(row), peersKnown, stoppedAtMs },
  });
}

const DEAD = livePeer(7, { alive: false }), HOLDER = livePeer(7, { trailer: { holds: true } });
const RECORD = { instanceId: HEIR, sinceWallMs: 0, revision: "1" };
const THEIRS = { record: RECORD, candidates: [], version: 1 };
const YIELDS = { intent: "yield", heir: HEIR } as const;
/** A change was sent that the cloud may carry out until then. */
const stray = (strayUntilMs: number) => ({ ownership: { strayUntilMs } });

Deno.test("underLease(): the owner holds, keeps or releases the address as the election wants", () => {
  const rows: ReadonlyArray<readonly [when: string, Row, intent: DesiredState["intent"]]> = [
    ["master", {}, "hold"],
    ["with a twin", { election: { twin: TWIN } }, "keep"],
    ["without the cloud, still holding", { election: { cloudReachable: false } }, "hold"],
    [
      "without the cloud, holding nothing",
      { election: { cloudReachable: false, holding: false } },
      "keep",
    ],
    ["holding nothing yet", { election: { holding: false } }, "hold"],
    ["outranked", { wanted: YIELDS }, "release"],
    ["outranked by somebody who cannot take it yet", { wanted: { ...YIELDS, heir: null } }, "keep"],
    ["outranked, tied", { wanted: YIELDS, ...stray(NOW_MS + 1) }, "keep"],
    ["outranked, tied until now", { wanted: YIELDS, ...stray(NOW_MS) }, "release"],
    ["keeping", { wanted: { intent: "keep" } }, "keep"],
    ["stopped", { wanted: YIELDS, stoppedAtMs: 49_999 }, "release"],
    ["stopped, without an heir", { wanted: { ...YIELDS, heir: null }, stoppedAtMs: 1 }, "release"],
    ["stopped, tied", { stoppedAtMs: 49_999, ...stray(50_001) }, "keep"],
    ["stopped, tied until the end", { stoppedAtMs: 49_999, ...stray(59_999) }, "keep"],
    ["stopped, tied for too long", { stoppedAtMs: 49_999, ...stray(60_000) }, "release"],
    ["stopped, tied until now", { stoppedAtMs: 49_999, ...stray(50_000) }, "release"],
  ];
  for (const [when, row, intent] of rows) assertEquals(desiredOf(row).intent, intent, when);
});

Deno.test("underLease(): another node attaches nothing, and lets go when somebody else owns the lease", () => {
  const away = { tenure: null, reachable: false };
  const rows: ReadonlyArray<readonly [when: string, Row, intent: DesiredState["intent"]]> = [
    ["lost by time", { lease: { tenure: { ...TENURE, renewedAtMs: NOW_MS - 6_000 } } }, "keep"],
    ["nobody has it", { lease: { tenure: null } }, "keep"],
    ["somebody else has it", { lease: { tenure: null, sight: THEIRS } }, "release"],
    ["stopped", { lease: { tenure: null }, election: { stops: 1 } }, "release"],
    ["without the store, the failsafe", { lease: away }, "keep"],
    ["without the store, and a peer", { lease: away, peer: DEAD }, "release"],
    ["without the store, peers unknown", { lease: away, peersKnown: false }, "release"],
    [
      "without heartbeats, lost, and nothing seen since",
      { lease: { tenure: null, lost: true, settings: { ...SETTINGS, heartbeats: false } } },
      "release",
    ],
    ["with heartbeats, lost, and nothing seen since", {
      lease: { tenure: null, lost: true },
    }, "keep"],
    [
      "without heartbeats, nothing lost",
      { lease: { tenure: null, settings: { ...SETTINGS, heartbeats: false } } },
      "keep",
    ],
    ["without heartbeats, lost, and nobody seen to have it", {
      lease: {
        ...{ tenure: null, lost: true, sight: { ...THEIRS, record: null } },
        settings: { ...SETTINGS, heartbeats: false },
      },
    }, "keep"],
  ];
  for (const [when, row, intent] of rows) {
    const desired = desiredOf(row);
    assertEquals([desired.intent, desired.lease], [intent, null], when);
  }
});

Deno.test("underLease(): the terms of the owner, and none of the doubts of a node without a lease", () => {
  const doubts = { doubt: true, holdsOnlyIfUnheld: true, challenged: true };
  const { lease, ...desired } = desiredOf({ wanted: doubts });
  assertEquals(lease, {
    ...{ sinceMs: 40_000, clean: false, renewedAtMs: 49_000, endsAtMs: 58_000, inTime: true },
  });
  const { doubt, holdsOnlyIfUnheld, challenged } = desired;
  assertEquals([doubt, holdsOnlyIfUnheld, challenged], [false, false, false]);
  // After a third of the time to live its next renewal is late.
  const inTime = (atMs: number) => desiredOf({}, atMs).lease?.inTime;
  assertEquals([inTime(52_000), inTime(52_001)], [true, false]);
  assertEquals(desiredOf({ wanted: YIELDS }).lease, null, "who lets go attaches nothing");
});

Deno.test("againstFailsafe() says why a node may not keep the address without the store", () => {
  const rows: ReadonlyArray<readonly [Row, string | null]> = [
    [{}, null],
    [{ lease: { reachable: true } }, "the store answers"],
    [
      { lease: { settings: { ...SETTINGS, heartbeats: false } } },
      "there are no heartbeats",
    ],
    [{ lease: { settings: { ...SETTINGS, failsafe: false } } }, "--lease-failsafe is off"],
    [{ peersKnown: false }, "the list of peers is not known"],
    [{ election: { inPeerList: false } }, "the list of peers does not have this node"],
    [{ election: { holding: false } }, "this node does not hold it"],
    [{ election: { holding: null } }, "this node does not hold it"],
    [{ election: { settledAtMs: 60_000 } }, "this node has just started, or was paused"],
    [
      { election: { missing: new Map([["web-7", "unresolved" as never]]) } },
      "peer web-7 is missing",
    ],
    [{ peer: DEAD }, "peer 10.0.0.7 is not heard"],
    [{ peer: HOLDER }, "peer 10.0.0.7 holds it"],
    [{ peer: livePeer(7, { trailer: null }) }, null],
  ];
  for (const [row, why] of rows) {
    const lease = { ...LEASE, reachable: false, ...row.lease };
    const { peersKnown = true } = row;
    const now = { election: election(row.election, row.peer), peersKnown };
    assertEquals(againstFailsafe(lease, now), why);
  }
});

Deno.test("tiedUntilMs() allows for the last change of ours, also of an earlier process, for 23 s at most", () => {
  const inherited = { tenure: { ...TENURE, inherited: true } };
  const rows: ReadonlyArray<readonly [Row, number]> = [
    [{}, -Infinity],
    [stray(51_000), 51_000],
    [{ lease: inherited }, 54_000],
    [{ lease: inherited, ...stray(53_000) }, 54_000],
    [{ lease: inherited, ...stray(55_000) }, 55_000],
    [stray(NOW_MS + 23_000), NOW_MS + 23_000],
    [stray(NOW_MS + 23_001), NOW_MS + 23_000],
  ];
  for (const [row, untilMs] of rows) {
    const ownerships = [ownership(), ownership(row.ownership)];
    assertEquals(tiedUntilMs(leaseOf(row), { ownerships, atMs: NOW_MS }), untilMs);
  }
});

/** What the node wants of the lease. */
function wish(row: Row) {
  const wanted = wantedOf(row);
  return wishOf(leaseOf(row), {
    ...{ election: election(row.election, row.peer), wanted, desired: desiredOf(row) },
    ...{ ownerships: ownershipsOf(row), atMs: NOW_MS },
  });
}

Deno.test("wishOf() takes the lease for a master and for a holder, with the cloud in reach", () => {
  const free = { lease: { tenure: null } };
  const idle = { wanted: { intent: "keep" }, ownership: { holding: false } } as const;
  const rows: ReadonlyArray<readonly [when: string, Row, take: boolean]> = [
    ["master", { ...free, ownership: { holding: false } }, true],
    ["a holder that is outranked", { ...free, wanted: YIELDS }, true],
    ["neither", { ...free, ...idle }, false],
    ["unknown", { ...free, ...idle, ownership: { holding: null } }, false],
    ["a holder with a twin", {
      ...free,
      wanted: { intent: "keep" },
      election: { twin: TWIN },
    }, false],
    ["stopped", { ...free, election: { stops: 1 } }, false],
    ["the cloud is lost", { ...free, ownership: { cloudReachable: false } }, false],
    ["the cloud has not answered yet", { ...free, ownership: { prepared: false } }, false],
  ];
  for (const [when, row, take] of rows) {
    assertEquals([wish(row).take, wish(row).self], [take, SELF], when);
  }
});

/** Let go, and a look since then and since the lease became ours shows that nobody holds. */
const DETACHED = { holding: false, sightedAtMs: 45_000, othersAtMs: 45_000, changedAtMs: 44_000 };

Deno.test("wishOf() gives the lease up once the address is detached, and names the heir if nobody holds", () => {
  const given = { to: HEIR }, anyone = { to: null };
  const of = (different: Partial<Ownership>, row: Row = {}) =>
    wish({ wanted: YIELDS, ...row, ownership: { ...DETACHED, ...different } }).giveUp;
  const rows: ReadonlyArray<readonly [string, ReturnType<typeof of>, ReturnType<typeof of>]> = [
    ["detached", of({}), given],
    ["still holding", of({ holding: true }), null],
    ["unknown", of({ holding: null }), null],
    ["not looked since", of({ sightedAtMs: 43_999 }), null],
    ["looked in the same moment", of({ sightedAtMs: 44_000 }), given],
    [
      "a change is under way",
      of({
        write: { ...START.ownership.write, inFlight: flight({ verb: "detach-self" }) },
      }),
      null,
    ],
    ["others hold", of({ others: [{ instanceId: HEIR } as never] }), anyone],
    ["the look at others is older than the change", of({ othersAtMs: 43_999 }), anyone],
    ["the look at others is as old as the change", of({ othersAtMs: 44_000 }), given],
    [
      "the look at others is older than the lease",
      of({ changedAtMs: 1, othersAtMs: 39_999 }),
      anyone,
    ],
    ["the address is not available", of({ released: "gone" }), anyone],
    ["no heir", of({}, { wanted: { intent: "yield", heir: null }, stoppedAtMs: 1 }), anyone],
    ["tied", of({ strayUntilMs: NOW_MS + 1 }), null],
    ["tied until now", of({ strayUntilMs: NOW_MS }), given],
    ["master", of({}, { wanted: { intent: "hold" } }), null],
  ];
  for (const [when, seen, wanted] of rows) assertEquals(seen, wanted, when);
});

Deno.test("wishOf() demands of all addresses that move together what it demands of one", () => {
  const lost = { holding: false, cloudReachable: false };
  const idle = { lease: { tenure: null }, ownership: { holding: false } };
  assertEquals(wish({ ...idle, sister: { holding: false } }).take, true);
  assertEquals(wish({ ...idle, sister: lost }).take, false, "the cloud is lost for one");
  const holds = { lease: { tenure: null }, wanted: YIELDS } as const;
  assertEquals(wish({ ...holds, sister: { holding: false } }).take, true, "one of them is held");
  const given = (sister: Partial<Ownership>) =>
    wish({ wanted: YIELDS, ownership: DETACHED, sister: { ...DETACHED, ...sister } }).giveUp;
  const rows: ReadonlyArray<readonly [string, Partial<Ownership>, ReturnType<typeof given>]> = [
    ["detached as well", {}, { to: HEIR }],
    ["still held", { holding: true }, null],
    ["held by others", { others: [{ instanceId: HEIR } as never] }, { to: null }],
    ["tied", { strayUntilMs: NOW_MS + 1 }, null],
  ];
  for (const [when, sister, giveUp] of rows) assertEquals(given(sister), giveUp, when);
  const useless = (sister: Partial<Ownership>) =>
    wish({ wanted: { intent: "hold", heir: null }, ownership: lost, sister }).giveUp;
  assertEquals(useless(lost), { to: null });
  assertEquals(useless({ ...lost, holding: true }), null, "one of them is held");
  assertEquals(useless({ holding: false }), { to: null }, "one of them cannot be reached");
  const fresh = wish({
    ...{ ownership: { holding: false, seenAtMs: 47_000 } },
    sister: { holding: false, seenAtMs: 48_000 },
  });
  assertEquals(fresh.freshSinceMs, 48_000, "the later of both");
});

Deno.test("wishOf() gives the lease up without the cloud, to somebody else or when it is of no use", () => {
  const of = (different: Partial<Ownership>, wanted: Partial<DesiredState>) =>
    wish({ wanted, ownership: { cloudReachable: false, ...different } }).giveUp;
  const alone = { intent: "hold", heir: null } as const,
    heir = { intent: "keep", heir: HEIR } as const;
  assertEquals(of({}, alone), null, "a holder keeps it while nobody else could serve");
  assertEquals(of({}, heir), { to: null }, "the next owner takes the address from us");
  assertEquals(of({ holding: false }, alone), { to: null }, "it is of no use here");
  assertEquals(of({ holding: null }, alone), { to: null });
  assertEquals(of({ holding: false, prepared: false }, alone), null, "the cloud never answered");
});

Deno.test("wishOf() asks for a renewal that is newer than the look behind an attach or an eviction", () => {
  const free = { holding: false, seenAtMs: 48_000, othersAtMs: 47_000 } as const;
  const others = [{ instanceId: HEIR } as never];
  const of = (different: Partial<Ownership>, row: Row = {}) =>
    wish({ ...row, ownership: { ...free, ...different } }).freshSinceMs;
  assertEquals(of({}), 48_000);
  assertEquals(of({ others }), 48_000, "the later of both");
  assertEquals(of({ others, othersAtMs: 48_500 }), 48_500);
  assertEquals(of({ holding: true }), -Infinity);
  assertEquals(of({ holding: true, others }), 47_000);
  assertEquals(of({}, { wanted: YIELDS }), -Infinity, "it changes nothing");
});

Deno.test("wants(): a change is wanted while the lease is ours, other calls always", () => {
  const desired = desiredOf({});
  const node = {
    ...START,
    lease: leaseOf({}),
    election: election(),
    ownership: ownership({ desired: { ...desired, underLease: true } }),
  };
  const of = (verb: Call["verb"], atMs: number, lease: Lease | null = node.lease) => {
    const call = { verb, instanceId: HEIR } as Call;
    return wants({ ...node, lease }, { call, elasticIp: undefined }, atMs);
  };
  const lossMs = TENURE.renewedAtMs + TTL_MS * 2 / 3;
  for (const verb of ["attach", "evict"] as const) {
    assertEquals([of(verb, lossMs - 1), of(verb, lossMs)], [true, false], verb);
  }
  assertEquals([of("detach-self", lossMs), of("look", lossMs)], [true, true]);
  assertEquals(of("attach", lossMs, null), true);
});
