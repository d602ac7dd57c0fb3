// The bench keeps working: its small measurements run once, and its table is complete.
import { assert, assertEquals } from "@std/assert";
import { type Figure, median, met } from "../../scripts/bench/figure.ts";
import { micro } from "../../scripts/bench/micro.ts";
import { figureJson, figureTable } from "../../scripts/bench/table.ts";

Deno.test("the bench times every hot function", () => {
  const figures = micro({ runs: () => 1, spanMs: () => 0.1 });
  assertEquals(figures.length, 9);
  for (const { title, values } of figures) assert((values[0] ?? 0) > 0, title);
});

Deno.test("the bench tells the middle, the span and what was missed", () => {
  assertEquals(median([9, 1, 5]), 5);
  assertEquals(median([4, 1, 2, 3]), 2.5);
  const figure: Figure = { title: "reply", unit: "ms", values: [1, 2, 12.345], most: 10 };
  assertEquals([met(figure), met({ ...figure, of: "worst" })], [true, false]);
  assertEquals(met({ title: "reply", unit: "ms", values: [1] }), null);
  const [, , row] = figureTable([{ ...figure, of: "worst" }]).split("\n");
  assert(
    /^\| reply +\| 2 ms \[1–12\.3\] \(3\) +\| – +\| always ≤ 10 ms, MISSED \|/.test(row ?? ""),
  );
  const [entry] = figureJson([figure]) as { median: number; met: boolean }[];
  assertEquals([entry?.median, entry?.met], [2, true]);
});
