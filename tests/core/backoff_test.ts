// Waits between attempts: from the first to the cap, with and without jitter, and those that the cloud imposes.
import { assert, assertEquals } from "@std/assert";
import { backoffMs, imposedMs } from "../../src/core/backoff.ts";

Deno.test("backoffMs() doubles from the first wait to the cap, and stays there", () => {
  const waits = (count: number, firstMs: number, capMs: number) =>
    Array.from({ length: count }, (_, repeats) => backoffMs({ firstMs, capMs }, repeats));
  assertEquals(waits(6, 500, 5_000), [500, 1_000, 2_000, 4_000, 5_000, 5_000]);
  assertEquals(waits(3, 60, 100), [60, 100, 100]);
  assertEquals(backoffMs({ firstMs: 9_000, capMs: 5_000 }, 0), 5_000);
  // A cloud can be away for a year.
  assertEquals(backoffMs({ firstMs: 500, capMs: 5_000 }, 6_000_000), 5_000);
});

Deno.test("backoffMs() gives chance the share that it is allowed, of the capped wait", () => {
  const half = { firstMs: 500, capMs: 5_000, jitter: 0.5 };
  assertEquals([0, 0.5, 1].map((roll) => backoffMs(half, 0, roll)), [250, 375, 500]);
  assertEquals([0, 0.5, 1].map((roll) => backoffMs(half, 9, roll)), [2_500, 3_750, 5_000]);
  assertEquals(backoffMs(half, 1), 1_000, "without a roll the whole");
  assertEquals([0, 1].map((roll) => backoffMs({ ...half, jitter: 1 }, 0, roll)), [0, 500]);
  assert([0, 0.3, 1].every((roll) => backoffMs({ firstMs: 7, capMs: 9 }, 3, roll) === 9));
});

Deno.test("imposedMs() follows the cloud for a minute at most", () => {
  const rows = [[null, 0], [0, 0], [1_500, 1_500], [60_000, 60_000], [60_001, 60_000]] as const;
  for (const [asked, followed] of rows) assertEquals(imposedMs(asked), followed);
});
