// The byte that tells the interval, by known answers: two versions that disagree would not notice it.
import { assertEquals } from "@std/assert";
import { codeOfInterval, intervalOfCode } from "../../src/core/interval_code.ts";

Deno.test("codeOfInterval() gives the known code for each of these intervals", () => {
  const rows = [
    [null, 0],
    [1, 1],
    [10, 1],
    [100, 33],
    [200, 43],
    [1_000, 65],
    [5_000, 87],
    [60_000, 122],
    [3_600_000, 179],
    [1e12, 255],
  ] as const;
  for (const [intervalMs, code] of rows) assertEquals(codeOfInterval(intervalMs), code);
});

Deno.test("intervalOfCode() gives the known interval for each of these codes", () => {
  const rows = [
    [0, null],
    [1, 10],
    [33, 100],
    [65, 1_000],
    [87, 4_870],
    [178, 3_398_208],
    [179, 3_600_000],
    [255, 3_600_000],
  ] as const;
  for (const [code, intervalMs] of rows) {
    const known = intervalOfCode(code);
    assertEquals(known && Math.round(known), intervalMs, `${code}`);
  }
});
