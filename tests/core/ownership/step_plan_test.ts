// Which call comes next, and when: one state each, to the millisecond.
import { assertEquals } from "@std/assert";
import type { DesiredState } from "../../../src/core/election/desired_state.ts";
import { kept, ownershipWakeAtMs, plan } from "../../../src/core/ownership/step.ts";
import {
  type Different,
  flight,
  LOOKED_MS,
  NEXT_LOOK_MS,
  ownership,
} from "../../support/held_address.ts";
import type { Call, OtherHolder } from "../../../src/core/ownership/call.ts";
import type { Eviction } from "../../../src/core/ownership/evictions.ts";
import { FRESH_SLOT, type SlotName } from "../../../src/core/ownership/state.ts";

/** The slot's next call, and the first instant at which it leaves; null when it waits for an event. */
function next(different: Different, slot: SlotName): [Call, number] | null {
  const state = ownership(different);
  const call = plan(state, slot, Infinity);
  if (call === null) return null;
  const due = [-Infinity, ...INSTANTS].find((atMs) => plan(state, slot, atMs) !== null);
  return [call, due ?? Infinity];
}

/** Every instant that a test expects, and the milliseconds before. */
const INSTANTS = [
  ...[0, 90_000, LOOKED_MS, 100_500, 101_000, 105_000, 110_000, 115_000, 120_000, NEXT_LOOK_MS],
].flatMap((atMs) => [atMs - 1, atMs]);

const holder = (instanceId: string, off = false): OtherHolder => ({ instanceId, off });
const look = (others: boolean) => ({ verb: "look", others }) as const;
const inspect = (instanceId: string) => ({ verb: "inspect", instanceId }) as const;

const READS: ReadonlyArray<readonly [when: string, Different, call: Call, atMs: number]> = [
  ["before the first answer", { prepared: false }, { verb: "prepare" }, -Infinity],
  ["at rest, as holder", {}, look(true), NEXT_LOOK_MS],
  [
    "at rest, as backup",
    { desired: { intent: "yield" }, holding: false },
    look(false),
    NEXT_LOOK_MS,
  ],
  ["without a wish", { desired: null }, look(false), NEXT_LOOK_MS],
  ["while nothing is planned", { looksAtMs: [] }, look(true), Infinity],
  ["when nobody knows whether it holds", { holding: null }, look(true), LOOKED_MS + 500],
  ["when many looks are planned", { looksAtMs: [1, 2, NEXT_LOOK_MS] }, look(true), LOOKED_MS + 500],
  [
    "before the call slot's back-off is over",
    {
      looksAtMs: [1],
      read: { ...FRESH_SLOT, notBeforeMs: 110_000 },
    },
    look(true),
    110_000,
  ],
  ["of an address that was released", { released: "gone" }, look(true), 110_000],
  ["of one that was released, sooner", { released: "", looksAtMs: [105_000] }, look(true), 105_000],
  [
    "in doubt, as backup",
    { desired: { intent: "yield", doubt: true }, holding: false },
    look(true),
    105_000,
  ],
  ["holding only if unheld", { desired: { holdsOnlyIfUnheld: true } }, look(true), 105_000],
  [
    "holding only if unheld, sooner",
    { desired: { holdsOnlyIfUnheld: true }, looksAtMs: [101_000] },
    look(true),
    101_000,
  ],
  ["giving up to nodes that claim", { desired: { intent: "yield" } }, look(false), NEXT_LOOK_MS],
];

for (const [when, different, call, atMs] of READS) {
  Deno.test(`the next reading call ${when} is ${call.verb} at ${atMs}`, () => {
    assertEquals(next(different, "read"), [call, atMs]);
  });
}

const due = (heldSinceMs: number): Eviction => ({
  ...{
    stage: "due",
    waitMs: 0,
    atMs: 0,
    heldSinceMs,
    lateUntilMs: -Infinity,
    absent: false,
    failures: 0,
    failingSinceMs: null,
  },
});

Deno.test("a holder looks at its own hold in time for the next eviction, if it shall hold", () => {
  const evictions = new Map([["a", due(115_000)]]);
  assertEquals(next({ evictions }, "read"), [look(true), 115_000]);
  assertEquals(next({ evictions, looksAtMs: [110_000] }, "read"), [look(true), 110_000]);
  assertEquals(next({ evictions, holding: false }, "read"), [look(true), NEXT_LOOK_MS]);
  assertEquals(next({ evictions, desired: { intent: "keep" } }, "read"), [
    look(false),
    NEXT_LOOK_MS,
  ]);
});

Deno.test("who gives up asks about the node that claims, else about each that cannot claim in turn", () => {
  const giving = (desired: Partial<DesiredState>, different: Different = {}) =>
    next({ inspectAtMs: 105_000, ...different, desired: { intent: "yield", ...desired } }, "read");
  const both = { successors: ["a", "b"], hasOriginalSuccessor: true };
  assertEquals(giving({ successors: ["a"], claimant: "a" }), [inspect("a"), 105_000]);
  assertEquals(giving({ ...both, claimant: "b" }), [inspect("b"), 105_000]);
  assertEquals(giving({ successors: ["a"] }), [look(false), NEXT_LOOK_MS]);
  assertEquals(
    giving({ hasOriginalSuccessor: true }),
    [look(true), NEXT_LOOK_MS],
    "nobody is there to be asked about",
  );
  const asked = (inspectedCount: number, others: OtherHolder[] = []) =>
    giving(both, { inspectedCount, others })?.[0];
  assertEquals([0, 1, 2].map((count) => asked(count)), ["a", "b", "a"].map(inspect));
  assertEquals(asked(0, [holder("x"), holder("b")]), inspect("b"), "it was listed as holder");
  // Before the reading or at the same moment, not later.
  assertEquals(giving(both, { inspectAtMs: NEXT_LOOK_MS }), [inspect("a"), NEXT_LOOK_MS]);
  assertEquals(giving(both, { inspectAtMs: NEXT_LOOK_MS + 1 }), [look(true), NEXT_LOOK_MS]);
  assertEquals(giving({ ...both, claimant: "a" }, { confirmed: "a" }), [look(true), NEXT_LOOK_MS]);
  assertEquals(giving({ ...both, claimant: "a" }, { holding: false }), [look(true), NEXT_LOOK_MS]);
  assertEquals(giving({ ...both, claimant: "a", intent: "hold" }), [look(true), NEXT_LOOK_MS]);
});

const ATTACH: Call = { verb: "attach" }, DETACH: Call = { verb: "detach-self" };
const free = { holding: false } as const;
const unheard = { holdsOnlyIfUnheld: true, unheard: ["a"] };

const WRITES: ReadonlyArray<readonly [when: string, Different, call: Call | null]> = [
  ["as master that holds", {}, null],
  ["as master that does not hold", free, ATTACH],
  ["as master that does not know", { holding: null }, null],
  ["before the first answer", { ...free, prepared: false }, null],
  ["without a wish", { ...free, desired: null }, null],
  ["of an address that was released", { ...free, released: "gone" }, null],
  [
    "while a change is under way",
    { ...free, write: { ...FRESH_SLOT, inFlight: flight(ATTACH) } },
    null,
  ],
  ["that shall keep what is", { ...free, desired: { intent: "keep" } }, null],
  ["that gives up, with a successor", { desired: { intent: "yield" }, confirmed: "a" }, DETACH],
  ["that gives up, without one", { desired: { intent: "yield" } }, null],
  [
    "that gives up what it has not",
    { ...free, desired: { intent: "yield" }, confirmed: "a" },
    null,
  ],
  ["that must give up", { desired: { intent: "release" } }, DETACH],
  ["that must give up what it has not", { ...free, desired: { intent: "release" } }, null],
  ["holding only if unheld, nobody else holding", {
    ...free,
    desired: unheard,
    holdsOnlyIfUnheldAtMs: LOOKED_MS,
  }, ATTACH],
  [
    "holding only if unheld, before it has looked who holds",
    { ...free, desired: unheard, holdsOnlyIfUnheldAtMs: LOOKED_MS + 1 },
    null,
  ],
  [
    "holding only if unheld, one that was never heard holding",
    { ...free, desired: unheard, holdsOnlyIfUnheldAtMs: 0, others: [holder("a")] },
    null,
  ],
  [
    "holding only if unheld, that one being off",
    { ...free, desired: unheard, holdsOnlyIfUnheldAtMs: 0, others: [holder("a", true)] },
    ATTACH,
  ],
  ["holding only if unheld, as holder, with another", { desired: unheard, confirmed: "a" }, DETACH],
  ["holding only if unheld, as holder, alone", { desired: unheard }, null],
];

for (const [when, different, call] of WRITES) {
  Deno.test(`the next change of a node ${when} is ${call?.verb ?? "none"}`, () => {
    assertEquals(next(different, "write"), call && [call, -Infinity]);
  });
}

Deno.test("a holder takes from the dead, once it has seen its own hold, and while it does not give up", () => {
  const evictions = new Map([["a", { ...due(LOOKED_MS), atMs: 105_000 }]]);
  const evict = { verb: "evict", instanceId: "a", onlyIfStopped: false } as const;
  assertEquals(next({ evictions }, "evict"), [evict, 105_000]);
  assertEquals(next({ evictions, seenAtMs: LOOKED_MS - 1 }, "evict"), null);
  assertEquals(next({ evictions, others: [holder("a", true)] }, "evict"), [
    { ...evict, onlyIfStopped: true },
    -Infinity,
  ]);
  assertEquals(next({ evictions, holding: false }, "evict"), null);
  assertEquals(next({ evictions, holding: null }, "evict"), null);
  assertEquals(next({ evictions, desired: null }, "evict"), null);
  assertEquals(next({ evictions, desired: { intent: "keep" } }, "evict"), null);
  const writing = (call: Call) => ({ evictions, write: { ...FRESH_SLOT, inFlight: flight(call) } });
  assertEquals(next(writing(DETACH), "evict"), null);
  assertEquals(next(writing(ATTACH), "evict"), [evict, 105_000]);
});

Deno.test("a node in doubt leaves the address with an instance that it does not know", () => {
  const doubt = { doubt: true, holdsOnlyIfUnheld: true, alive: ["l"], unheard: ["u"] };
  const dead = [{ instanceId: "d", waitMs: 0, held: false }];
  const leaves = (others: OtherHolder[], different: Different = free) =>
    kept(ownership({ others, desired: { ...doubt, dead }, ...different }));
  assertEquals(leaves([holder("x")]), true);
  assertEquals(leaves([holder("x", true)]), false, "it is off");
  for (const id of ["l", "u", "d"]) assertEquals(leaves([holder(id)]), false, `${id} is a peer`);
  assertEquals(leaves([holder("l"), holder("x")]), true);
  assertEquals(leaves([]), false);
  assertEquals(leaves([holder("x")], { holding: true }), false);
  assertEquals(leaves([holder("x")], { holding: null }), false);
  assertEquals(leaves([holder("x")], { ...free, desired: {} }), false);
  assertEquals(leaves([holder("x")], { ...free, desired: null }), false);
});

Deno.test("of two in doubt that hold, the one with the higher id asks about the other", () => {
  const asked = (others: OtherHolder[], different: Different = {}) =>
    next({ desired: { doubt: true, holdsOnlyIfUnheld: true }, others, ...different }, "read")?.[0];
  assertEquals(asked([holder("a")]), inspect("a"));
  assertEquals(asked([holder("z")]), look(true));
  assertEquals(asked([holder("z"), holder("b"), holder("a")]), inspect("b"));
  assertEquals(asked([holder("a")], { instanceId: null }), look(true));
  assertEquals(asked([holder("a")], { confirmed: "a" }), look(true));
  assertEquals(asked([holder("a")], { holding: false }), look(true));
  // Without doubt, any peer that was never heard counts.
  const lost = { desired: { holdsOnlyIfUnheld: true, unheard: ["z"] } };
  assertEquals(asked([holder("z")], lost), inspect("z"));
  assertEquals(asked([holder("y")], lost), look(true));
});

Deno.test("ownershipWakeAtMs() is the first of what is due, of being unable, and of being forgiven", () => {
  const wake = (different: Different) => ownershipWakeAtMs(ownership(different));
  assertEquals(wake({}), NEXT_LOOK_MS);
  assertEquals(wake(free), -Infinity);
  const reading = { ...FRESH_SLOT, inFlight: flight(look(true)), progressAtMs: 102_000 };
  assertEquals(wake({ read: reading }), 105_000, "unable after 3 s without an answer");
  assertEquals(wake({ read: reading, cloudReachable: false }), Infinity);
  const failing = { ...FRESH_SLOT, failingSinceMs: 1_000, failedAtMs: 90_000 };
  assertEquals(wake({ write: failing, cloudReachable: false }), 120_000);
  assertEquals(
    wake({ write: { ...failing, inFlight: flight(ATTACH) }, cloudReachable: false }),
    NEXT_LOOK_MS,
  );
});
