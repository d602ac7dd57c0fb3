// When the list of peers is read: on need at once, but ever more rarely for a need that it does not explain.
import { assert, assertEquals } from "@std/assert";
import {
  beginReading,
  endReading,
  failReading,
  hurryReading,
  meetStranger,
  needReading,
  replaceList,
  type Roster,
  rosterStale,
  rosterWakeAtMs,
  startRoster,
} from "../../src/core/membership.ts";

/** Shortest time between two readings on need, and age at which a list is read again. */
const NEED_MS = 10_000, REFRESH_MS = 300_000;

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

/** Seconds between the attempts at a reading that fails each time. */
function waitsOf(start: Roster, count: number): number[] {
  let roster = start;
  const readAtMs: number[] = [];
  while (readAtMs.length <= count) {
    const atMs = Math.max(0, rosterWakeAtMs(roster));
    readAtMs.push(atMs);
    roster = failReading(beginReading(roster, atMs), { retryAfterMs: null }, atMs);
  }
  return readAtMs.slice(1).map((atMs, index) => (atMs - readAtMs[index]!) / 1_000);
}

Deno.test("the first reading is repeated every two seconds at first, and every thirty at last", () => {
  assertEquals(waitsOf(startRoster(true), 7), [2, 4, 8, 16, 30, 30, 30]);
  assertEquals(waitsOf(startRoster(false), 2), [2, 4], "a static list must be read once, too");
});

Deno.test("failReading() waits as long as the cloud asks for, a minute at most", () => {
  const failed = (retryAfterMs: number | null) =>
    failReading(beginReading(startRoster(true), 1_000), { retryAfterMs }, 1_500);
  const wakes = [null, 7_000, 3_600_000].map((ms) => rosterWakeAtMs(failed(ms)));
  assertEquals(wakes, [3_000, 8_500, 61_500]);
  assertEquals([failed(null).reading, failed(null).needed], [false, true]);
  assertEquals([failed(null).notBeforeMs, failed(7_000).notBeforeMs], [1_500, 8_500]);
});

Deno.test("a list is read along with a look once it is five minutes old, and alone every 30 s if it lacks us", () => {
  const read = (listed: boolean, dynamic = true) =>
    endReading(beginReading(startRoster(dynamic), 50_000), { listed });
  const staleAt = (roster: Roster, atMs: number) => rosterStale(roster, atMs);
  const agedMs = 50_000 + REFRESH_MS;
  assertEquals([staleAt(read(true), agedMs - 1), staleAt(read(true), agedMs)], [false, true]);
  assertEquals(staleAt(read(true, false), agedMs), false, "a static list does not change");
  assertEquals(staleAt(startRoster(true), agedMs), false, "the first reading does not wait");
  assertEquals(staleAt(beginReading(read(true), 60_000), agedMs + 60_000), false);
  assertEquals([rosterWakeAtMs(read(true)), rosterWakeAtMs(read(false))], [Infinity, 80_000]);
  assertEquals(rosterWakeAtMs(read(false, false)), Infinity);
  assertEquals(rosterWakeAtMs(beginReading(read(false), 80_000)), Infinity, "it is being read");
});

Deno.test("endReading() keeps what the list says, and reads a static one again if a peer is missing", () => {
  const begun = failReading(beginReading(startRoster(false), 0), { retryAfterMs: null }, 0);
  const again = beginReading(begun, 5_000);
  const ended = endReading(again, { listed: false, found: "pool" });
  assertEquals([ended.reading, ended.known, ended.needed, ended.failures], [false, true, false, 0]);
  assertEquals([ended.listed, ended.found, ended.dynamic], [false, "pool", false]);
  assertEquals(endReading(again, { listed: true, missing: ["b.test"] }).dynamic, true);
  assertEquals(endReading(again, { listed: true, missing: [] }).dynamic, false);
  assertEquals(endReading(again, { listed: true }).found, null);
});

Deno.test("hurryReading() forgets failures, and replaceList() makes a new list be read at once", () => {
  const failing = failReading(beginReading(known(), 50_000), { retryAfterMs: null }, 50_000);
  const hurried = hurryReading({ ...failing, failures: 3 });
  assertEquals([hurried.failures, rosterWakeAtMs(hurried) <= 50_000], [0, true]);
  assertEquals(hurryReading({ ...failing, failures: 1 }).failures, 0);
  assertEquals(rosterWakeAtMs(failing), 50_000, "once is no reason to wait");
  const fine = known();
  assert(hurryReading(fine) === fine);
  const replaced = replaceList({ ...known(), neededAtMs: 49_000, readAtMs: 49_000 });
  assertEquals([replaced.needed, rosterWakeAtMs(replaced) <= 49_000], [true, true]);
  // One under way is thrown away by its owner, who begins again.
  assertEquals(replaceList(beginReading(known(), 0)).needed, false);
});

Deno.test("needReading() does not begin anew what is needed already, nor before the cloud allows it", () => {
  const needed = needReading(known(), 0, 50_000);
  assert(needReading(needed, 3, 60_000) === needed);
  const asked = { ...known(), notBeforeMs: 55_000 };
  assertEquals(needReading(asked, 3, 50_000).notBeforeMs, 55_000);
  assertEquals(needReading(asked, 3, 55_000).notBeforeMs, 55_300);
});

Deno.test("readings on need leave ten seconds between them", () => {
  const read = endReading(beginReading(needReading(known(), 0, 50_000), 50_000), { listed: true });
  assertEquals(rosterWakeAtMs(meetStranger(read, "10.0.0.9", 51_000)), 50_000 + NEED_MS);
  // A reading that nothing had shown a need for does not count.
  const routine = endReading(beginReading(known(), 50_000), { listed: true });
  assertEquals(rosterWakeAtMs(meetStranger(routine, "10.0.0.9", 51_000)) <= 51_000, true);
});

Deno.test("meetStranger() has no room for another one while all that it remembers still wait", () => {
  const name = (each: number) => `10.2.0.${each}`;
  let roster = known();
  for (let each = 1; each <= 64; each++) {
    roster = { ...meetStranger(roster, name(each), 1_000), needed: false };
  }
  const full = meetStranger(roster, name(65), 10_999);
  assertEquals([full.strangers.size, full.strangers.has(name(65))], [64, false]);
  assertEquals([full.strangers.has(name(1)), full.needed], [true, true]);
  const later = meetStranger(roster, name(65), 11_000);
  assertEquals([later.strangers.size, later.strangers.has(name(65))], [64, true]);
  assertEquals([later.strangers.has(name(1)), later.strangers.has(name(2))], [false, true]);
});

Deno.test("meetStranger() waits for the same one twice as long each time", () => {
  let roster = known();
  const waits: number[] = [];
  for (let atMs = 0; waits.length < 5; atMs += 500) {
    const next = meetStranger(roster, "10.0.0.9", atMs);
    if (next === roster) continue;
    waits.push(atMs / 1_000);
    assertEquals(meetStranger(next, "10.0.0.8", atMs), next, "it will be read anyway");
    roster = endReading(beginReading(next, atMs), { listed: true });
  }
  assertEquals(waits, [0, 10, 30, 70, 130]);
});
