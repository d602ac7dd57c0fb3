// One call slot: when a call is repeated, when failures make the node unable, when they are forgotten. To the
// millisecond. Also the looks that are planned, and whether a call under way is still wanted.
import { assert, assertEquals } from "@std/assert";
import type { DesiredState } from "../../../src/core/election/desired_state.ts";
import {
  type CallSlot,
  failed,
  forgive,
  FRESH_SLOT,
  lookAt,
  startOwnership,
  stillWanted,
  succeeded,
  unableAtMs,
} from "../../../src/core/ownership/state.ts";
import { type Call, retryAtMs } from "../../../src/core/ownership/call.ts";
import { NEXT_LOOK_MS, ownership } from "../../support/held_address.ts";

const PENALTY_MS = 30_000;
const CALL = { verb: "attach" } as const;
const flight = (startedAtMs: number) => ({ id: 1, call: CALL, startedAtMs, stale: false });

/** How long after an immediate failure the call is repeated. */
function waitMs(
  failures: number,
  { roll = 1, retryable = true, retryAfterMs = null as number | null, failingForMs = 0 } = {},
): number {
  const history = { failures, failingSinceMs: 100_000 - failingForMs };
  const setback = { startedAtMs: 100_000, retryable, retryAfterMs, roll };
  return retryAtMs(history, setback, 100_000) - 100_000;
}

Deno.test("retryAtMs() doubles the wait up to 5 s, and up to half of it is chance", () => {
  assertEquals([0, 1, 2, 3, 4, 5, 20].map((count) => waitMs(count)), [
    ...[500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000],
  ]);
  assertEquals([0, 1, 2, 20].map((count) => waitMs(count, { roll: 0 })), [250, 500, 1_000, 2_500]);
  assertEquals(waitMs(1, { roll: 0.5 }), 750);
});

Deno.test("retryAtMs() asks more and more rarely, up to 30 s, once a refusal has lasted for a minute", () => {
  const refused = { retryable: false };
  assertEquals(waitMs(20, { ...refused, failingForMs: 59_999 }), 5_000);
  assertEquals(waitMs(20, { ...refused, failingForMs: 60_000 }), 30_000);
  assertEquals(waitMs(3, { ...refused, failingForMs: 60_000 }), 4_000);
  assertEquals(waitMs(20, { failingForMs: 3_600_000 }), 5_000, "what may be repeated is");
  const late = { startedAtMs: 100_000, retryable: false, retryAfterMs: null, roll: 1 };
  assertEquals(retryAtMs({ failures: 20, failingSinceMs: null }, late, 100_000), 105_000);
  // The duration of the first failure counts from the start of its call.
  const first = { startedAtMs: 0, retryable: false, retryAfterMs: null, roll: 1 };
  const at = (atMs: number) => retryAtMs({ failures: 20, failingSinceMs: null }, first, atMs);
  assertEquals([at(59_999), at(60_000)], [60_099, 60_100], "which has waited long enough");
});

Deno.test("retryAtMs() waits as long as the cloud asks for, a minute at most", () => {
  assertEquals(waitMs(0, { retryAfterMs: 7_000 }), 7_000);
  assertEquals(waitMs(0, { retryAfterMs: 100 }), 500);
  assertEquals(waitMs(0, { retryAfterMs: 3_600_000 }), 60_000);
});

Deno.test("retryAtMs() counts the time that a call hung, and leaves 100 ms in any case", () => {
  const setback = { startedAtMs: 100_000, retryable: true, retryAfterMs: null, roll: 1 };
  const at = (atMs: number) => retryAtMs({ failures: 1, failingSinceMs: null }, setback, atMs);
  assertEquals([at(100_000), at(100_800), at(100_900), at(104_000)], [
    ...[101_000, 101_000, 101_000, 104_100],
  ]);
  assertEquals(at(100_901), 101_001);
});

Deno.test("failed() and succeeded() keep the history of a call slot", () => {
  const setback = { retryable: true, retryAfterMs: null, roll: 1 };
  const used = { ...FRESH_SLOT, progressAtMs: 4_000, inFlight: flight(5_000) };
  const once = failed(used, setback, 5_200);
  assertEquals(once, {
    inFlight: null,
    failures: 1,
    failingSinceMs: 5_000,
    failedAtMs: 5_200,
    notBeforeMs: 5_500,
    progressAtMs: 4_000,
  });
  const twice = failed({ ...once, inFlight: flight(6_000) }, setback, 6_100);
  assertEquals(twice, {
    ...once,
    failures: 2,
    failedAtMs: 6_100,
    notBeforeMs: 7_000,
  });
  assertEquals(failed(FRESH_SLOT, setback, 5_000).failingSinceMs, 5_000);
  assertEquals(succeeded(twice), { ...FRESH_SLOT, progressAtMs: 4_000 });
});

Deno.test("forgive() forgets the failures of a call slot after a penalty in which it had nothing to do", () => {
  const failing: CallSlot = {
    ...FRESH_SLOT,
    failures: 2,
    failingSinceMs: 1_000,
    failedAtMs: 5_000,
  };
  const overAtMs = 5_000 + PENALTY_MS;
  assertEquals(forgive(failing, overAtMs - 1), failing);
  assertEquals(forgive(failing, overAtMs), FRESH_SLOT);
  const busy = { ...failing, inFlight: flight(6_000) };
  assertEquals(forgive(busy, overAtMs), busy);
  const fine = { ...FRESH_SLOT, notBeforeMs: 7_000 };
  assertEquals(forgive(fine, overAtMs), fine, "nothing to forgive");
});

/** When a node becomes unable with these call slots. */
function unable(
  slots: { read?: Partial<CallSlot>; write?: Partial<CallSlot>; evict?: Partial<CallSlot> },
  { deadTimeMs = 4_000, answerMs = 0 } = {},
): number {
  const slot = (different: Partial<CallSlot> = {}) => ({ ...FRESH_SLOT, ...different });
  const state = startOwnership({ reconcileMs: 30_000, deadTimeMs }, 0);
  const { read, write, evict } = slots;
  const judged = {
    ...state,
    answerMs,
    read: slot(read),
    write: slot(write),
    evict: slot(evict),
  };
  return unableAtMs(judged);
}

Deno.test("unableAtMs() is the dead time after a call slot began to fail, the first of both", () => {
  assertEquals(unable({}), Infinity);
  assertEquals(unable({ read: { failingSinceMs: 10_000 } }), 14_000);
  assertEquals(unable({ write: { failingSinceMs: 10_000 } }), 14_000);
  const both = { read: { failingSinceMs: 10_000 }, write: { failingSinceMs: 9_000 } };
  assertEquals(unable(both), 13_000);
  assertEquals(
    unable({ evict: { failingSinceMs: 1 } }),
    Infinity,
    "taking from the dead is no duty",
  );
});

Deno.test("unableAtMs() gives a call without an answer the dead time, 3 s, or half as much again as the last one", () => {
  const read = { inFlight: flight(10_000) };
  assertEquals(unable({ read }), 14_000);
  assertEquals(unable({ read }, { deadTimeMs: 300 }), 13_000);
  assertEquals(unable({ read }, { answerMs: 4_000 }), 16_000);
  assertEquals(unable({ read }, { answerMs: 2_000 }), 14_000);
  assertEquals(
    unable({ read: { ...read, progressAtMs: 12_000 } }),
    16_000,
    "something was answered",
  );
  assertEquals(unable({ read: { ...read, progressAtMs: 9_000 } }), 14_000);
  assertEquals(unable({ write: { inFlight: flight(10_000) } }), 14_000);
});

Deno.test("unableAtMs() gives a change that stays pending 20 s, whatever the cloud answers, or the dead time", () => {
  const write = { inFlight: flight(10_000), progressAtMs: 29_000 };
  assertEquals(unable({ write }), 30_000);
  assertEquals(unable({ write }, { deadTimeMs: 25_000 }), 35_000);
  assertEquals(unable({ read: write }), 33_000, "a reading does not pend");
});

Deno.test("nothing is taken any more from a peer that is heard again, or by one that shall not hold", () => {
  const evict: Call = { verb: "evict", instanceId: "a", onlyIfStopped: false };
  const wanted = (desired: Partial<DesiredState> | null, call: Call = evict) =>
    stillWanted(ownership({ desired }), call);
  assertEquals([wanted({}), wanted({ alive: ["b"] }), wanted({ alive: ["a"] })], [
    true,
    true,
    false,
  ]);
  assertEquals([wanted({ intent: "yield" }), wanted(null)], [false, false]);
  assert(wanted({ intent: "yield" }, { verb: "look", others: true }));
});

Deno.test("lookAt() keeps the looks in order, each once", () => {
  const looks = (...atMs: number[]) => lookAt(ownership(), ...atMs).looksAtMs;
  assertEquals([looks(), looks(7, 3, 7), looks(NEXT_LOOK_MS)], [
    [NEXT_LOOK_MS],
    [3, 7, NEXT_LOOK_MS],
    [NEXT_LOOK_MS],
  ]);
});
