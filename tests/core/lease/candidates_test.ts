// A node without heartbeats and its candidate in the store: the lease stepped by hand.
import { assertEquals } from "@std/assert";
import type { Advert } from "../../../src/core/heartbeat.ts";
import type { LeaseSight } from "../../../src/core/lease/call.ts";
import { listingBetween, saidGoodbye, saying } from "../../../src/core/lease/candidates.ts";
import { type Lease, type LeaseSettings, owns, startLease } from "../../../src/core/lease/state.ts";
import {
  actLease,
  learnLease,
  leaseWakeAtMs,
  type NumberedLeaseCall,
} from "../../../src/core/lease/step.ts";
import { HEALTHY_ADVERT } from "../../support/election_fixtures.ts";

const TTL_MS = 9_000, THIRD_MS = TTL_MS / 3;
const SELF = "m", OTHER = "o";
const SETTINGS: LeaseSettings = { ttlMs: TTL_MS, failsafe: true, heartbeats: false };
const NO_WISH = { self: SELF, take: false, giveUp: null, freshSinceMs: -Infinity };

function sightOf(version: number, ...ids: readonly string[]): LeaseSight {
  const candidates = ids.map((instanceId) => ({ instanceId, says: HEALTHY_ADVERT }));
  return { record: null, candidates, version };
}

/** The lease, its time, and the calls under way. */
class Hand {
  lease: Lease;
  atMs = 0;
  under: NumberedLeaseCall[] = [];

  constructor(settings: Partial<LeaseSettings> = {}) {
    this.lease = startLease({ ...SETTINGS, ...settings }, 0);
    this.learn({ kind: "wish", wish: NO_WISH });
  }

  learn(event: Parameters<typeof learnLease>[1]): void {
    [this.lease] = learnLease(this.lease, event, this.atMs);
  }

  /** Says that, or what it said before; returns the verbs of the calls that begin. */
  act(says: Advert = this.lease.says ?? HEALTHY_ADVERT): string[] {
    const [lease, calls] = actLease(saying(this.lease, says), this.atMs);
    this.lease = lease;
    this.under.push(...calls);
    return calls.map(({ call }) => call.verb);
  }

  /** The call of that verb under way. */
  call(verb: string): NumberedLeaseCall {
    const found = this.under.find(({ call }) => call.verb === verb);
    if (!found) throw new Error(`no ${verb} is under way`);
    this.under = this.under.filter((each) => each !== found);
    return found;
  }

  announced(session = "s1"): void {
    const { id } = this.call("announce");
    this.learn({
      kind: "store-answered",
      id,
      answer: { verb: "announce", session },
      roll: 0,
    });
  }

  read(sight: LeaseSight): void {
    const { id } = this.call("read");
    this.learn({ kind: "store-answered", id, answer: { verb: "read", sight }, roll: 0 });
  }

  fail(verb: string): void {
    this.learn({ kind: "store-failed", id: this.call(verb).id, roll: 1 });
  }
}

/** At rest: announced and read at 0. */
function atRest(): Hand {
  const hand = new Hand();
  assertEquals(hand.act(), ["announce", "read"]);
  hand.announced();
  hand.read(sightOf(1, SELF, OTHER));
  hand.atMs = 10;
  assertEquals(hand.act(), []);
  return hand;
}

Deno.test("a node with heartbeats announces nothing in the store, whatever it says", () => {
  const hand = new Hand({ heartbeats: true });
  assertEquals(hand.act({ ...HEALTHY_ADVERT, holds: true }), ["read"]);
  assertEquals([hand.lease.says, saidGoodbye(hand.lease)], [null, true]);
});

Deno.test("nothing is announced before the cloud has said which instance this is", () => {
  const hand = new Hand();
  hand.learn({ kind: "wish", wish: { ...NO_WISH, self: null } });
  assertEquals(hand.act(), ["read"]);
  hand.learn({ kind: "wish", wish: NO_WISH });
  assertEquals(hand.act(), ["announce"]);
  assertEquals(hand.call("announce").call, {
    verb: "announce",
    says: HEALTHY_ADVERT,
    session: null,
  });
});

Deno.test("a candidate is renewed a third of the time to live after it was last sent", () => {
  const hand = atRest();
  hand.atMs = THIRD_MS - 1;
  assertEquals([hand.act(), leaseWakeAtMs(hand.lease)], [[], THIRD_MS]);
  hand.atMs = THIRD_MS;
  assertEquals(hand.act(), ["announce", "read"]);
  assertEquals(hand.call("announce").call, {
    verb: "announce",
    says: HEALTHY_ADVERT,
    session: "s1",
  });
});

Deno.test("what has changed is announced at once, and again if it changes meanwhile", () => {
  const hand = atRest();
  const first = { ...HEALTHY_ADVERT, unhealthy: true }, second = { ...first, priority: 255 };
  assertEquals(hand.act(first), ["announce"]);
  assertEquals(hand.act(second), [], "one at a time");
  hand.announced();
  assertEquals(hand.act(second), ["announce"]);
  assertEquals(hand.call("announce").call, { verb: "announce", says: second, session: "s1" });
});

Deno.test("a new session is read at once: no earlier sight shows the candidate", () => {
  const hand = new Hand();
  hand.act();
  hand.read(sightOf(1, OTHER));
  hand.atMs = 20;
  hand.announced();
  assertEquals(hand.act(), ["read"]);
  hand.read(sightOf(2, OTHER, SELF));
  assertEquals(hand.act(), []);
  // The store has forgotten the session, and the candidate is in another one.
  hand.atMs = 20 + THIRD_MS;
  hand.act();
  hand.read(sightOf(3, OTHER));
  hand.atMs += 30;
  hand.announced("s2");
  assertEquals(hand.act(), ["read"]);
  hand.read(sightOf(4, OTHER, SELF));
  hand.atMs += THIRD_MS;
  hand.act();
  assertEquals(hand.call("announce").call, {
    verb: "announce",
    says: HEALTHY_ADVERT,
    session: "s2",
  });
});

Deno.test("a failed announcement is repeated soon, and never waits for longer than a third", () => {
  for (const ttlMs of [3_000, 300_000]) {
    const hand = new Hand({ ttlMs });
    hand.act();
    hand.read(sightOf(1, OTHER));
    for (let failure = 0; failure < 12; failure++) {
      const failedAtMs = hand.atMs;
      hand.fail("announce");
      const { notBeforeMs } = hand.lease.announce;
      const waitMs = notBeforeMs - failedAtMs;
      const mostMs = Math.min(ttlMs / 3, 2_000);
      assertEquals(waitMs > 0 && waitMs <= mostMs, true, `${ttlMs}: ${waitMs} ms`);
      hand.atMs = notBeforeMs;
      assertEquals(hand.act().includes("announce"), true);
    }
  }
});

Deno.test("an owner goes on reading, and only without heartbeats", () => {
  for (const heartbeats of [true, false]) {
    const hand = new Hand({ heartbeats });
    hand.act();
    hand.read(sightOf(1));
    hand.learn({ kind: "wish", wish: { ...NO_WISH, take: true } });
    assertEquals(hand.act(), ["acquire"]);
    const record = { instanceId: SELF, sinceWallMs: 0, revision: "r" };
    const answer = { verb: "acquire", token: "t", sight: { ...sightOf(2, SELF), record } } as const;
    hand.learn({ kind: "store-answered", id: hand.call("acquire").id, answer, roll: 0 });
    assertEquals(owns(hand.lease, 1), true);
    hand.atMs = THIRD_MS;
    assertEquals(hand.act().includes("read"), !heartbeats);
  }
});

Deno.test("a sight lists the others, and this node once its own process has announced it", () => {
  const hand = new Hand();
  const before = hand.lease;
  hand.act();
  // A candidate of an earlier process of this node is still there.
  hand.read(sightOf(1, SELF, OTHER));
  const listing = () => listingBetween(before, hand.lease, { self: SELF, atMs: hand.atMs });
  const others = sightOf(1, OTHER).candidates;
  assertEquals(listing(), { candidates: others, listed: false, certain: true });
  hand.announced();
  assertEquals(listing(), { candidates: others, listed: true, certain: true });
  assertEquals(listingBetween(hand.lease, hand.lease, { self: SELF, atMs: 0 }), null);
  assertEquals(listingBetween(before, hand.lease, { self: null, atMs: 0 }), null);
});

Deno.test("while the store is away, and for one time to live after it, a missing candidate proves nothing", () => {
  const hand = atRest();
  const before = hand.lease;
  const certain = () =>
    listingBetween(before, hand.lease, { self: SELF, atMs: hand.atMs })?.certain;
  hand.atMs = TTL_MS * 2 / 3;
  hand.learn({ kind: "tick" });
  assertEquals(hand.lease.reachable, false);
  hand.learn({ kind: "store-seen", sight: sightOf(2, SELF) });
  assertEquals(certain(), false, "the watch may tell it before a request is answered");
  hand.act();
  hand.announced();
  hand.learn({ kind: "store-seen", sight: sightOf(3, SELF) });
  assertEquals([hand.lease.reachable, certain()], [true, false]);
  const backAtMs = hand.atMs;
  for (const [sinceMs, wanted] of [[TTL_MS - 1, false], [TTL_MS, true]] as const) {
    hand.atMs = backAtMs + sinceMs;
    hand.lease = { ...hand.lease, answeredAtMs: hand.atMs };
    hand.learn({ kind: "store-seen", sight: sightOf(10 + sinceMs, SELF) });
    assertEquals(certain(), wanted, `${sinceMs} ms`);
  }
});

Deno.test("a node says good-bye before it ends, as long as the store answers", () => {
  assertEquals(saidGoodbye(new Hand().lease), true, "nobody knows it");
  const hand = new Hand();
  hand.act();
  assertEquals(saidGoodbye(hand.lease), false, "it is about to be known");
  hand.announced();
  assertEquals(saidGoodbye(hand.lease), false);
  hand.act({ ...HEALTHY_ADVERT, leaving: true });
  assertEquals(saidGoodbye(hand.lease), false);
  hand.announced();
  assertEquals(saidGoodbye(hand.lease), true);
  const silent = atRest();
  for (let failure = 0; failure < 3; failure++) {
    assertEquals(saidGoodbye(silent.lease), false);
    silent.act({ ...HEALTHY_ADVERT, leaving: true });
    silent.fail("announce");
    silent.atMs = silent.lease.announce.notBeforeMs;
  }
  assertEquals(saidGoodbye(silent.lease), true);
});
