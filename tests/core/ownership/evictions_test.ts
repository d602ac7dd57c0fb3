// The records of dead peers: opened once per death, closed, spared, and which one is next.
import { assert, assertEquals } from "@std/assert";
import type { DesiredState } from "../../../src/core/election/desired_state.ts";
import {
  close,
  closeAbsent,
  demandProof,
  type Eviction,
  type Evictions,
  foundAbsent,
  nextEviction,
  postpone,
  proofAtMs,
  reappeared,
  recordDeaths,
  restagger,
  showLate,
  spare,
  spareAll,
} from "../../../src/core/ownership/evictions.ts";
import { due, HOLD, over, spared } from "../../support/held_address.ts";
import type { OtherHolder } from "../../../src/core/ownership/call.ts";

/** Time for a change to show. */
const CLOUD_LAG_MS = 5_000;
const NONE: Evictions = new Map();
const some = (records: Record<string, Eviction>): Evictions => new Map(Object.entries(records));
const holds = (...ids: string[]): OtherHolder[] =>
  ids.map((instanceId) => ({ instanceId, off: false }));
const off = (instanceId: string): OtherHolder => ({ instanceId, off: true });

/** Nothing has changed: the same object. */
const assertSame = (one: Evictions, other: Evictions) => assert(one === other);

/** A desired state of holding with these dead peers, each with its wait, and these alive ones. */
function desired(
  dead: Record<string, number>,
  alive: string[] = [],
  intent: DesiredState["intent"] = "hold",
): DesiredState {
  const named = Object.entries(dead).map(([instanceId, waitMs]) => ({
    instanceId,
    waitMs,
    held: false,
  }));
  return { ...HOLD, intent, alive, dead: named };
}

const NOW = { holders: [] as OtherHolder[], atMs: 1_000 };

Deno.test("recordDeaths() opens one record for each death, and none again", () => {
  const first = recordDeaths(NONE, desired({ a: 0, b: 4_000 }), NOW);
  assertEquals(first, some({ a: due(0, 1_000), b: due(4_000, 1_000) }));
  assertSame(recordDeaths(first, desired({ a: 0, b: 0 }), { ...NOW, atMs: 2_000 }), first);
  assertSame(recordDeaths(NONE, desired({}, ["c"]), NOW), NONE);
  const done = some({ a: over(500) });
  assertEquals(
    recordDeaths(done, desired({ a: 0, b: 0 }), NOW),
    some({ a: over(500), b: due(0, 1_000) }),
  );
});

Deno.test("recordDeaths() closes the record of one that lives again", () => {
  const before = some({ a: due(0, 0), b: over(0) });
  assertEquals(recordDeaths(before, desired({ b: 0 }, ["a"]), NOW), some({ b: over(0) }));
  const swapped = recordDeaths(before, desired({ b: 0, c: 0 }, ["a"]), NOW);
  assertEquals(swapped, some({ b: over(0), c: due(0, 1_000) }));
  const holding = { ...NOW, holders: holds("a") };
  assertEquals(recordDeaths(before, desired({ b: 0 }, ["a"]), holding), some({ b: over(0) }));
});

Deno.test("recordDeaths() forgets one that left the list, and spares it while it holds and we shall", () => {
  const before = some({ a: due(0, 0) });
  assertEquals(recordDeaths(before, desired({}), NOW), NONE);
  const holding = { ...NOW, holders: holds("b", "a") };
  const left = recordDeaths(before, desired({}), holding);
  assertEquals(left, some({ a: spared(1_000) }));
  // Nothing new: the same record.
  assertSame(recordDeaths(left, desired({}), { ...holding, atMs: 2_000 }), left);
  assertEquals(recordDeaths(left, desired({}), { ...NOW, holders: holds("b") }), NONE);
  assertEquals(recordDeaths(before, desired({}, [], "yield"), holding), NONE);
  assertEquals(
    recordDeaths(some({ a: due(0, 0), b: due(0, 0) }), desired({}), {
      ...NOW,
      holders: holds("b"),
    }),
    some({ b: spared(1_000) }),
  );
});

Deno.test("restagger() lets those who must wait wait from now", () => {
  const before = some({ a: due(0, 0), b: due(4_000, 0), c: over(0), d: spared(0) });
  const after = restagger(before, 9_000);
  assertEquals(after, some({ a: due(0, 0), b: due(4_000, 9_000), c: over(0), d: spared(0) }));
});

Deno.test("proofAtMs() is when our own hold must be seen for the next eviction", () => {
  assertEquals(proofAtMs(NONE, 0), Infinity);
  const records = some({ a: due(0, 7_000), b: due(0, 5_000), c: over(3_000) });
  assertEquals([0, 4_999, 5_000, 7_000].map((seen) => proofAtMs(records, seen)), [
    ...[5_000, 5_000, 7_000, Infinity],
  ]);
});

Deno.test("demandProof() moves the proof of those due back, never forward", () => {
  const before = some({ a: due(0, 1_000), b: due(0, 5_000), c: over(1_000), d: spared(0) });
  assertEquals(
    demandProof(before, 3_000),
    some({
      a: { ...due(0, 1_000), heldSinceMs: 3_000 },
      b: due(0, 5_000),
      c: over(1_000),
      d: spared(0),
    }),
  );
});

Deno.test("postpone() repeats a failed attempt later, and asks for proof where that is needed", () => {
  const setback = { startedAtMs: 2_000, atMs: 2_000, retryable: true, retryAfterMs: null, roll: 1 };
  const once = postpone(some({ a: due(0, 0) }), "a", setback);
  const failedOnce = { failures: 1, failingSinceMs: 2_000 };
  assertEquals(once, some({ a: { ...due(0, 2_500), ...failedOnce } }));
  const twice = postpone(once, "a", { ...setback, startedAtMs: 3_000, atMs: 3_000 });
  assertEquals(twice, some({ a: { ...due(0, 4_000), failures: 2, failingSinceMs: 2_000 } }));
  assertEquals(
    postpone(some({ a: spared(0) }), "a", setback),
    some({ a: { ...spared(2_500), ...failedOnce } }),
  );
  assertSame(postpone(once, "b", setback), once);
});

Deno.test("close(), spare() and spareAll() end what is to be done", () => {
  const before = some({ a: due(0, 0), b: spared(0) });
  assertEquals(close(before, "a", 3_000), some({ a: over(3_000), b: spared(0) }));
  assertEquals(spare(before, "a", 3_000), some({ a: spared(3_000), b: spared(0) }));
  assertEquals(spareAll(before, 3_000), some({ a: spared(3_000), b: spared(0) }));
});

Deno.test("closeAbsent() closes deaths that are not due yet and whose dead hold nothing", () => {
  const records = some({ a: due(0, 5_000), b: due(0, 5_001), c: spared(9_000), d: due(0, 9_000) });
  assertEquals(
    closeAbsent(records, holds("x", "d"), 5_000),
    some({ a: due(0, 5_000), b: over(5_000), c: spared(9_000), d: due(0, 9_000) }),
  );
});

Deno.test("the hold of one that held is waited for until ten seconds after its death", () => {
  const died = { ...HOLD, dead: [{ instanceId: "a", waitMs: 4_000, held: true }] };
  const opened = recordDeaths(NONE, died, NOW);
  const late = { ...due(4_000, 1_000), lateUntilMs: 11_000 };
  assertEquals(opened, some({ a: late }));
  // A peer that must wait waits from now on, but that does not delay when its hold shows.
  assertEquals(
    restagger(opened, 2_000),
    some({ a: { ...due(4_000, 2_000), lateUntilMs: 11_000 } }),
  );
  assertSame(closeAbsent(opened, [], 3_000), opened);
  const absent = foundAbsent(opened, "a", 5_000);
  const waiting = some({ a: { ...due(0, 11_000), lateUntilMs: 11_000, absent: true } });
  assertEquals(absent, waiting);
  assertEquals(foundAbsent(absent, "a", 10_999), waiting);
  assertEquals(foundAbsent(absent, "a", 11_000), some({ a: over(11_000) }));
  assertEquals(
    closeAbsent(some({ a: { ...late, atMs: 12_000 } }), [], 11_000).get("a"),
    over(11_000),
  );
});

Deno.test("foundAbsent() closes what nothing more is expected of", () => {
  for (const stage of [due(0, 0), spared(0), over(0)]) {
    assertEquals(foundAbsent(some({ a: stage }), "a", 3_000), some({ a: over(3_000) }));
  }
  assertEquals(foundAbsent(NONE, "a", 3_000), some({ a: over(3_000) }));
});

Deno.test("showLate() takes what shows at last, with the proof of the same look", () => {
  const late = { lateUntilMs: 11_000 }, now = { asOfMs: 6_000, atMs: 6_010 };
  const absent = { ...due(0, 11_000), ...late, absent: true };
  const others = { b: { ...due(0, 11_000), ...late }, c: over(0), d: spared(0), e: absent };
  assertEquals(
    showLate(some({ a: absent, ...others }), holds("a", "b", "c", "d", "x"), now),
    some({ a: { ...due(0, 6_010), heldSinceMs: 6_000, ...late }, ...others }),
  );
  const waiting = some({ a: absent });
  assertSame(showLate(waiting, holds("b"), now), waiting);
});

Deno.test("reappeared() names those whose hold shows again when it must be gone", () => {
  const records = some({ a: over(1_000), b: due(0, 0), c: spared(0) });
  const at = (atMs: number) => reappeared(records, holds("a", "b", "c", "d"), atMs);
  assertEquals([at(1_000 + CLOUD_LAG_MS - 1), at(1_000 + CLOUD_LAG_MS)], [[], ["a"]]);
  assertEquals(reappeared(records, [], 60_000), []);
});

Deno.test("nextEviction() takes first from machines that are off, then from those that are due, the soonest", () => {
  const next = (records: Record<string, Eviction>, holders: OtherHolder[] = [], heldAtMs = 9_000) =>
    nextEviction(some(records), { holders, alive: [], heldAtMs });
  const one = { instanceId: "a", onlyIfStopped: false, atMs: 5_000 };
  assertEquals(next({}), null);
  assertEquals(next({ a: due(0, 5_000) }), one);
  assertEquals(next({ a: due(0, 5_000) }, [], 5_000), one);
  assertEquals(next({ a: due(0, 5_000) }, [], 4_999), null, "our own hold must be seen first");
  assertEquals(next({ b: due(0, 6_000), a: due(0, 5_000), c: due(0, 5_000) }), one);
  assertEquals(next({ a: over(0) }, [off("a")]), null);
  assertEquals(next({ a: spared(0) }, holds("a")), null);
  const certain = { instanceId: "a", onlyIfStopped: true, atMs: -Infinity };
  assertEquals(next({ a: spared(0) }, [...holds("b"), off("a")]), certain);
  assertEquals(next({ b: due(0, 0), a: due(0, 5_000) }, [off("a")], 0), certain);
  // After a failure, it waits for the end of the back-off.
  const tried = { ...spared(7_000), failures: 1 };
  assertEquals(next({ a: tried }, [off("a")]), { ...certain, atMs: 7_000 });
  assertEquals(next({ a: tried, b: due(0, 6_000) }, [off("a")])?.instanceId, "b");
});

Deno.test("nothing is taken from a peer that is heard, whatever is on record", () => {
  const holders = [{ instanceId: "a", off: true }];
  const next = (alive: string[]) =>
    nextEviction(spare(new Map(), "a", 0), { holders, alive, heldAtMs: 10 })?.instanceId;
  assertEquals([next([]), next(["a"])], ["a", undefined]);
  assertEquals(nextEviction(close(new Map(), "a", 0), { holders, alive: [], heldAtMs: 10 }), null);
});
