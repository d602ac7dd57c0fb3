// What answers and failures of calls change in what ownership knows: one event each on a known state.
import { assert, assertEquals } from "@std/assert";
import type { DesiredState } from "../../../src/core/election/desired_state.ts";
import type { Answer, Call, OtherHolder } from "../../../src/core/ownership/call.ts";
import type { Eviction } from "../../../src/core/ownership/evictions.ts";
import { FRESH_SLOT, type Ownership, slotOf } from "../../../src/core/ownership/state.ts";
import { learn } from "../../../src/core/ownership/step.ts";
import {
  type Different,
  due,
  flight,
  holder,
  LOOKED_MS,
  NEXT_LOOK_MS,
  over,
  ownership,
  records,
  spared,
} from "../../support/held_address.ts";

/** Time for a change to show. */
const CLOUD_LAG_MS = 5_000;

/** Instant of all events here, 20 s after the last reading. */
const NOW_MS = 120_000;

/** The state after an answer to a call that left a second ago, and the lines for the operator. */
function answer(
  different: Different,
  call: Call,
  answer: Answer,
  { startedAtMs = 119_000, roll = 0 } = {},
) {
  const slot = call.verb === "evict"
    ? "evict"
    : call.verb === "attach" || call.verb === "detach-self"
    ? "write"
    : "read";
  const before = ownership(different);
  const state = { ...before, [slot]: { ...before[slot], inFlight: flight(call, startedAtMs) } };
  const [after, reports] = learn(state, { kind: "answered", id: 1, answer, roll }, NOW_MS);
  assertEquals(after[slot].inFlight, null);
  return {
    ...after,
    said: reports.map(({ severity, event }) => `${severity} ${event}`),
    texts: reports.map(({ text }) => text),
  };
}

const LOOK: Call = { verb: "look", others: true };
const shows = (holds: boolean, others: OtherHolder[] | null = []): Answer => ({
  verb: "look",
  holds,
  others,
});

Deno.test("an answer that nobody waits for changes nothing", () => {
  const state = ownership({ read: { ...FRESH_SLOT, inFlight: flight(LOOK, 119_000) } });
  const event = { kind: "answered", id: 2, answer: shows(false), roll: 0 } as const;
  assertEquals(learn(state, event, NOW_MS), [state, []]);
  const failed = { kind: "failed", id: 2, retryable: true, retryAfterMs: null, roll: 0 } as const;
  assertEquals(learn(state, failed, NOW_MS), [state, []]);
  assertEquals([slotOf(state, 1), slotOf(state, 2)], ["read", undefined]);
});

Deno.test("a look tells who holds, as of the instant at which it began", () => {
  const after = answer({ looksAtMs: [] }, LOOK, shows(true, [holder("x")]), { roll: 0.5 });
  assertEquals([after.holding, after.seenAtMs, after.othersAtMs], [true, 119_000, 119_000]);
  assertEquals(after.others, [holder("x")]);
  assertEquals(after.looksAtMs, [NOW_MS + 31_500], "and the next one is planned, some with chance");
  const partly = answer({ others: [holder("x")] }, LOOK, shows(true, null));
  assertEquals([partly.others, partly.othersAtMs], [[holder("x")], LOOKED_MS]);
  assertEquals(partly.looksAtMs, [NEXT_LOOK_MS], "it was planned already");
});

Deno.test("a look that a change of ours overlaps is no evidence, and repeated in a second", () => {
  const before = ownership();
  const inFlight = flight(LOOK, 119_000, true);
  const state = { ...before, read: { ...before.read, inFlight } };
  const event = { kind: "answered", id: 1, answer: shows(false), roll: 0 } as const;
  const [after] = learn(state, event, NOW_MS);
  assertEquals([after.holding, after.looksAtMs], [true, [NOW_MS + 1_000, NEXT_LOOK_MS]]);
  const writing = (call: Call) => ({
    write: { ...FRESH_SLOT, inFlight: { ...flight(call), id: 2 } },
  });
  const giving = answer(writing({ verb: "detach-self" }), LOOK, shows(false));
  assertEquals([giving.holding, giving.looksAtMs], [true, [NOW_MS + 1_000, NEXT_LOOK_MS]]);
  assertEquals(answer(writing({ verb: "attach" }), LOOK, shows(false)).holding, false);
});

Deno.test("a look that contradicts a fresh change of ours is repeated once the change must show", () => {
  const evictions = records(["a", due(0, 0)]);
  const early = answer({ lagUntilMs: NOW_MS + 1, evictions }, LOOK, shows(false));
  assertEquals([early.holding, early.seenAtMs, early.said], [true, LOOKED_MS, []]);
  assertEquals(early.looksAtMs, [NOW_MS + 1, NEXT_LOOK_MS]);
  assertEquals(early.evictions.get("a")?.heldSinceMs, NOW_MS + 1);
  assertEquals(answer({ lagUntilMs: NOW_MS }, LOOK, shows(false)).holding, false);
  assertEquals(answer({ lagUntilMs: NOW_MS + 1 }, LOOK, shows(true)).seenAtMs, 119_000);
  const unknown = answer({ lagUntilMs: NOW_MS + 1, holding: null }, LOOK, shows(false));
  assertEquals(unknown.holding, false);
});

Deno.test("a hold that vanishes under a master was taken by another hand: nobody dead is evicted then", () => {
  const evictions = records(["a", due(0, 0)]);
  const vanished = answer({ evictions }, LOOK, shows(false, [holder("a")]));
  assertEquals(vanished.said, ["warning hold-vanished"]);
  assertEquals(vanished.evictions, records(["a", spared(NOW_MS)]));
  const rows: Different[] = [{ holding: false }, { holding: null }, {
    desired: { intent: "yield" },
  }];
  for (const different of rows) {
    const after = answer({ evictions, ...different }, LOOK, shows(false, [holder("a")]));
    assertEquals([after.said, after.evictions], [[], evictions]);
  }
});

Deno.test("what a failed change was meant to do shows as done: it did not fail", () => {
  const write = { ...FRESH_SLOT, failures: 2, failingSinceMs: 90_000, failedAtMs: 118_000 };
  const failures = (different: Different, holds: boolean) =>
    answer({ write, ...different }, LOOK, shows(holds)).write.failures;
  assertEquals(failures({}, true), 0);
  assertEquals(failures({ holding: false }, false), 2);
  assertEquals(failures({ desired: { intent: "yield" } }, false), 0);
  assertEquals(failures({ desired: { intent: "yield" } }, true), 2);
  assertEquals(
    failures({ desired: { intent: "yield" }, cloudReachable: false }, false),
    2,
    "it stepped aside",
  );
  const busy = { ...write, inFlight: { ...flight({ verb: "attach" }, 118_000), id: 2 } };
  assertEquals(failures({ write: busy }, true), 2, "the next one is under way");
});

Deno.test("a cloud that was away for readings is forgiven its refusals of changes, and the dead wait again", () => {
  const failing = { ...FRESH_SLOT, failures: 1, failingSinceMs: 119_000, failedAtMs: 119_500 };
  const evictions = records(["a", due(4_000, 0)], ["b", due(0, 0)]);
  const state = { write: failing, evictions, holding: false };
  const back = answer({ ...state, read: failing }, LOOK, shows(false, null));
  assertEquals([back.write.failures, back.read.failures], [0, 0]);
  assertEquals(back.evictions, records(["a", due(4_000, NOW_MS)], ["b", due(0, 0)]));
  const there = answer(state, LOOK, shows(false, null));
  assertEquals([there.write.failures, there.evictions], [1, evictions]);
  // An answer to a change does not affect readings.
  const changed = answer({ ...state, read: failing }, { verb: "attach" }, { verb: "attach" });
  assertEquals(changed.read.failures, 1);
});

Deno.test("a master leaves silent holders alone that run, and takes note of strangers", () => {
  const look = (id: string, different: Different, off = false) =>
    answer(different, LOOK, shows(true, [holder(id, off)]));
  // Never heard: left alone, like every other silent peer.
  const evictions = records(["z", due(60_000, NOW_MS)]);
  const unheard = look("u", { desired: { unheard: ["u"] } });
  assertEquals([unheard.said, unheard.unknownHolderAtMs], [["warning holder-unheard"], -Infinity]);
  assertEquals(unheard.evictions, records(["u", spared(NOW_MS)]));
  const both = answer({ desired: { unheard: ["u"] }, evictions }, LOOK, {
    ...{ verb: "look", holds: true, others: [holder("u"), holder("z")] },
  });
  assertEquals(both.evictions.get("z")?.stage, "spared");
  // Not a peer.
  const stranger = look("x", {});
  assertEquals([stranger.said, stranger.unknownHolderAtMs], [["warning holder-unknown"], NOW_MS]);
  assertEquals(stranger.evictions, records(["x", spared(NOW_MS)]));
  // Off: evicted in time, without a line.
  const stopped = look("u", { desired: { unheard: ["u"] } }, true);
  assertEquals([stopped.said, stopped.evictions], [[], records(["u", spared(NOW_MS)])]);
  // A live peer, a dead one with a record, and any while some peer has no instance id.
  assertEquals(look("l", { desired: { alive: ["l"] } }).said, []);
  assertEquals(look("z", { evictions }).said, []);
  assertEquals(look("x", { desired: { resolved: false } }).said, []);
  // A peer whose hold came back.
  const back = (atMs: number) => look("a", { evictions: records(["a", over(atMs)]) }).said;
  assertEquals(back(NOW_MS - CLOUD_LAG_MS), ["warning holder-unheard"]);
  assertEquals(back(NOW_MS - CLOUD_LAG_MS + 1), []);
  assertEquals(
    look("u", { desired: { intent: "yield", unheard: ["u"] } }).said,
    [],
    "a backup asks nobody",
  );
});

Deno.test("an unknown holder is told apart from one that may be a peer of the configuration", () => {
  const said = (different: Different) => {
    const before = ownership({
      read: { ...FRESH_SLOT, inFlight: flight(LOOK, 119_000) },
      ...different,
    });
    const look = shows(true, [holder("x")]);
    const event = { kind: "answered", id: 1, answer: look, roll: 0 } as const;
    return learn(before, event, NOW_MS)[1].map(({ text }) => text);
  };
  assertEquals(said({}), ["instance x holds the Elastic IP, too, and is not a peer"]);
  assertEquals(said({ desired: { doubt: true } }), [
    "instance x holds the Elastic IP, too, and may be one of the missing peers",
  ]);
  assertEquals(said({ desired: null }), [], "without a wish nothing follows");
});

Deno.test("a death that is not due yet is over when the dead one is seen to have nothing", () => {
  const evictions = records(["a", due(30_000, 110_000)]);
  assertEquals(answer({ evictions }, LOOK, shows(true)).evictions, records(["a", over(NOW_MS)]));
  assertEquals(answer({ evictions }, LOOK, shows(true, [holder("a")])).evictions, evictions);
  assertEquals(answer({ evictions }, LOOK, shows(true, null)).evictions, evictions);
});

Deno.test("an operator hears once that the address is gone, and once that it is back", () => {
  const gone = { verb: "look", holds: false, others: [], released: "it is gone" } as const;
  const write = { ...FRESH_SLOT, failures: 1, failingSinceMs: 119_000, failedAtMs: 119_500 };
  const first = answer({ write, holding: false, looksAtMs: [1, 140_000] }, LOOK, gone);
  assertEquals([first.released, first.said], ["it is gone", ["critical address-released"]]);
  assertEquals([first.holding, first.write.failures], [false, 1]);
  assertEquals(first.looksAtMs, [1, NOW_MS + 10_000, 140_000]);
  const held = answer({}, LOOK, gone);
  assertEquals(held.said, ["critical address-released"], "nobody took it from us");
  const again = answer({ released: "it is gone" }, LOOK, gone);
  assertEquals([again.released, again.said, again.looksAtMs], ["it is gone", [], [NEXT_LOOK_MS]]);
  const managed = { ...gone, released: "it is managed", exists: true };
  const moved = answer({ released: "it is gone" }, LOOK, managed);
  assertEquals([moved.exists, moved.said], [true, ["critical address-unusable"]]);
  const other = answer({ released: "it may be gone" }, LOOK, gone);
  assertEquals([other.released, other.said], ["it is gone", ["critical address-released"]]);
  const back = answer({ released: "it is gone", holding: false }, LOOK, shows(false));
  assertEquals([back.released, back.exists, back.said], [null, false, ["warning address-back"]]);
  assertEquals(answer({}, LOOK, shows(true)).said, []);
});

Deno.test("who gives up inspects a successor that a look has shown at once", () => {
  const desired = { intent: "yield", successors: ["a"], hasOriginalSuccessor: true } as const;
  const inspectAtMs = (others: OtherHolder[] | null, different: Partial<DesiredState> = {}) =>
    answer({ desired: { ...desired, ...different }, inspectAtMs: 1 }, LOOK, shows(true, others))
      .inspectAtMs;
  assertEquals([inspectAtMs([holder("b"), holder("a")]), inspectAtMs([holder("b")])], [NOW_MS, 1]);
  assertEquals([inspectAtMs(null), inspectAtMs([holder("a")], { intent: "hold" })], [1, 1]);
});

Deno.test("the hold of a machine that is off, which we have just ended, fades and counts for nothing", () => {
  const others = [holder("a", true), holder("b", true)];
  const look = (takenAtMs: number, shown = others) => {
    const taken = { instanceId: "a", atMs: takenAtMs };
    return answer({ taken, desired: { alive: ["a", "b"] } }, LOOK, shows(true, shown));
  };
  const fading = look(119_001 - CLOUD_LAG_MS);
  assertEquals(fading.others, [holder("b", true)]);
  assertEquals(fading.looksAtMs, [NOW_MS + CLOUD_LAG_MS, NEXT_LOOK_MS].sort((a, b) => a - b));
  assertEquals(look(119_000 - CLOUD_LAG_MS).others, others);
  assertEquals(look(119_000 - CLOUD_LAG_MS).looksAtMs, [NEXT_LOOK_MS]);
  assertEquals(look(118_000, [holder("a")]).others, [holder("a")], "it runs");
});

Deno.test("an inspection confirms a successor, unless its hold is the one that we take", () => {
  const INSPECT: Call = { verb: "inspect", instanceId: "a" };
  const inspected = (different: Different, holds = true, startedAtMs = 119_000) =>
    answer({ desired: { intent: "yield" }, ...different }, INSPECT, { verb: "inspect", holds }, {
      startedAtMs,
    });
  assertEquals([inspected({}).confirmed, inspected({}, false).confirmed], ["a", null]);
  const taking = (instanceId: string) => ({
    evict: {
      ...FRESH_SLOT,
      inFlight: { ...flight({ verb: "evict", instanceId, onlyIfStopped: false }), id: 2 },
    },
  });
  assertEquals([inspected(taking("a")).confirmed, inspected(taking("b")).confirmed], [null, "a"]);
  const taken = { taken: { instanceId: "a", atMs: 110_000 } };
  assertEquals(inspected(taken, true, 110_000 + CLOUD_LAG_MS - 1).confirmed, null);
  assertEquals(inspected(taken, true, 110_000 + CLOUD_LAG_MS).confirmed, "a");
  assertEquals(inspected({ taken: { instanceId: "b", atMs: 119_000 } }).confirmed, "a");
  // Each second for ten times, then as rarely as other readings.
  assertEquals(inspected({ inspectedCount: 9 }, false).inspectAtMs, NOW_MS + 1_000);
  assertEquals(inspected({ inspectedCount: 10 }, false).inspectAtMs, NOW_MS + 30_000);
});

Deno.test("an attach is known at once, trusted for a while, and followed by looks", () => {
  const reading = { ...FRESH_SLOT, inFlight: { ...flight(LOOK, 119_500), id: 2 } };
  const evictions = records(["a", due(4_000, 0)]);
  const state = { holding: false, confirmed: "b", read: reading, evictions };
  const attached = answer(state, { verb: "attach" }, { verb: "attach" });
  assertEquals([attached.holding, attached.seenAtMs, attached.confirmed], [true, NOW_MS, null]);
  assertEquals([attached.lagUntilMs, attached.said], [NOW_MS + CLOUD_LAG_MS, ["info attached"]]);
  assertEquals(attached.looksAtMs, [NOW_MS + 1_000, NEXT_LOOK_MS]);
  assertEquals(attached.read.inFlight?.stale, true, "what is being read may show either state");
  assertEquals(attached.evictions, records(["a", due(4_000, NOW_MS)]));
  const detached = answer({ ...state, holding: true }, { verb: "detach-self" }, {
    verb: "detach-self",
  });
  assertEquals([detached.holding, detached.said], [false, ["info detached"]]);
  assertEquals([detached.looksAtMs, detached.evictions], [[NEXT_LOOK_MS], evictions]);
});

Deno.test("after an attach one that was never heard is looked for at once, unless an eviction is due", () => {
  const looks = (unheard: string[], evictions: Ownership["evictions"] = new Map()) =>
    answer({ holding: false, desired: { unheard }, evictions }, { verb: "attach" }, {
      verb: "attach",
    }).looksAtMs[0];
  const soon = NOW_MS + 1_000;
  assertEquals([looks([]), looks(["u"])], [soon, NOW_MS]);
  assertEquals(looks(["u"], records(["a", due(0, NOW_MS)])), soon);
  assertEquals(looks(["u"], records(["a", due(0, NOW_MS + 1)])), NOW_MS);
  assertEquals(looks(["u"], records(["a", spared(0)])), NOW_MS);
});

Deno.test("an operator reads the names of instances, and their ids where the cloud tells no name", () => {
  const others = [{ instanceId: "x", name: "edge-9", off: false }];
  const unknown = answer({}, LOOK, shows(true, others)).texts[0];
  assertEquals(unknown, "edge-9 (x) holds the Elastic IP, too, and is not a peer");
  const unheard = answer({ desired: { unheard: ["x"] } }, LOOK, shows(true, others)).texts[0] ?? "";
  assert(unheard.startsWith("edge-9 (x) holds the Elastic IP and runs"), unheard);
  const taking = (different: Different) =>
    answer(different, { verb: "evict", instanceId: "x", onlyIfStopped: false }, {
      verb: "evict",
      outcome: "taken",
    }).texts[0];
  const took = "took the Elastic IP from edge-9 (x), which is dead";
  assertEquals(taking({ others }), took);
  const dead = [{ instanceId: "x", name: "edge-9", waitMs: 0, held: true }];
  assertEquals(taking({ desired: { dead } }), took, "the peer list knows the name");
  assertEquals(taking({}), "took the Elastic IP from instance x, which is dead");
});

Deno.test("an eviction closes the record, or finds that its machine runs", () => {
  const evict = (outcome: "taken" | "absent" | "gone" | "running", stage: Eviction) =>
    answer(
      {
        evictions: records(["a", stage], ["b", due(0, 0)]),
        others: [holder("a", true), holder("c")],
      },
      { verb: "evict", instanceId: "a", onlyIfStopped: true },
      { verb: "evict", outcome },
    );
  const closed = records(["a", over(NOW_MS)], ["b", { ...due(0, 0), heldSinceMs: NOW_MS }]);
  const taken = evict("taken", due(0, 0));
  assertEquals([taken.said, taken.evictions], [["warning evicted"], closed]);
  assertEquals([taken.others, taken.taken], [[holder("c")], { instanceId: "a", atMs: NOW_MS }]);
  assertEquals(taken.looksAtMs, [NOW_MS, NEXT_LOOK_MS]);
  const absent = evict("absent", due(0, 0));
  assertEquals([absent.said, absent.evictions, absent.taken], [[], closed, null]);
  assertEquals([absent.others, absent.looksAtMs], [[holder("c")], [NEXT_LOOK_MS]]);
  // The dead peer said that it holds, and the cloud may be late.
  const held = { ...due(0, NOW_MS), lateUntilMs: NOW_MS + 9_000 };
  assertEquals(evict("absent", held).evictions.get("a"), {
    ...{ ...held, ...due(0, NOW_MS + 9_000), lateUntilMs: NOW_MS + 9_000, absent: true },
  });
  assertEquals(evict("gone", held).evictions.get("a"), over(NOW_MS));
  const running = evict("running", spared(0));
  assertEquals([running.said, running.others], [[], [holder("a"), holder("c")]]);
  assertEquals(running.evictions, records(["a", spared(NOW_MS)], ["b", due(0, 0)]));
  const unknown = answer({ desired: { alive: ["a"] } }, {
    ...{ verb: "evict", instanceId: "a", onlyIfStopped: false },
  }, { verb: "evict", outcome: "running" });
  assertEquals(unknown.evictions, records(["a", spared(NOW_MS)]), "it was heard again meanwhile");
  const dueStill = evict("running", due(0, 0));
  assertEquals(dueStill.evictions, records(["a", due(0, 0)], ["b", due(0, 0)]));
});

/** The state after a failure of a call that left ten seconds ago. */
function fail(different: Different, call: Call, released?: string): Ownership {
  const slot = call.verb === "evict" ? "evict" : call.verb === "attach" ? "write" : "read";
  const before = ownership(different);
  const state = { ...before, [slot]: { ...before[slot], inFlight: flight(call, 110_000) } };
  const setback = { retryable: true, retryAfterMs: null, roll: 1 };
  const event = { kind: "failed", id: 1, ...setback, ...(released !== undefined && { released }) };
  return learn(state, event as Parameters<typeof learn>[1], NOW_MS)[0];
}

Deno.test("after a failure the call slot waits, and what may have happened is asked about", () => {
  const look = fail({}, LOOK);
  assertEquals([look.read.failures, look.read.failingSinceMs, look.holding], [1, 110_000, true]);
  assertEquals(look.looksAtMs, [NOW_MS, NEXT_LOOK_MS]);
  const inspect = fail({}, { verb: "inspect", instanceId: "a" });
  assertEquals([inspect.inspectAtMs, inspect.read.failures], [NOW_MS + 1_000, 1]);
  const attach = fail({ holding: false }, { verb: "attach" });
  assertEquals([attach.write.failures, attach.holding], [1, null]);
  const evictions = records(["a", due(0, 0)], ["b", due(0, 0)]);
  const evict = fail({ evictions }, { verb: "evict", instanceId: "a", onlyIfStopped: false });
  assertEquals(evict.evict, FRESH_SLOT, "the others are not kept waiting");
  const dueAgain = { ...due(0, NOW_MS + 100), failures: 1, failingSinceMs: 110_000 };
  assertEquals(evict.evictions, records(["a", dueAgain], ["b", due(0, 0)]));
  const gone = fail({ holding: false }, { verb: "attach" }, "it is gone");
  assertEquals([gone.released, gone.holding, gone.write], ["it is gone", false, FRESH_SLOT]);
  const still = fail({ holding: null, released: "it is gone" }, { verb: "attach" }, "it is gone");
  assertEquals([still.released, still.holding], ["it is gone", false]);
});
