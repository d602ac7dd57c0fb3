// Figures from made-up arrivals.
import { assertEquals } from "@std/assert";
import type { Arrival } from "./front.ts";
import { firstGoodAtMs, longestSilenceMs, mostWithin } from "./measure.ts";

/** Good arrivals at these instants. */
function at(...instants: number[]): Arrival[] {
  const common = { from: "198.18.0.1", port: 1, method: "GET", path: "/v2/instance" };
  return instants.map((atMs) => ({ ...common, atMs, protocol: "h2", status: 200 }));
}

const failed = (atMs: number): Arrival[] => at(atMs).map((each) => ({ ...each, status: 503 }));

Deno.test("the first good request is neither an earlier one nor one that failed", () => {
  assertEquals(firstGoodAtMs([...at(900, 3_000, 2_000), ...failed(1_500)], 1_000), 2_000);
  assertEquals(firstGoodAtMs([...at(900), ...failed(1_500)], 1_000), null);
});

Deno.test("the busiest second is any second, and its end belongs to the next one", () => {
  assertEquals(mostWithin([], 1_000), 0);
  assertEquals(mostWithin(at(0, 1_000, 2_000), 1_000), 1);
  assertEquals(mostWithin(at(0, 1_400, 2_399, 1_900, 2_400), 1_000), 3);
  assertEquals(mostWithin([...at(0), ...failed(1)], 1_000), 2);
});

Deno.test("silence is measured from end to end", () => {
  const span = { fromMs: 1_000, toMs: 10_000 };
  assertEquals(longestSilenceMs([], span), 9_000);
  assertEquals(longestSilenceMs(at(500, 4_000, 6_000, 12_000), span), 4_000);
  assertEquals(longestSilenceMs([...at(4_000, 9_000), ...failed(6_000)], span), 5_000);
});
