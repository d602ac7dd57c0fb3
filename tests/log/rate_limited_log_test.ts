import { assert, assertEquals } from "@std/assert";
import { BURST_MAX, BURST_MS, BurstLog } from "../../src/log/burst_log.ts";
import { VirtualClock } from "../support/clock.ts";
import { KINDS_MAX, QUIET_MS, RateLimitedLog } from "../../src/log/rate_limited_log.ts";

/** A log with a clock that the test sets. */
function limitedLog(linesMax?: number) {
  const lines: string[] = [];
  const clock = new VirtualClock();
  const log = new RateLimitedLog(
    { write: (_, event, text) => void lines.push(`${event}: ${text}`) },
    clock,
    KINDS_MAX,
    linesMax,
  );
  const at = (kind: string, nowMs: number, text = kind) => {
    clock.skip(nowMs - clock.nowMs());
    log.write(kind, ["warning", "refused", text]);
  };
  return { log, at, lines };
}

Deno.test("RateLimitedLog writes the first of a kind and counts the others until a minute is over", () => {
  const { at, lines } = limitedLog();
  at("a", 0);
  at("a", 1);
  at("a", QUIET_MS - 1, "a, the last");
  at("b", QUIET_MS - 1);
  assertEquals(lines, ["refused: a", "refused: b"]);
  at("a", QUIET_MS);
  at("a", QUIET_MS + 1);
  assertEquals(lines.slice(2), ["refused: a, the last (2 more within 60 s)"]);
});

Deno.test("RateLimitedLog tells the count when the minute is over although nothing more comes", () => {
  const { log, at, lines } = limitedLog();
  for (let count = 0; count <= 7; count++) at("a", count);
  log.settle(QUIET_MS - 1);
  assertEquals(lines, ["refused: a"]);
  log.settle(QUIET_MS);
  assertEquals(lines.slice(1), ["refused: a (7 more within 7 ms, then none for 60 s)"]);
  // It has ended: no more lines, and the next one counts as new.
  for (let minute = 2; minute < 10; minute++) log.settle(minute * QUIET_MS);
  at("a", 10 * QUIET_MS);
  assertEquals(lines.slice(2), ["refused: a"]);
});

Deno.test("RateLimitedLog writes one line a minute of what goes on, and every one is counted", () => {
  const { log, at, lines } = limitedLog();
  for (let second = 0; second < 600; second++) at("a", second * 1_000);
  log.close();
  const counts = lines.map((line) => Number(/\((\d+) more/.exec(line)?.[1] ?? 1));
  assertEquals(lines.length, 11);
  assertEquals(counts.reduce((sum, count) => sum + count), 600);
});

Deno.test("RateLimitedLog writes the first few of a kind where it is told to, and then one a minute", () => {
  const { at, lines, log } = limitedLog(3);
  for (let second = 0; second < 600; second++) at("a", second * 1_000);
  assertEquals(lines.slice(0, 4), [
    "refused: a",
    "refused: a",
    "refused: a",
    "refused: a (57 more within 57 s)",
  ]);
  assertEquals(lines.length, 3 + 9);
  log.close();
  for (let second = 700; second < 720; second += 5) at("a", second * 1_000);
  assertEquals(lines.length, 3 + 10 + 3, "after a quiet minute it begins again");
});

Deno.test("RateLimitedLog says of what within which time there were more, and that it is over", () => {
  const { log, at, lines } = limitedLog();
  at("a", 1_000);
  at("a", 11_000, "a, the last");
  log.settle(1_000 + QUIET_MS);
  assertEquals(lines.slice(1), ["refused: a, the last (1 more within 10 s, then none for 50 s)"]);
  // A repetition before the line is written continues the series.
  at("b", 200_000);
  at("b", 258_000);
  log.settle(200_000 + QUIET_MS);
  assertEquals(lines.slice(3), ["refused: b (1 more within 58 s)"]);
});

Deno.test("RateLimitedLog tells what it has counted when it is closed, once", () => {
  const { log, at, lines } = limitedLog();
  at("a", 0);
  at("b", 1);
  at("b", 2);
  log.close();
  log.close();
  assertEquals(lines, ["refused: a", "refused: b", "refused: b (1 more within 1 ms)"]);
});

Deno.test("RateLimitedLog writes a bounded number of lines for any number of kinds, and recovers", () => {
  const { log, at, lines } = limitedLog();
  for (let source = 0; source < 20_000; source++) at(`source ${source}`, source / 1_000);
  assertEquals(lines.length, KINDS_MAX + 1);
  log.settle(2 * QUIET_MS);
  const rest = 20_000 - KINDS_MAX - 1;
  assertEquals(lines.slice(KINDS_MAX + 1), [
    `refused: source 19999 (${rest} more within 20 ms, then none for 120 s)`,
  ]);
  log.settle(4 * QUIET_MS);
  at("someone else", 4 * QUIET_MS);
  at("someone else", 4 * QUIET_MS + 1);
  assertEquals(lines.slice(KINDS_MAX + 2), ["refused: someone else"]);
  // However long the flood, its memory is bounded.
  for (let second = 300; second < 900; second++) {
    for (let source = 0; source < 1_000; source++) at(`${second} ${source}`, second * 1_000);
  }
  assert(lines.length < (KINDS_MAX + 1) * 2 * 11, `${lines.length} lines in ten minutes`);
});

Deno.test("BurstLog writes changes one by one while they are few, and counts them once they are many", () => {
  const lines: string[] = [];
  const clock = new VirtualClock();
  const log = {
    write: (_: string, event: string, text: string) => void lines.push(`${event}: ${text}`),
  };
  const limitedLog = new RateLimitedLog(log, clock);
  const burst = new BurstLog({ log, limitedLog, clock });
  for (let number = 0; number < 1_000; number++) {
    burst.write("a", ["info", "role", `change ${number}`]);
    clock.skip(50);
  }
  burst.write("b", ["info", "role", "another"]);
  clock.skip(BURST_MS);
  limitedLog.settle(clock.nowMs());
  assertEquals(lines, [
    ...Array.from({ length: BURST_MAX }, (_, number) => `role: change ${number}`),
    `role: change ${BURST_MAX}; it changes often`,
    "role: another",
    `role: change 999; it changes often (${
      1_000 - BURST_MAX - 1
    } more within 49.5 s, then none for 60 s)`,
  ]);
  clock.skip(BURST_MS);
  burst.write("a", ["info", "role", "calm"]);
  assertEquals(lines.at(-1), "role: calm");
});
