// What the owner of a lease must have seen before it attaches, and before it takes the address from somebody.
import { assertEquals } from "@std/assert";
import type { Ownership } from "../../../src/core/ownership/state.ts";
import {
  isFencing,
  LATE_LOOKS_MS,
  looksForLate,
  mayAttach,
  nextTaking,
  othersKnown,
} from "../../../src/core/ownership/breaking.ts";
import { act, learn } from "../../../src/core/ownership/step.ts";
import { HOLD, owner, TERMS } from "../../support/held_address.ts";

const OTHER = { instanceId: "other", off: false };
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
  assertEquals([back.said, attachesAt(back.state, 26_000)], [[], false], "it begins again");
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
