import { assertEquals } from "@std/assert";
import { KINDS_MAX, QUIET_MS, QuietLog } from "../src/quiet_log.ts";

/** A log whose time the test sets. */
function quietLog() {
  const time = { nowMs: 0 };
  const lines: string[] = [];
  const clock = { nowMs: () => time.nowMs, wallMs: () => 0, sleep: () => Promise.resolve() };
  const log = new QuietLog(
    { write: (_, event, text) => void lines.push(`${event}: ${text}`) },
    clock,
  );
  const at = (kind: string, nowMs: number) => {
    time.nowMs = nowMs;
    log.write(kind, ["warning", "refused", kind]);
  };
  return { at, lines };
}

Deno.test("QuietLog writes the first of a kind and counts the others until a minute is over", () => {
  const { at, lines } = quietLog();
  at("a", 0);
  at("a", 1);
  at("a", QUIET_MS - 1);
  at("b", QUIET_MS - 1);
  at("a", QUIET_MS);
  at("a", QUIET_MS + 1);
  assertEquals(lines, ["refused: a", "refused: b", "refused: a (2 more since the last line)"]);
});

Deno.test("QuietLog writes a bounded number of lines for any number of kinds, and recovers", () => {
  const { at, lines } = quietLog();
  for (let source = 0; source < 20_000; source++) at(`source ${source}`, source / 1_000);
  assertEquals(lines.length, KINDS_MAX + 1);
  at("someone else", 2 * QUIET_MS);
  at("someone else", 2 * QUIET_MS + 1);
  assertEquals(lines.slice(KINDS_MAX + 1), ["refused: someone else"]);
});
