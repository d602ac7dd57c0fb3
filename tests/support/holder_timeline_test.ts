// The time without a holder, on which every assertion about a failover depends.
import { assertEquals } from "@std/assert";
import type { HolderChange } from "./cloud/model.ts";
import { HolderTimeline } from "./holder_timeline.ts";

/** Two machines, one of which hands over to the other with a gap of 5 ms. */
function handover(): { history: HolderChange[]; timeline: HolderTimeline } {
  const history = [
    { atMs: 100, holders: ["one"] },
    { atMs: 170, holders: ["one", "two"] },
    { atMs: 180, holders: [] },
    { atMs: 185, holders: ["two"] },
  ];
  return { history, timeline: new HolderTimeline(history) };
}

Deno.test("HolderTimeline tells when nobody held, from the first hold on or from an instant", () => {
  const { timeline } = handover();
  assertEquals(timeline.gaps(), [{ fromMs: 180, toMs: 185 }]);
  assertEquals(timeline.gaps(90), [{ fromMs: 90, toMs: 100 }, { fromMs: 180, toMs: 185 }]);
  assertEquals(timeline.gaps(182), [{ fromMs: 182, toMs: 185 }]);
  assertEquals(timeline.withoutMs(100, 200), 5);
  assertEquals(timeline.withoutMs(90, 200), 15);
  assertEquals(timeline.withoutMs(100, 182), 2);
  assertEquals(new HolderTimeline([]).gaps(), []);
  assertEquals(new HolderTimeline([]).withoutMs(10, 30), 20);
});

Deno.test("HolderTimeline counts no hold of a machine that is dead", () => {
  const { history, timeline } = handover();
  timeline.mark("one", "dead", 130);
  assertEquals(timeline.gaps(), [{ fromMs: 130, toMs: 170 }, { fromMs: 180, toMs: 185 }]);
  assertEquals(timeline.withoutMs(100, 200), 45);
  timeline.mark("two", "dead", 190);
  assertEquals(timeline.gaps().at(-1), { fromMs: 190, toMs: null });
  timeline.mark("two", "alive", 195);
  assertEquals(timeline.gaps().at(-1), { fromMs: 190, toMs: 195 });
  history.push({ atMs: 200, holders: [] });
  assertEquals(timeline.withoutMs(196, 230), 30);
});
