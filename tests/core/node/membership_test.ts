// When the membership is read: at once when needed, but ever more rarely for a need that it does not explain.
import { assert, assertEquals } from "@std/assert";
import {
  beginReading,
  endReading,
  failReading,
  hurryReading,
  meetStranger,
  type Membership,
  membershipStale,
  membershipWakeAtMs,
  needReading,
  replaceList,
  startMembership,
} from "../../../src/core/node/membership.ts";

/** Shortest time between two readings on demand, and the age at which the membership is read again. */
const NEED_MS = 10_000, REFRESH_MS = 300_000;

/** A membership that was read at 0. */
function known(): Membership {
  return endReading(beginReading(startMembership(true), 0), { inPeerList: true });
}

/** How often the membership is read within that time while these senders are heard once a second. */
function readings(forMs: number, speakers: (atMs: number) => readonly string[]): number {
  let membership = known(), count = 0;
  for (let atMs = NEED_MS; atMs <= forMs; atMs += 1_000) {
    for (const address of speakers(atMs)) membership = meetStranger(membership, address, atMs);
    if (membershipWakeAtMs(membership) > atMs) continue;
    membership = endReading(beginReading(membership, atMs), { inPeerList: true });
    count += 1;
  }
  return count;
}

Deno.test("meetStranger() makes the list be read at once", () => {
  const membership = meetStranger(known(), "10.0.0.9", 60_000);
  assert(membershipWakeAtMs(membership) <= 60_000);
});

Deno.test("meetStranger() lets one who stays a stranger cost one reading a minute at last", () => {
  const hour = readings(3_600_000, () => ["10.0.0.9"]);
  assert(hour >= 58 && hour <= 64, `${hour} readings in an hour`);
});

Deno.test("meetStranger() lets a newcomer be found at once beside one who stays a stranger", () => {
  let membership = known();
  for (let atMs = 0; atMs <= 600_000; atMs += 1_000) {
    membership = meetStranger(membership, "10.0.0.9", atMs);
    if (membershipWakeAtMs(membership) <= atMs) {
      membership = endReading(beginReading(membership, atMs), { inPeerList: true });
    }
  }
  membership = meetStranger(membership, "10.0.0.8", 620_000);
  assert(membershipWakeAtMs(membership) <= 620_000);
});

Deno.test("meetStranger() keeps its memory small, and any flood to one reading in ten seconds", () => {
  const minutes = 10;
  const flood = (atMs: number) => Array.from({ length: 50 }, (_, each) => `10.1.${each}.${atMs}`);
  const count = readings(minutes * 60_000, flood);
  assert(count <= minutes * 6, `${count} readings`);
  let membership = known();
  for (let each = 1; each <= 200; each++) {
    const atMs = each * NEED_MS;
    membership = meetStranger(membership, `10.2.0.${each}`, atMs);
    assert(membership.strangers.has(`10.2.0.${each}`), "old ones make room");
    membership = endReading(beginReading(membership, atMs), { inPeerList: true });
  }
  assertEquals(membership.strangers.size, 64);
});

Deno.test("needReading() lets those of a better rank read first", () => {
  const [acting, third] = [0, 2].map((betterCount) => needReading(known(), betterCount, 50_000));
  assert(acting && third);
  assertEquals([membershipWakeAtMs(acting), membershipWakeAtMs(third)], [50_000, 50_200]);
  assertEquals(
    needReading(startMembership(false), 0, 50_000).notBeforeMs,
    -Infinity,
    "a static list",
  );
});

Deno.test("a reading that is refused again and again is repeated more and more rarely, up to five minutes", () => {
  let membership = needReading(known(), 0, 20_000);
  const readAtMs: number[] = [];
  while (readAtMs.length < 9) {
    const atMs = membershipWakeAtMs(membership);
    readAtMs.push(atMs);
    membership = failReading(beginReading(membership, atMs), { retryAfterMs: null }, atMs);
  }
  const waits = readAtMs.slice(1).map((atMs, index) => (atMs - readAtMs[index]!) / 1_000);
  assertEquals(waits, [10, 20, 40, 80, 160, 300, 300, 300]);
});

/** Seconds between the attempts of a reading that always fails. */
function waitsOf(start: Membership, count: number): number[] {
  let membership = start;
  const readAtMs: number[] = [];
  while (readAtMs.length <= count) {
    const atMs = Math.max(0, membershipWakeAtMs(membership));
    readAtMs.push(atMs);
    membership = failReading(beginReading(membership, atMs), { retryAfterMs: null }, atMs);
  }
  return readAtMs.slice(1).map((atMs, index) => (atMs - readAtMs[index]!) / 1_000);
}

Deno.test("the first reading is repeated every two seconds at first, and every thirty at last", () => {
  assertEquals(waitsOf(startMembership(true), 7), [2, 4, 8, 16, 30, 30, 30]);
  assertEquals(waitsOf(startMembership(false), 2), [2, 4], "a static list must be read once, too");
});

Deno.test("failReading() waits as long as the cloud asks for, a minute at most", () => {
  const failed = (retryAfterMs: number | null) =>
    failReading(beginReading(startMembership(true), 1_000), { retryAfterMs }, 1_500);
  const wakes = [null, 7_000, 3_600_000].map((ms) => membershipWakeAtMs(failed(ms)));
  assertEquals(wakes, [3_000, 8_500, 61_500]);
  assertEquals([failed(null).reading, failed(null).needed], [false, true]);
  assertEquals([failed(null).notBeforeMs, failed(7_000).notBeforeMs], [1_500, 8_500]);
});

Deno.test("a list is read along with a look once it is five minutes old, and alone every 30 s if it lacks us", () => {
  const read = (inPeerList: boolean, dynamic = true) =>
    endReading(beginReading(startMembership(dynamic), 50_000), { inPeerList });
  const staleAt = (membership: Membership, atMs: number) => membershipStale(membership, atMs);
  const agedMs = 50_000 + REFRESH_MS;
  assertEquals([staleAt(read(true), agedMs - 1), staleAt(read(true), agedMs)], [false, true]);
  assertEquals(staleAt(read(true, false), agedMs), false, "a static list does not change");
  assertEquals(staleAt(startMembership(true), agedMs), false, "the first reading does not wait");
  assertEquals(staleAt(beginReading(read(true), 60_000), agedMs + 60_000), false);
  assertEquals([membershipWakeAtMs(read(true)), membershipWakeAtMs(read(false))], [
    Infinity,
    80_000,
  ]);
  assertEquals(membershipWakeAtMs(read(false, false)), Infinity);
  assertEquals(membershipWakeAtMs(beginReading(read(false), 80_000)), Infinity, "it is being read");
});

Deno.test("endReading() keeps what the list says, and reads a static one again if a peer is missing", () => {
  const begun = failReading(beginReading(startMembership(false), 0), { retryAfterMs: null }, 0);
  const again = beginReading(begun, 5_000);
  const ended = endReading(again, { inPeerList: false, found: "pool" });
  assertEquals([ended.reading, ended.known, ended.needed, ended.failures], [false, true, false, 0]);
  assertEquals([ended.inPeerList, ended.found, ended.dynamic], [false, "pool", false]);
  assertEquals(endReading(again, { inPeerList: true, missing: ["b.test"] }).dynamic, true);
  assertEquals(endReading(again, { inPeerList: true, missing: [] }).dynamic, false);
  assertEquals(endReading(again, { inPeerList: true }).found, null);
});

Deno.test("hurryReading() forgets failures, and replaceList() makes a new list be read at once", () => {
  const failing = failReading(beginReading(known(), 50_000), { retryAfterMs: null }, 50_000);
  const hurried = hurryReading({ ...failing, failures: 3 });
  assertEquals([hurried.failures, membershipWakeAtMs(hurried) <= 50_000], [0, true]);
  assertEquals(hurryReading({ ...failing, failures: 1 }).failures, 0);
  assertEquals(membershipWakeAtMs(failing), 50_000, "once is no reason to wait");
  const fine = known();
  assert(hurryReading(fine) === fine);
  const replaced = replaceList({ ...known(), neededAtMs: 49_000, readAtMs: 49_000 });
  assertEquals([replaced.needed, membershipWakeAtMs(replaced) <= 49_000], [true, true]);
  // The owner discards a reading under way, and starts another.
  assertEquals(replaceList(beginReading(known(), 0)).needed, false);
});

Deno.test("needReading() does not begin again what is needed already, nor before the cloud allows it", () => {
  const needed = needReading(known(), 0, 50_000);
  assert(needReading(needed, 3, 60_000) === needed);
  const asked = { ...known(), notBeforeMs: 55_000 };
  assertEquals(needReading(asked, 3, 50_000).notBeforeMs, 55_000);
  assertEquals(needReading(asked, 3, 55_000).notBeforeMs, 55_300);
});

Deno.test("readings on need leave ten seconds between them", () => {
  const read = endReading(beginReading(needReading(known(), 0, 50_000), 50_000), {
    inPeerList: true,
  });
  assertEquals(membershipWakeAtMs(meetStranger(read, "10.0.0.9", 51_000)), 50_000 + NEED_MS);
  // A routine reading does not count as one on demand.
  const routine = endReading(beginReading(known(), 50_000), { inPeerList: true });
  assertEquals(membershipWakeAtMs(meetStranger(routine, "10.0.0.9", 51_000)) <= 51_000, true);
});

Deno.test("meetStranger() has no room for another one while all that it remembers still wait", () => {
  const name = (each: number) => `10.2.0.${each}`;
  let membership = known();
  for (let each = 1; each <= 64; each++) {
    membership = { ...meetStranger(membership, name(each), 1_000), needed: false };
  }
  const full = meetStranger(membership, name(65), 10_999);
  assertEquals([full.strangers.size, full.strangers.has(name(65))], [64, false]);
  assertEquals([full.strangers.has(name(1)), full.needed], [true, true]);
  const later = meetStranger(membership, name(65), 11_000);
  assertEquals([later.strangers.size, later.strangers.has(name(65))], [64, true]);
  assertEquals([later.strangers.has(name(1)), later.strangers.has(name(2))], [false, true]);
});

Deno.test("meetStranger() waits for the same one twice as long each time", () => {
  let membership = known();
  const waits: number[] = [];
  for (let atMs = 0; waits.length < 5; atMs += 500) {
    const next = meetStranger(membership, "10.0.0.9", atMs);
    if (next === membership) continue;
    waits.push(atMs / 1_000);
    assertEquals(meetStranger(next, "10.0.0.8", atMs), next, "it will be read anyway");
    membership = endReading(beginReading(next, atMs), { inPeerList: true });
  }
  assertEquals(waits, [0, 10, 30, 70, 130]);
});
