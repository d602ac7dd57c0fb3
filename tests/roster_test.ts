// When the list of peers is read: on need at once, but ever more rarely for a need that it does not explain.
import { assert, assertEquals } from "@std/assert";
import {
  beginReading,
  endReading,
  failReading,
  meetStranger,
  NEED_MS,
  needReading,
  type Roster,
  rosterWakeAtMs,
  startRoster,
} from "../src/core/roster.ts";

/** A list that was read at 0. */
function known(): Roster {
  return endReading(beginReading(startRoster(true), 0), { listed: true });
}

/** How often the list is read within the time while these senders speak once a second. */
function readings(forMs: number, speakers: (atMs: number) => readonly string[]): number {
  let roster = known(), count = 0;
  for (let atMs = NEED_MS; atMs <= forMs; atMs += 1_000) {
    for (const address of speakers(atMs)) roster = meetStranger(roster, address, atMs);
    if (rosterWakeAtMs(roster) > atMs) continue;
    roster = endReading(beginReading(roster, atMs), { listed: true });
    count += 1;
  }
  return count;
}

Deno.test("meetStranger() makes the list be read at once", () => {
  const roster = meetStranger(known(), "10.0.0.9", 60_000);
  assert(rosterWakeAtMs(roster) <= 60_000);
});

Deno.test("meetStranger() lets one who stays a stranger cost one reading a minute at last", () => {
  const hour = readings(3_600_000, () => ["10.0.0.9"]);
  assert(hour >= 58 && hour <= 64, `${hour} readings in an hour`);
});

Deno.test("meetStranger() lets a newcomer be found at once beside one who stays a stranger", () => {
  let roster = known();
  for (let atMs = 0; atMs <= 600_000; atMs += 1_000) {
    roster = meetStranger(roster, "10.0.0.9", atMs);
    if (rosterWakeAtMs(roster) <= atMs) {
      roster = endReading(beginReading(roster, atMs), { listed: true });
    }
  }
  roster = meetStranger(roster, "10.0.0.8", 620_000);
  assert(rosterWakeAtMs(roster) <= 620_000);
});

Deno.test("meetStranger() keeps its memory small, and any flood to one reading in ten seconds", () => {
  const minutes = 10;
  const flood = (atMs: number) => Array.from({ length: 50 }, (_, each) => `10.1.${each}.${atMs}`);
  const count = readings(minutes * 60_000, flood);
  assert(count <= minutes * 6, `${count} readings`);
  let roster = known();
  for (let each = 1; each <= 200; each++) {
    const atMs = each * NEED_MS;
    roster = meetStranger(roster, `10.2.0.${each}`, atMs);
    assert(roster.strangers.has(`10.2.0.${each}`), "old ones make room");
    roster = endReading(beginReading(roster, atMs), { listed: true });
  }
  assertEquals(roster.strangers.size, 64);
});

Deno.test("needReading() lets those of a better rank read first", () => {
  const [acting, third] = [0, 2].map((betterCount) => needReading(known(), betterCount, 50_000));
  assert(acting && third);
  assertEquals([rosterWakeAtMs(acting), rosterWakeAtMs(third)], [50_000, 50_200]);
  assertEquals(needReading(startRoster(false), 0, 50_000).notBeforeMs, -Infinity, "a static list");
});

Deno.test("a reading that is refused again and again is repeated more and more rarely, up to five minutes", () => {
  let roster = needReading(known(), 0, 20_000);
  const readAtMs: number[] = [];
  while (readAtMs.length < 9) {
    const atMs = rosterWakeAtMs(roster);
    readAtMs.push(atMs);
    roster = failReading(beginReading(roster, atMs), { retryAfterMs: null }, atMs);
  }
  const waits = readAtMs.slice(1).map((atMs, index) => (atMs - readAtMs[index]!) / 1_000);
  assertEquals(waits, [10, 20, 40, 80, 160, 300, 300, 300]);
});
