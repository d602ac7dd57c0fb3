// The lease by itself: what is asked when, what an answer means, and when the lease counts as lost.
import { assert, assertEquals } from "@std/assert";
import {
  CARRY_OUT_MS,
  CHANGE_LIFETIME_MS,
  inheritedUntilMs,
  type Lease,
  type LeaseWish,
  owns,
  spanOf,
  startLease,
} from "../../../src/core/lease/state.ts";
import { actLease, learnLease, leaseWakeAtMs } from "../../../src/core/lease/step.ts";
import type { LeaseAnswer, LeaseCall, LeaseRecord } from "../../../src/core/lease/call.ts";

const TTL_MS = 9_000;
const WANTED: LeaseWish = { self: "me", take: true, giveUp: null, freshSinceMs: -Infinity };

/** A lease that a test steps by hand. */
class Played {
  lease: Lease = startLease({ ttlMs: TTL_MS, failsafe: true, heartbeats: true }, 0);
  readonly said: string[] = [];
  #version = 1;

  constructor(wish: Partial<LeaseWish> = {}) {
    this.wish(wish, 0);
  }

  learn(event: Parameters<typeof learnLease>[1], atMs: number): void {
    const [lease, reports] = learnLease(this.lease, event, atMs);
    this.lease = lease;
    this.said.push(...reports.map(({ event }) => event));
  }

  wish(wish: Partial<LeaseWish>, atMs: number): void {
    this.learn({ kind: "wish", wish: { ...WANTED, ...wish } }, atMs);
  }

  /** The calls that begin then. */
  begin(atMs: number): { id: number; call: LeaseCall; limitMs: number }[] {
    const [lease, calls] = actLease(this.lease, atMs);
    this.lease = lease;
    return calls;
  }

  answer(id: number, answer: LeaseAnswer, atMs: number): void {
    this.learn({ kind: "store-answered", id, answer, roll: 0 }, atMs);
  }

  /** Reads that record, and answers whatever is asked then. */
  read(record: LeaseRecord | null, atMs: number): void {
    const [first] = this.begin(atMs);
    assertEquals(first?.call, { verb: "read" });
    this.answer(first!.id, { verb: "read", sight: this.sight(record) }, atMs);
  }

  sight(record: LeaseRecord | null, version: number = ++this.#version) {
    return { record, candidates: [], version };
  }

  /** Owns the lease, taken by a request that was sent then and answered later. */
  static owner(atMs = 0, answeredAtMs = atMs): Played {
    const played = new Played();
    played.read(null, atMs);
    const [acquire] = played.begin(atMs);
    const sight = played.sight(recordOf("me"));
    played.answer(acquire!.id, { verb: "acquire", token: "t", sight }, answeredAtMs);
    return played;
  }
}

function recordOf(instanceId: string, more: Partial<LeaseRecord> = {}): LeaseRecord {
  return { instanceId, sinceWallMs: 0, revision: `of ${instanceId}`, ...more };
}

Deno.test("a free lease is taken under the revision that was read", () => {
  const rows: readonly (readonly [LeaseRecord | null, LeaseCall | null])[] = [
    [null, { verb: "acquire", revision: null, clean: false }],
    [recordOf("me"), { verb: "acquire", revision: "of me", clean: false }],
    [recordOf("other"), null],
    [
      recordOf("other", { releasedTo: "me" }),
      { verb: "acquire", revision: "of other", clean: true },
    ],
    [recordOf("other", { releasedTo: "third" }), null],
    [recordOf("me", { releasedTo: "third" }), null],
  ];
  for (const [record, expected] of rows) {
    const played = new Played();
    played.read(record, 0);
    assertEquals(played.begin(0).map(({ call }) => call), expected ? [expected] : []);
  }
});

Deno.test("the lease counts from when the request was sent, and is renewed and lost by thirds", () => {
  const played = Played.owner(0, 1_500);
  assertEquals([owns(played.lease, 5_999), owns(played.lease, 6_000)], [true, false]);
  assertEquals(played.begin(2_999), []);
  assertEquals(leaseWakeAtMs(played.lease), 3_000);
  const [renew] = played.begin(3_000);
  assertEquals(renew?.call, { verb: "renew", token: "t" });
  played.answer(renew!.id, { verb: "renew", ours: true }, 4_000);
  assertEquals([owns(played.lease, 8_999), owns(played.lease, 9_000)], [true, false]);
  played.learn({ kind: "tick" }, 9_000);
  assertEquals([played.lease.tenure, played.lease.lost], [null, true]);
  assert(played.said.includes("lease-lost"));
});

Deno.test("a look from before the answer that gave the lease shows nothing: another node may have had it", () => {
  const { tenure } = Played.owner(0, 1_500).lease;
  assertEquals([tenure?.sinceMs, tenure?.renewedAtMs], [1_500, 0]);
});

Deno.test("attempts get a ninth of the time, then twice as long each, up to a third", () => {
  const played = Played.owner();
  const limits: number[] = [];
  for (let atMs = 3_000; limits.length < 4; atMs += 100) {
    const [renew] = played.begin(atMs);
    if (!renew) continue;
    limits.push(renew.limitMs);
    played.learn({ kind: "store-failed", id: renew.id, roll: 0 }, atMs);
  }
  assertEquals(limits, [1_000, 2_000, 3_000, 3_000]);
});

Deno.test("an owner tries again within a second, as does one that lost its lease, and others within five", () => {
  const longestWaitMs = (played: Played, fromMs: number) => {
    played.lease = { ...played.lease, settings: { ...played.lease.settings, ttlMs: 300_000 } };
    let longestMs = 0;
    for (let attempt = 0, atMs = fromMs; attempt < 15; attempt++) {
      const [call] = played.begin(atMs);
      assert(call, `attempt ${attempt} at ${atMs} ms`);
      played.learn({ kind: "store-failed", id: call.id, roll: 1 }, atMs);
      const nextMs = Math.max(atMs, leaseWakeAtMs(played.lease));
      longestMs = Math.max(longestMs, nextMs - atMs);
      atMs = nextMs;
    }
    return longestMs;
  };
  const loser = Played.owner();
  loser.learn({ kind: "tick" }, TTL_MS);
  const waits = [longestWaitMs(Played.owner(), 100_000), longestWaitMs(loser, TTL_MS)];
  assertEquals([...waits, longestWaitMs(new Played(), 0)], [1_000, 1_000, 5_000]);
});

Deno.test("after an attempt to take the lease whose answer got lost, the node reads the store again", () => {
  const played = new Played();
  played.read(null, 0);
  const [acquire] = played.begin(0);
  played.learn({ kind: "store-failed", id: acquire!.id, roll: 0 }, 1_000);
  const verbs = played.begin(2_000).map(({ call }) => call.verb);
  assertEquals(verbs, ["read"], "and nothing is taken before it has answered");
});

Deno.test("an answer that comes after the loss does not bring the lease back", () => {
  const played = Played.owner();
  const [renew] = played.begin(3_000);
  played.learn({ kind: "tick" }, 6_000);
  played.answer(renew!.id, { verb: "renew", ours: true }, 6_001);
  assertEquals(played.lease.tenure, null);
});

Deno.test("the lease ends at once if the store denies it, or shows another node's record", () => {
  const refused = Played.owner();
  const [renew] = refused.begin(3_000);
  refused.answer(renew!.id, { verb: "renew", ours: false }, 3_001);
  assertEquals([refused.lease.tenure, refused.lease.lost], [null, true]);
  const taken = Played.owner();
  taken.learn({ kind: "store-seen", sight: taken.sight(recordOf("other")) }, 1_000);
  assertEquals([taken.lease.tenure, taken.lease.lost], [null, false]);
});

Deno.test("a change in the cloud waits for a renewal that is sent after the look that it acts on", () => {
  const played = Played.owner();
  played.wish({ freshSinceMs: 500 }, 600);
  const [renew] = played.begin(600);
  assertEquals(renew?.call, { verb: "renew", token: "t" });
  played.answer(renew!.id, { verb: "renew", ours: true }, 650);
  assertEquals(played.lease.tenure?.renewedAtMs, 600);
  assertEquals(played.begin(650), []);
});

Deno.test("from the first attempt to give it up the lease is not ours, even if the attempt fails", () => {
  const played = Played.owner();
  played.wish({ take: false, giveUp: { to: "heir" } }, 1_000);
  const [release] = played.begin(1_000);
  assertEquals(release?.call, { verb: "release", token: "t", to: "heir" });
  assertEquals(owns(played.lease, 1_000), false);
  played.learn({ kind: "store-failed", id: release!.id, roll: 0 }, 1_500);
  played.wish({}, 1_500);
  const again = played.begin(1_700).find(({ call }) => call.verb === "release");
  assertEquals(again?.call, { verb: "release", token: "t", to: "heir" });
  played.answer(again!.id, { verb: "release" }, 1_800);
  assertEquals([played.lease.release, played.lease.sight], [null, null]);
});

Deno.test("a release that never succeeds ends when the lease expires", () => {
  const played = Played.owner();
  played.wish({ take: false, giveUp: { to: null } }, 1_000);
  const [release] = played.begin(1_000);
  played.learn({ kind: "store-failed", id: release!.id, roll: 0 }, 1_500);
  played.learn({ kind: "tick" }, TTL_MS - 1);
  assert(played.lease.release);
  played.learn({ kind: "tick" }, TTL_MS);
  assertEquals(played.lease.release, null);
});

Deno.test("an older sight is ignored, unless it was asked for later: a store may have been set back", () => {
  const played = new Played({ take: false });
  const [first] = played.begin(0);
  played.learn({ kind: "store-seen", sight: played.sight(recordOf("other"), 50) }, 10);
  played.answer(first!.id, { verb: "read", sight: played.sight(null, 40) }, 20);
  assertEquals(played.lease.sight?.record?.instanceId, "other");
  played.learn({ kind: "store-seen", sight: played.sight(null, 49) }, 30);
  assertEquals(played.lease.sight?.record?.instanceId, "other");
  const [later] = played.begin(10 + TTL_MS / 3);
  played.answer(later!.id, { verb: "read", sight: played.sight(null, 1) }, 4_000);
  assertEquals(played.lease.sight?.record, null);
});

Deno.test("a store counts as lost after two thirds without an answer, and as back with the next one", () => {
  const played = new Played({ take: false });
  const [read] = played.begin(0);
  played.learn({ kind: "store-failed", id: read!.id, roll: 0 }, 1_000);
  played.learn({ kind: "tick" }, 5_999);
  assertEquals(played.lease.reachable, true);
  played.learn({ kind: "tick" }, 6_000);
  assertEquals([played.lease.reachable, played.said.at(-1)], [false, "store-lost"]);
  const [again] = played.begin(6_000);
  played.answer(again!.id, { verb: "read", sight: played.sight(null) }, 6_010);
  assertEquals([played.lease.reachable, played.said.at(-1)], [true, "store-back"]);
});

Deno.test("changes from the watch do not replace readings, so a store that answers does not count as lost", () => {
  const played = new Played({ take: false });
  played.read(recordOf("other"), 0);
  let reads = 0;
  for (let atMs = 0; atMs <= 30_000; atMs += 500) {
    if (atMs % 2_500 === 0) {
      const sight = played.sight(recordOf("other"));
      played.learn({ kind: "store-seen", sight }, atMs);
    }
    played.learn({ kind: "tick" }, atMs);
    for (const { id } of played.begin(atMs)) {
      reads += 1;
      played.answer(id, { verb: "read", sight: played.sight(recordOf("other")) }, atMs + 10);
    }
  }
  assertEquals([reads, played.said], [10, []]);
});

Deno.test("what an earlier process sent keeps the lease for the time of one change, and no longer", () => {
  const played = new Played();
  played.lease = { ...played.lease, settings: { ...played.lease.settings, ttlMs: 90_000 } };
  played.read(recordOf("me"), 0);
  const [acquire] = played.begin(0);
  const sight = played.sight(recordOf("me"));
  played.answer(acquire!.id, { verb: "acquire", token: "t", sight }, 10);
  const untilMs = 10 + CHANGE_LIFETIME_MS + CARRY_OUT_MS;
  assertEquals([inheritedUntilMs(played.lease), leaseWakeAtMs(played.lease)], [untilMs, untilMs]);
  played.learn({ kind: "tick" }, untilMs);
  assertEquals([inheritedUntilMs(played.lease), leaseWakeAtMs(played.lease)], [-Infinity, 30_000]);
});

Deno.test("what is sent under a lease expires with it, and 18 s later at the latest", () => {
  assertEquals(spanOf(null, 1_400), null, "none is obeyed");
  const { lease } = Played.owner(1_000, 1_400);
  assertEquals(spanOf(lease, 1_400), { renewedAtMs: 1_000, endsAtMs: 1_000 + TTL_MS });
  const long = { ...lease, settings: { ...lease.settings, ttlMs: 300_000 } };
  assertEquals(spanOf(long, 1_400), { renewedAtMs: 1_000, endsAtMs: 1_400 + CHANGE_LIFETIME_MS });
  assertEquals(spanOf(long, 300_000)?.endsAtMs, 301_000);
  const { endsAtMs } = spanOf(new Played().lease, 1_400) ?? {};
  assertEquals(endsAtMs, -Infinity, "one that is not ours is over");
});
