// What the owner of a lease must have seen before it attaches, and before it takes the address from somebody.
import { assertEquals } from "@std/assert";
import {
  CARRY_OUT_MS,
  CHANGE_LIFETIME_MS,
  type LeaseTerms,
} from "../../../src/core/lease/state.ts";
import {
  arrivesUntilMs,
  isFencing,
  LATE_LOOKS_MS,
  looksForLate,
  mayAttach,
  nextTaking,
  othersKnown,
} from "../../../src/core/ownership/breaking.ts";
import { ownershipWakeAtMs } from "../../../src/core/ownership/plan.ts";
import { type Ownership, startOwnership } from "../../../src/core/ownership/state.ts";
import { act, learn } from "../../../src/core/ownership/step.ts";
import { HOLD } from "../../support/held_address.ts";

const OTHER = { instanceId: "other", off: false };
/** Owned since 10 s, renewed at 20 s. */
const TERMS: LeaseTerms = {
  sinceMs: 10_000,
  clean: false,
  renewedAtMs: 20_000,
  endsAtMs: 30_000,
  inTime: true,
};

/** An owner whose look at 15 s showed that nobody holds. */
function owner(terms: Partial<LeaseTerms> = {}, more: Partial<Ownership> = {}): Ownership {
  return {
    ...startOwnership({ reconcileMs: 30_000, deadTimeMs: 3_000 }, 0),
    desired: { ...HOLD, underLease: true, lease: { ...TERMS, ...terms } },
    holding: false,
    seenAtMs: 15_000,
    othersAtMs: 15_000,
    ...more,
  };
}

const ROWS: readonly (readonly [title: string, Ownership, attaches: boolean, takes: boolean])[] = [
  ["nobody holds, and a renewal came after the look", owner(), true, false],
  ["the look began before the lease", owner({}, { othersAtMs: 9_999 }), false, false],
  ["the look began with the lease", owner({}, { othersAtMs: 10_000 }), true, false],
  ["no renewal since the look", owner({}, { seenAtMs: 20_001 }), false, false],
  ["a renewal with the look", owner({}, { seenAtMs: 20_000 }), true, false],
  ["too little of the lease is left", owner({ inTime: false }), false, false],
  ["somebody else holds", owner({}, { others: [OTHER] }), false, true],
  [
    "somebody else held before the lease",
    owner({ clean: true }, { others: [OTHER], othersAtMs: 9_000 }),
    true,
    false,
  ],
  [
    "somebody else holds, no renewal since",
    owner({}, { others: [OTHER], othersAtMs: 20_001 }),
    false,
    false,
  ],
  [
    "released to us, nothing looked at",
    owner({ clean: true }, { othersAtMs: -Infinity }),
    true,
    false,
  ],
  [
    "released to us, attached once, detached by somebody",
    owner({ clean: true }, { attachedAtMs: 11_000, othersAtMs: 9_000 }),
    false,
    false,
  ],
];
for (const [title, state, attaches, takes] of ROWS) {
  Deno.test(`an owner ${attaches ? "may" : "may not"} attach: ${title}`, () => {
    assertEquals([mayAttach(state), nextTaking(state) !== null], [attaches, takes]);
  });
}

Deno.test("an owner to which the lease was released breaks before it makes, once it has been seen to hold", () => {
  const look = (holds: boolean) => ({ verb: "look", holds, others: holds ? [] : [OTHER] }) as const;
  // Its attach was carried out, but the answer got lost.
  let state = owner({ clean: true }, { prepared: true, holding: null });
  for (const [atMs, holds] of [[17_000, true], [18_000, false]] as const) {
    const [asking, calls] = act({ ...state, looksAtMs: [atMs] }, atMs);
    assertEquals(calls.map(({ call }) => call.verb), ["look"]);
    const answer = { kind: "answered", answer: look(holds), roll: 0 } as const;
    [state] = learn(asking, { ...answer, id: asking.lastCallId }, atMs);
  }
  assertEquals(act(state, 20_000)[1].map(({ call }) => call.verb), ["evict"]);
});

Deno.test("without a lease none of these rules apply", () => {
  const free = { ...owner(), desired: HOLD, others: [OTHER], othersAtMs: -Infinity };
  assertEquals([othersKnown(free), mayAttach(free), nextTaking(free), isFencing(free)], [
    true,
    true,
    null,
    false,
  ]);
});

Deno.test("an owner takes the address from every holder that it saw, whether the machine is off or not", () => {
  assertEquals(nextTaking(owner({}, { others: [OTHER] })), {
    call: { verb: "evict", instanceId: "other", onlyIfStopped: false },
    atMs: -Infinity,
  });
  assertEquals(isFencing(owner({}, { others: [OTHER] })), true);
  assertEquals(isFencing(owner()), false);
});

/** Sees that these hold, by a look that began then and was answered at once. */
function looked(state: Ownership, ids: readonly string[], atMs: number): Ownership {
  const others = ids.map((instanceId) => ({ instanceId, off: false }));
  const call = { verb: "look", others: true } as const;
  const inFlight = { id: 99, call, startedAtMs: atMs, stale: false };
  const asking = { ...state, read: { ...state.read, inFlight } };
  const answer = { verb: "look", holds: state.holding === true, others } as const;
  return learn(asking, { kind: "answered", id: 99, answer, roll: 0 }, atMs)[0];
}

/** Asks about the next holder, and gets that answer; whom it asked, and what it said. */
function evicts(state: Ownership, outcome: "taken" | "absent" | "gone", atMs: number) {
  const taking = nextTaking(renewed(state, atMs));
  if (taking?.call.verb !== "evict") return { state, asked: null, said: [] };
  const inFlight = { id: 98, call: taking.call, startedAtMs: atMs, stale: false };
  const asking = { ...state, evict: { ...state.evict, inFlight } };
  const answer = { verb: "evict", outcome } as const;
  const [next, reports] = learn(asking, { kind: "answered", id: 98, answer, roll: 0 }, atMs);
  return { state: next, asked: taking.call.instanceId, said: reports.map(({ event }) => event) };
}

/** A lease that was renewed at that instant. */
function renewed(state: Ownership, atMs: number): Ownership {
  const { desired } = state;
  const lease = { ...desired!.lease!, renewedAtMs: atMs, endsAtMs: atMs + 10_000 };
  return { ...state, desired: { ...desired!, lease } };
}

const attachesAt = (state: Ownership, atMs: number) => mayAttach(renewed(state, atMs));

for (const outcome of ["absent", "gone"] as const) {
  Deno.test(`a holder that only the list shows stops nobody for long: ${outcome}`, () => {
    const seen = looked(owner(), ["ghost"], 20_000);
    assertEquals(attachesAt(seen, 20_000), false);
    const first = evicts(seen, outcome, 20_100);
    assertEquals([first.asked, first.said, attachesAt(first.state, 20_100)], ["ghost", [], false]);
    // The list may be newer than the answer about the instance: for as long as the cloud lags, it decides.
    const early = evicts(looked(first.state, ["ghost"], 25_000), outcome, 25_099);
    assertEquals([early.said, attachesAt(early.state, 25_099)], [[], false]);
    const again = looked(early.state, ["ghost"], 25_100);
    assertEquals(attachesAt(again, 25_100), false, "it must be asked about once more");
    const sure = evicts(again, outcome, 25_150);
    assertEquals([sure.said, attachesAt(sure.state, 25_150)], [["holder-denied"], true]);
    const later = evicts(looked(sure.state, ["ghost"], 30_000), outcome, 30_100);
    assertEquals([later.said, attachesAt(later.state, 30_100)], [[], true], "it is told once");
  });
}

Deno.test("a denial counts only as long as the list shows that holder, and under one lease", () => {
  const denied = evicts(looked(owner(), ["ghost"], 20_000), "absent", 20_000).state;
  const gone = looked(denied, [], 22_000);
  const back = evicts(looked(gone, ["ghost"], 26_000), "absent", 26_000);
  assertEquals([back.said, attachesAt(back.state, 26_000)], [[], false], "it begins anew");
  const lease = { ...TERMS, sinceMs: 21_000 };
  const other = { ...denied, desired: { ...denied.desired!, lease } };
  const next = evicts(looked(other, ["ghost"], 26_000), "absent", 26_000);
  assertEquals([next.said, attachesAt(next.state, 26_000)], [[], false], "another lease");
});

Deno.test("a holder that the cloud denies does not keep the owner from taking the address from others", () => {
  const denied = evicts(looked(owner(), ["ghost", "real"], 20_000), "absent", 20_000).state;
  const second = evicts(looked(denied, ["ghost", "real"], 21_000), "taken", 21_000);
  assertEquals([second.asked, second.said], ["real", ["evicted"]]);
  assertEquals(attachesAt(second.state, 21_000), false, "what was taken must be seen to be gone");
});

Deno.test("a holder that gets the lease looks until every request of others has expired", () => {
  const holder = owner({}, { holding: true });
  const looks = LATE_LOOKS_MS.map((inMs) => TERMS.sinceMs + inMs);
  assertEquals(looksForLate(holder, null, 10_000), looks);
  assertEquals(looksForLate(holder, { ...TERMS, sinceMs: 9_000 }, 10_000), looks);
  assertEquals(looksForLate(holder, null, 20_000), looks.slice(3), "none for the past");
  assertEquals(looksForLate(holder, TERMS, 10_000), [], "it had the lease before");
  assertEquals(looksForLate(owner(), null, 10_000), [], "an attach plans its own");
  assertEquals(looksForLate({ ...holder, desired: HOLD }, null, 10_000), [], "no lease");
});

Deno.test("a second holder shows within 5 s, for as long as a request may come late, and soon after that", () => {
  const looks = LATE_LOOKS_MS.map((inMs, index) => ({
    inMs,
    gapMs: inMs - (LATE_LOOKS_MS[index - 1] ?? 0),
  }));
  // An attach of API v2 expires 18 s after it left.
  const last = looks.findIndex(({ inMs }) => inMs > 18_000);
  assertEquals(looks.slice(0, last + 1).filter(({ gapMs }) => gapMs > 5_000), []);
  // An operation that the cloud has accepted may take 60 s.
  assertEquals(looks.filter(({ gapMs }) => gapMs > 17_000), []);
  assertEquals(looks.filter(({ inMs }) => inMs > 60_000).length, 1);
});

/** The owner once its attach has left at 20 s, under a lease until 30 s. */
function attaching(): Ownership {
  const [state] = act({ ...owner(), prepared: true, lookedAtMs: 20_000 }, 20_000);
  assertEquals(state.write.inFlight?.call, { verb: "attach" });
  return state;
}

/** A slot that makes no call for now. */
const BUSY = { ...owner().read, notBeforeMs: 1e9 };
const FAILED = { kind: "failed", retryable: true, retryAfterMs: null, roll: 0 } as const;
const ATTACHED = { kind: "answered", answer: { verb: "attach" }, roll: 0 } as const;

Deno.test("a change that is under way may be carried out until it expires with the lease, and 5 s more", () => {
  const sent = attaching();
  assertEquals(arrivesUntilMs(sent), 30_000 + CARRY_OUT_MS);
  const renewed = { ...HOLD, underLease: true, lease: { ...TERMS, endsAtMs: 33_000 } };
  const [later] = learn(sent, { kind: "desired", desired: renewed }, 23_000);
  assertEquals(arrivesUntilMs(later), 33_000 + CARRY_OUT_MS);
  const lost = { ...HOLD, intent: "release", underLease: true, lease: null } as const;
  const [without] = learn(later, { kind: "desired", desired: lost }, 25_000);
  const untilMs = 33_000 + CARRY_OUT_MS;
  assertEquals(arrivesUntilMs(without), untilMs, "nothing more leaves, but what left is good");
});

Deno.test("a change that the cloud has accepted may be carried out for as long as its call goes on", () => {
  const sent = attaching(), id = sent.lastCallId;
  const [accepted] = learn(sent, { kind: "accepted", id }, 21_000);
  assertEquals(arrivesUntilMs(accepted), Infinity);
  const lost = { ...HOLD, intent: "keep", underLease: true, lease: null } as const;
  const [without] = learn(accepted, { kind: "desired", desired: lost }, 25_000);
  const [later] = learn(without, { kind: "tick" }, 60_000);
  assertEquals(arrivesUntilMs(later), Infinity, "it does not expire");
  const [done] = learn(later, { ...ATTACHED, id, open: false }, 63_000);
  assertEquals([arrivesUntilMs(done), done.holding], [-Infinity, true]);
  const [ended] = learn(accepted, { ...FAILED, id, open: true }, 26_000);
  const untilMs = 26_000 + CHANGE_LIFETIME_MS + CARRY_OUT_MS;
  assertEquals(arrivesUntilMs(ended), untilMs, "nobody follows it any more");
  const [other] = learn(sent, { kind: "accepted", id: id + 1 }, 21_000);
  assertEquals(other, sent, "another call");
  const free = act({ ...owner(), prepared: true, desired: HOLD }, 20_000)[0];
  const call = { kind: "accepted", id: free.write.inFlight!.id } as const;
  assertEquals(learn(free, call, 21_000)[0], free, "without a lease");
});

Deno.test("a change that failed may arrive until it expires, whatever comes after it", () => {
  const sent = attaching(), id = sent.lastCallId;
  const [failed] = learn(sent, { ...FAILED, id }, 21_000);
  const untilMs = 30_000 + CARRY_OUT_MS;
  assertEquals(arrivesUntilMs(failed), untilMs);
  const idle = { ...failed, read: BUSY, write: BUSY, evict: BUSY };
  assertEquals(ownershipWakeAtMs(idle), untilMs, "then the lease can be given up");
  const [over] = learn({ ...failed, looksAtMs: [60_000] }, { kind: "tick" }, untilMs);
  assertEquals(arrivesUntilMs(over), -Infinity);
  assertEquals(
    [over.changedAtMs, over.looksAtMs[0]],
    [untilMs, untilMs],
    "a look must show the end",
  );
});

Deno.test("a change that was answered, or refused, cannot arrive again unless a request got no answer", () => {
  const sent = attaching(), id = sent.lastCallId;
  for (const end of [{ ...ATTACHED, id }, { ...FAILED, id }]) {
    const [sure] = learn(sent, { ...end, open: false }, 24_000);
    assertEquals(arrivesUntilMs(sure), -Infinity);
    const [doubtful] = learn(sent, { ...end, open: true }, 24_000);
    assertEquals(arrivesUntilMs(doubtful), 30_000 + CARRY_OUT_MS);
  }
});

Deno.test("an attach that was sent twice may arrive after the Elastic IP was released, too", () => {
  const sent = attaching(), id = sent.lastCallId;
  const [released] = learn(sent, { ...FAILED, id, open: true, released: "gone" }, 24_000);
  assertEquals([released.released, arrivesUntilMs(released)], ["gone", 30_000 + CARRY_OUT_MS]);
});

Deno.test("what was sent under a long lease expires long before that lease", () => {
  const long = { ...HOLD, underLease: true, lease: { ...TERMS, endsAtMs: 320_000 } };
  const [sent] = learn(attaching(), { kind: "desired", desired: long }, 20_000);
  assertEquals(arrivesUntilMs(sent), 320_000 + CARRY_OUT_MS, "it may be sent again at any moment");
  const [failed] = learn(sent, { ...FAILED, id: sent.lastCallId }, 25_000);
  assertEquals(arrivesUntilMs(failed), 25_000 + CHANGE_LIFETIME_MS + CARRY_OUT_MS);
  const unwanted = { ...HOLD, intent: "release", underLease: true, lease: null } as const;
  const [without] = learn(sent, { kind: "desired", desired: unwanted }, 26_000);
  const [later] = learn(without, { kind: "tick" }, 30_000);
  const untilMs = 26_000 + CHANGE_LIFETIME_MS + CARRY_OUT_MS;
  assertEquals(arrivesUntilMs(later), untilMs, "none leaves any more");
});

Deno.test("without a lease no change is noted as still on its way", () => {
  const [sent] = act({ ...attaching(), write: owner().write, desired: HOLD }, 20_000);
  const [failed] = learn(sent, { ...FAILED, id: sent.lastCallId }, 21_000);
  assertEquals([sent, failed].map(arrivesUntilMs), [-Infinity, -Infinity]);
});
