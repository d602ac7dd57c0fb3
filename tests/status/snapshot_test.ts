// The snapshot's values for a node, its peers and its links, and that each value has its age.
import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../src/host/clock.ts";
import { RecentLog } from "../../src/status/recent_log.ts";
import { NodeFixture, PEERS } from "../support/node_fixture.ts";
import { ageOf } from "../../src/core/age.ts";

/** The only address, and its peers. */
function look(played: NodeFixture) {
  const [view] = played.snapshot().addresses;
  assert(view);
  const [first, second] = view.peers;
  assert(first && second);
  return { view, first, second };
}

Deno.test("a snapshot tells what a node is, what it has, and how old each of it is", () => {
  const played = new NodeFixture();
  played.until(100);
  const { view, first } = look(played);
  assertEquals([view.role, view.reason, view.roleAgeMs], ["backup", "settling", 100]);
  assertEquals([view.settling, view.prepared, view.holding], [true, true, false]);
  assertEquals([first.alive, first.heardAgeMs, first.priority, first.link], [
    false,
    null,
    null,
    "silent",
  ]);
  played.until(10_000);
  const later = look(played).view;
  assertEquals([later.role, later.reason, later.holding], ["master", "alone", true]);
  // The hold-off of 3.1 s, and the age of the reading after the attach.
  assertEquals([later.roleAgeMs, later.takeOvers, later.takeOverAgeMs], [6_900, 1, 6_900]);
  assertEquals([later.holdingAgeMs, later.otherHoldersAgeMs], [5_900, 5_900]);
  assertEquals(later.calls.find(({ verb }) => verb === "attach"), {
    verb: "attach",
    done: 1,
    doneAgeMs: 6_900,
    tookMs: 12,
    errors: [],
  });
  assertEquals(later.cloudAgeMs, 5_900);
  // A failed call does not tell when the cloud last answered.
  played.counters.failed("inspect", "timeout", 9_500);
  assertEquals(look(played).view.cloudAgeMs, 5_900);
});

Deno.test("a snapshot tells of a peer what it last said, and how long ago", () => {
  const played = new NodeFixture();
  played.until(1_000);
  played.hear(0, { priority: 5, holds: true, unhealthy: true, unable: true, leaving: true });
  played.until(1_700);
  const { first } = look(played);
  assertEquals(first, {
    address: PEERS[0]!.address,
    network: null,
    name: null,
    instanceId: PEERS[0]!.instanceId,
    alive: true,
    heardAgeMs: 700,
    priority: 5,
    ownPriority: 5,
    holds: true,
    leaving: true,
    unable: true,
    unhealthy: true,
    link: "both",
    notHearingUsAgeMs: null,
    refused: null,
  });
  played.until(9_000);
  const late = look(played).first;
  assertEquals([late.alive, late.holds, late.heardAgeMs, late.link], [
    false,
    true,
    8_000,
    "silent",
  ]);
});

Deno.test("a snapshot says why a node is unhealthy, as it is now, and who ranks before one that is not", () => {
  const played = new NodeFixture();
  for (let atMs = 1_000; atMs <= 6_000; atMs += 1_000) {
    played.until(atMs);
    played.hear(0);
  }
  const detailAfter = (healthy: boolean, reason: string) => {
    played.step({ kind: "health", healthy, reason });
    const { reason: word, reasonDetail } = look(played).view;
    return `${word}: ${reasonDetail}`;
  };
  const way = `makes way for ${PEERS[0]!.address} with priority 20`;
  assertEquals(detailAfter(false, "tcp: refused"), `unhealthy: tcp: refused; ${way}`);
  assertEquals(detailAfter(false, "no address"), `unhealthy: no address; ${way}`);
  assertEquals(detailAfter(true, ""), "best: ");
  played.hear(0, { priority: 5, ownPriority: 5, sequence: 99_000 });
  assertEquals(look(played).view.reasonDetail, `by ${PEERS[0]!.address} with priority 5`);
});

Deno.test("a snapshot tells of a peer that does not hear us, and since when", () => {
  const played = new NodeFixture();
  played.until(1_000);
  played.hear(0, { hearsYou: false });
  played.hear(1, "original");
  played.until(1_800);
  played.hear(0, { hearsYou: false });
  const { first, second } = look(played);
  assertEquals([first.link, first.notHearingUsAgeMs], ["does-not-hear-us", 800]);
  assertEquals([second.link, second.holds, second.unhealthy], ["unconfirmed", null, null]);
});

Deno.test("a snapshot tells of a peer that is not heard and yet lives: by what it refuses", () => {
  const played = new NodeFixture();
  played.until(1_000);
  const { elasticIp } = played.node.election.settings;
  const wrong = { priority: 20, elasticIp, id: "00000000-0000-4000-8000-000000000009" };
  played.step({
    kind: "incoming",
    from: PEERS[0]!.address,
    heartbeat: { ...wrong, trailer: null },
  });
  played.until(1_500);
  const { first } = look(played);
  assertEquals(first.refused, { word: "wrong-id", count: 1, ageMs: 500 });
  assertEquals([first.alive, first.link], [false, "not-heard"]);
  played.until(5_000);
  assertEquals(look(played).first.link, "silent", "what it proves passes");
});

Deno.test("a snapshot tells of a peer that is not heard and yet lives: by the cloud", () => {
  const played = new NodeFixture();
  const { instanceId } = PEERS[0]!;
  played.others = [{ instanceId, off: false }, { instanceId: "stranger", off: false }];
  played.until(60_000);
  const { view, first, second } = look(played);
  assertEquals([first.link, second.link], ["not-heard", "silent"]);
  assertEquals(view.otherHolders, [
    { instanceId, name: null, peer: PEERS[0]!.address, off: false },
    { instanceId: "stranger", name: null, peer: null, off: false },
  ]);
});

Deno.test("a snapshot tells the age of what a backup does not read any more", () => {
  const played = new NodeFixture();
  played.until(10_000);
  assertEquals(look(played).view.otherHoldersAgeMs, 5_900);
  for (let atMs = 10_000; atMs <= 120_000; atMs += 1_000) {
    played.until(atMs);
    played.hear(0, { priority: 5, holds: true });
  }
  const { view } = look(played);
  assertEquals(view.role, "backup");
  assert(view.holdingAgeMs !== null && view.holdingAgeMs < 40_000, `${view.holdingAgeMs}`);
  assert(view.otherHoldersAgeMs !== null && view.otherHoldersAgeMs > 80_000, "no younger");
});

Deno.test("a snapshot names the first peers that are missing, and which of them count as gone", () => {
  const played = new NodeFixture();
  const missing = Array.from({ length: 40 }, (_, index) => ({
    peer: `peer-${index}`,
    denied: index === 1,
  }));
  played.until(100);
  played.step({ kind: "missing", missing });
  const before = look(played).view.missingPeers;
  assertEquals(before.length, 32);
  assertEquals(before[0], { peer: "peer-0", gone: false });
  assertEquals(before[31]?.peer, "peer-31");
  played.until(60_100);
  const after = look(played).view.missingPeers;
  assertEquals(after.slice(0, 3).map(({ gone }) => gone), [false, true, false]);
});

Deno.test("a snapshot tells that a node leaves, cannot reach the cloud, or is in no list", () => {
  const played = new NodeFixture();
  played.until(10_000);
  const { view } = look(played);
  assertEquals([view.leaving, view.released, view.cloudReachable, view.inPeerList], [
    false,
    false,
    true,
    true,
  ]);
  assertEquals([view.settling, view.takeOvers, view.evictions], [false, 1, 0]);
  assertEquals([view.intervalMs, view.deadTimeMs, view.reconcileMs], [1_000, 3_000, 30_000]);
  const { election, ownership } = played.node;
  played.node = {
    ...played.node,
    election: { ...election, stops: 1, inPeerList: false },
    ownership: { ...ownership, released: "it is gone", cloudReachable: false },
  };
  const other = look(played).view;
  assertEquals([other.leaving, other.released, other.cloudReachable, other.inPeerList], [
    ...[true, true, false, false],
  ]);
});

Deno.test("ageOf() knows no age of what never was, and none below zero", () => {
  assertEquals([ageOf(null, 5), ageOf(-Infinity, 5), ageOf(3, 5), ageOf(7, 5)], [null, null, 2, 0]);
});

Deno.test("RecentLog passes all on, and remembers a bounded number of changes with their age", () => {
  const lines: string[] = [];
  let nowMs = 0;
  const clock = { ...systemClock, nowMs: () => nowMs, wallMs: () => 1_000_000 + nowMs };
  const log = new RecentLog({ write: (...line) => void lines.push(line.join(" ")) }, clock);
  log.write("info", "call", "no change");
  log.write("warning", "refused", "no change");
  assertEquals(log.changes(nowMs), []);
  for (nowMs = 0; nowMs < 250; nowMs++) log.write("warning", "role", `${nowMs} ${"x".repeat(400)}`);
  assertEquals(lines.length, 252);
  const changes = log.changes(300);
  assertEquals(changes.length, 100);
  const [oldest] = changes;
  assertEquals([oldest?.atMs, oldest?.ageMs, oldest?.severity, oldest?.event], [
    1_000_150,
    150,
    "warning",
    "role",
  ]);
  assertEquals(oldest?.text.length, 303);
});
