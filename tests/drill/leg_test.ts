// The figures of a leg, from looks and probes, and when a drill does harm.
import { assertEquals } from "@std/assert";
import {
  harmOf,
  isOver,
  joined,
  type Leg,
  type Look,
  sawHolders,
  sawService,
  startLeg,
} from "../../src/drill/leg.ts";

const FROM = [true, false] as const, BOTH = [true, true] as const;
const TO = [false, true] as const, NOBODY = [false, false] as const;

/** The leg after one look each 100 ms, from 1000 ms on. */
function seen(...looks: (readonly [boolean, boolean])[]): Leg {
  return looks.reduce(
    (leg, [from, to], index) => sawHolders(leg, { atMs: 1_100 + index * 100, from, to }),
    startLeg(1_000),
  );
}

Deno.test("a leg is noticed with the first other holder, and moved once only the new one holds", () => {
  const { noticedAtMs, movedAtMs, unheldMs, sharedMs, blindMs } = seen(FROM, FROM, BOTH, TO, TO);
  assertEquals([noticedAtMs, movedAtMs, unheldMs, sharedMs, blindMs], [1_300, 1_400, 0, 100, 100]);
  const gap = seen(FROM, NOBODY, NOBODY, TO);
  assertEquals([gap.noticedAtMs, gap.movedAtMs, gap.unheldMs], [1_200, 1_400, 200]);
  // It went back in between.
  assertEquals(seen(FROM, TO, FROM, TO).movedAtMs, 1_400);
  assertEquals(seen(FROM).noticedAtMs, null);
});

Deno.test("a group has moved with its last address, and each address without a holder counts", () => {
  const look = (...each: (readonly [boolean, boolean])[]): Look => {
    const [first, ...more] = each.map(([from, to], index) => ({ atMs: 1_100 + index, from, to }));
    return joined([first!, ...more]);
  };
  assertEquals(look(FROM, FROM), { atMs: 1_101, from: true, to: false });
  assertEquals(look(TO, TO), { atMs: 1_101, from: false, to: true });
  assertEquals(look(TO, NOBODY, BOTH), { atMs: 1_102, from: false, to: false });
  assertEquals(look(TO, BOTH), { atMs: 1_101, from: true, to: true });
  const partly = sawHolders(startLeg(1_000), look(TO, FROM));
  const { noticedAtMs, movedAtMs, unheldSinceMs, sharedSinceMs } = partly;
  assertEquals([noticedAtMs, movedAtMs, unheldSinceMs, sharedSinceMs], [1_101, null, null, null]);
});

Deno.test("a look that took long makes all times less exact", () => {
  const late: Look = { atMs: 3_000, from: false, to: true };
  const { blindMs, movedAtMs } = sawHolders(seen(FROM), late);
  assertEquals([blindMs, movedAtMs], [1_900, 3_000]);
});

Deno.test("the service is unreachable from a probe that failed until the next that did not", () => {
  let leg = startLeg(0);
  const probe = (atMs: number, answered: boolean) => leg = sawService(leg, { atMs, answered });
  probe(0, true);
  probe(100, false);
  probe(200, false);
  probe(300, true);
  assertEquals([leg.unreachableMs, leg.unreachableSinceMs], [200, null]);
  // An answer to an earlier question that came late changes nothing.
  assertEquals(probe(150, false), leg);
  assertEquals(probe(400, false).unreachableSinceMs, 400);
  assertEquals(probe(500, false).unreachableSinceMs, 400);
});

Deno.test("a leg does harm from these times on, and not before", () => {
  const rows: readonly (readonly [Leg, number, RegExp])[] = [
    [seen(NOBODY), 1_100 + 5_000, /nobody has held/],
    [seen(BOTH), 1_100 + 30_000, /two nodes have held/],
    [sawService(seen(TO), { atMs: 2_000, answered: false }), 2_000 + 5_000, /service has not/],
    [seen(TO), 1_100 + 20_000, /the cloud has not answered/],
    [{ ...seen(FROM), lookedAtMs: 60_000 }, 61_000, /has not moved within 60 s/],
  ];
  for (const [leg, atMs, harm] of rows) {
    // Looks go on, so that only this harm is left.
    const looked = harm.source.includes("cloud") ? leg : { ...leg, lookedAtMs: atMs };
    assertEquals(harmOf(looked, atMs - 1), null, harm.source);
    assertEquals(harm.test(harmOf(looked, atMs) ?? ""), true, harm.source);
  }
  assertEquals(harmOf({ ...seen(TO), lookedAtMs: 70_000 }, 70_000), null, "it has moved in time");
});

Deno.test("a leg is over once the new state has lasted for 3 s, with the service answering", () => {
  const moved = seen(FROM, TO);
  assertEquals([isOver(moved, 4_199), isOver(moved, 4_200)], [false, true]);
  assertEquals(isOver(sawService(moved, { atMs: 4_000, answered: false }), 4_200), false);
  assertEquals(isOver(seen(FROM), 60_000), false);
});
