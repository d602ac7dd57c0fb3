// How ownership reacts to the desired state and to time, and what it begins: one event each on a known state.
import { assertEquals } from "@std/assert";
import type { DesiredState } from "../../../src/core/election/desired_state.ts";
import type { Call } from "../../../src/core/ownership/call.ts";
import { FRESH_SLOT, type Ownership } from "../../../src/core/ownership/state.ts";
import { act, learn } from "../../../src/core/ownership/step.ts";
import {
  type Different,
  due,
  flight,
  HOLD,
  LOOKED_MS,
  NEXT_LOOK_MS,
  over,
  ownership,
  records,
} from "../../support/held_address.ts";

/** Until failures of changes are forgotten. */
const PENALTY_MS = 30_000;

/** Instant of all events here, 20 s after the last reading. */
const NOW_MS = 120_000;

const LOOK: Call = { verb: "look", others: true };

Deno.test("a node that woke looks at once, and once for each time", () => {
  const wake = (state: Ownership, intent: DesiredState["intent"], wokeAtMs: number | null) =>
    learn(state, { kind: "desired", desired: { ...HOLD, intent, wokeAtMs } }, NOW_MS)[0];
  const first = wake(ownership(), "keep", NOW_MS);
  assertEquals(first.looksAtMs, [NOW_MS, NEXT_LOOK_MS]);
  const later = { ...first, looksAtMs: [NEXT_LOOK_MS] };
  assertEquals(wake(later, "keep", NOW_MS).looksAtMs, [NEXT_LOOK_MS]);
  assertEquals(wake(later, "yield", null).looksAtMs, [NEXT_LOOK_MS]);
  assertEquals(wake(later, "yield", NOW_MS + 1).looksAtMs, [NOW_MS, NEXT_LOOK_MS]);
});

/** The state after a change of the desired state, 20 s after the last reading. */
function told(desired: Partial<DesiredState>, different: Different = {}): Ownership {
  return learn(
    ownership(different),
    { kind: "desired", desired: { ...HOLD, ...desired } },
    NOW_MS,
  )[0];
}

const NEAR = [NOW_MS + 2_000, NOW_MS + 6_000, NEXT_LOOK_MS, NOW_MS + 14_000];

Deno.test("a node that is to hold from now on looks who does, and trusts no proof of before", () => {
  const evictions = records(["a", due(0, 0)]);
  const dead = [{ instanceId: "a", waitMs: 0, held: false }];
  const began = told({ dead }, { desired: { intent: "yield" }, evictions });
  assertEquals(began.evictions, records(["a", { ...due(0, 0), heldSinceMs: NOW_MS }]));
  assertEquals(began.looksAtMs, [NOW_MS, NEXT_LOOK_MS]);
  assertEquals(told({}, { desired: null }).looksAtMs, [NOW_MS, NEXT_LOOK_MS]);
  const wishes = [{ claimant: "a" }, { holdsOnlyIfUnheld: true }, { challenged: true }];
  for (const wish of wishes) assertEquals(told(wish, { desired: null }).looksAtMs[0], NOW_MS);
  const without = told({}, { desired: null, holding: false });
  assertEquals(without.looksAtMs, [NEXT_LOOK_MS], "it will attach");
  const still = told({ dead }, { evictions });
  assertEquals([still.evictions, still.looksAtMs], [evictions, [NEXT_LOOK_MS]]);
});

Deno.test("deaths, revivals and challengers are looked after soon, by a master alone", () => {
  const dead = [{ instanceId: "a", waitMs: 0, held: false }];
  const evictions = records(["a", over(0)]);
  assertEquals(told({ dead }).looksAtMs, [NOW_MS, ...NEAR]);
  assertEquals(told({ dead }, { holding: false }).looksAtMs, NEAR);
  assertEquals(told({ alive: ["a"] }, { evictions }).looksAtMs, NEAR);
  assertEquals(told({ alive: ["b"] }, { evictions: new Map() }).looksAtMs, [NEXT_LOOK_MS]);
  const notHearingUs = { desired: { notHearingUs: ["a", "b"] } };
  assertEquals(told({ notHearingUs: ["b"] }, notHearingUs).looksAtMs, NEAR);
  assertEquals(told({ notHearingUs: ["a", "b", "c"] }, notHearingUs).looksAtMs, [NEXT_LOOK_MS]);
  assertEquals(told({ challenged: true }).looksAtMs, [NOW_MS, ...NEAR]);
  assertEquals(told({ challenged: true }, { seenAtMs: NOW_MS - 2_000 }).looksAtMs, [
    NOW_MS,
    ...NEAR,
  ]);
  assertEquals(told({ challenged: true }, { seenAtMs: NOW_MS - 1_999 }).looksAtMs, NEAR);
  assertEquals(told({ challenged: true }, { desired: { challenged: true } }).looksAtMs, [
    NEXT_LOOK_MS,
  ]);
  const backup = { desired: { intent: "yield" } } as const;
  assertEquals(told({ intent: "yield", dead }, backup).looksAtMs, [NEXT_LOOK_MS]);
  assertEquals([...told({ intent: "yield", dead }, backup).evictions.keys()], ["a"]);
});

Deno.test("a confirmed successor stays so while it is waited for, and a new claim is looked into at once", () => {
  const confirmed = { desired: { intent: "yield", successors: ["a"] }, confirmed: "a" } as const;
  assertEquals(told({ intent: "yield", successors: ["a", "b"] }, confirmed).confirmed, "a");
  assertEquals(told({ intent: "yield", successors: ["b"] }, confirmed).confirmed, null);
  assertEquals(told({ successors: ["a"] }, confirmed).confirmed, null);
  const inspected = { inspectedCount: 7, inspectAtMs: 1 };
  const of = (desired: Partial<DesiredState>, before: Partial<DesiredState>) => {
    const after = told(desired, { ...inspected, desired: { intent: "yield", ...before } });
    return [after.inspectedCount, after.inspectAtMs];
  };
  const claim = { intent: "yield", claimant: "a" } as const;
  assertEquals(of(claim, {}), [0, NOW_MS]);
  assertEquals(of(claim, { claimant: "b" }), [0, NOW_MS]);
  assertEquals(of(claim, { claimant: "a" }), [7, 1]);
  assertEquals(of({ intent: "yield" }, { claimant: "a" }), [7, 1]);
  assertEquals(of({ intent: "release" }, {}), [0, NOW_MS]);
});

Deno.test("a node that may hold only if nobody else does looks at once, and knows since when it is", () => {
  const first = told({ holdsOnlyIfUnheld: true }, { confirmed: "a" });
  assertEquals([first.looksAtMs[0], first.holdsOnlyIfUnheldAtMs, first.confirmed], [
    NOW_MS,
    NOW_MS,
    null,
  ]);
  const still = told({ holdsOnlyIfUnheld: true }, {
    desired: { holdsOnlyIfUnheld: true },
    holdsOnlyIfUnheldAtMs: 7,
    confirmed: "a",
  });
  assertEquals([still.looksAtMs, still.holdsOnlyIfUnheldAtMs, still.confirmed], [
    [NEXT_LOOK_MS],
    7,
    "a",
  ]);
  const over = told({}, {
    desired: { holdsOnlyIfUnheld: true },
    holdsOnlyIfUnheldAtMs: 7,
    confirmed: "a",
  });
  assertEquals([over.holdsOnlyIfUnheldAtMs, over.confirmed], [Infinity, null]);
});

Deno.test("a node is unable while the cloud fails it, and an operator hears of both ends once", () => {
  const failing = { ...FRESH_SLOT, failures: 1, failingSinceMs: 117_000, failedAtMs: 119_000 };
  const tick = (different: Different, atMs: number) => {
    const [{ cloudReachable }, reports] = learn(ownership(different), { kind: "tick" }, atMs);
    return [cloudReachable, ...reports.map(({ severity, event }) => `${severity} ${event}`)];
  };
  assertEquals(tick({ read: failing }, NOW_MS - 1), [true]);
  assertEquals(tick({ read: failing }, NOW_MS), [false, "warning cloud-lost"]);
  assertEquals(tick({ read: failing, cloudReachable: false }, NOW_MS), [false]);
  assertEquals(tick({ cloudReachable: false }, NOW_MS), [true, "info cloud-back"]);
  // The failures of a call slot that has been idle for long enough are forgotten.
  const forgivenAtMs = failing.failedAtMs + PENALTY_MS;
  const refused = { write: failing, cloudReachable: false };
  assertEquals(tick(refused, forgivenAtMs - 1), [false]);
  assertEquals(tick(refused, forgivenAtMs), [true, "info cloud-back"]);
});

Deno.test("any answer shows that the cloud is there, for readings and changes", () => {
  const [after] = learn(ownership(), { kind: "progress", tookMs: 250 }, NOW_MS);
  assertEquals([after.answerMs, after.read.progressAtMs, after.write.progressAtMs], [
    ...[250, NOW_MS, NOW_MS],
  ]);
  assertEquals(after.evict.progressAtMs, -Infinity);
});

Deno.test("act() begins what is due, each with a number of its own", () => {
  const looked = { ...FRESH_SLOT, inFlight: flight(LOOK, 119_000) };
  const state = ownership({ holding: false, lastCallId: 7, looksAtMs: [1, NOW_MS, NOW_MS + 1] });
  const [both, calls] = act(state, NOW_MS);
  assertEquals(calls, [{ id: 8, call: LOOK }, { id: 9, call: { verb: "attach" } }]);
  assertEquals([both.lastCallId, both.lookedAtMs, both.looksAtMs], [9, NOW_MS, [NOW_MS + 1]]);
  assertEquals(
    both.read.inFlight,
    { ...flight(LOOK, NOW_MS, true), id: 8 },
    "a change overlaps it",
  );
  assertEquals(act(both, NOW_MS), [both, []]);
  const [attaching] = act(ownership({ holding: false, read: looked }), NOW_MS);
  assertEquals(attaching.read.inFlight?.stale, true);
  const giving = { intent: "yield", successors: ["a"], claimant: "a" } as const;
  const [inspecting, asked] = act(ownership({ desired: giving, inspectedCount: 3 }), NOW_MS);
  assertEquals(asked.map(({ call }) => call), [{ verb: "inspect", instanceId: "a" }]);
  assertEquals([inspecting.inspectedCount, inspecting.lookedAtMs], [4, LOOKED_MS]);
  const [preparing] = act(ownership({ prepared: false }), NOW_MS);
  assertEquals([preparing.read.inFlight?.call.verb, preparing.inspectedCount], ["prepare", 0]);
  const [resting, none] = act(ownership(), NOW_MS);
  assertEquals([none, resting.lastCallId], [[], 0]);
});
