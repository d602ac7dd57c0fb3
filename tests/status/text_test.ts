// The text of a snapshot: its content, and that it fits into a datagram.
import { sampleReport } from "../support/shadow_sample.ts";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { NOT_LOOKED, type Presence } from "../../src/core/presence.ts";
import type { AddressView, PeerView, Snapshot } from "../../src/status/snapshot.ts";
import { fittedLines, INFO_MAX_BYTES, statusLines, TEXT_WIDTH } from "../../src/status/text.ts";
import { NodeFixture, PEERS, SELF_ID } from "../support/node_fixture.ts";
import { ageText, durationText, spanText } from "../../src/core/age.ts";

/** A node after 10 s that hears one of two peers. */
function snapshotOfMaster(): Snapshot {
  const played = new NodeFixture();
  for (let atMs = 1_000; atMs <= 10_000; atMs += 1_000) {
    played.until(atMs);
    played.hear(0, { hearsYou: atMs < 5_000 });
  }
  played.until(10_400);
  played.presence = {
    ...NOT_LOOKED,
    sight: { present: true, on: "lo" },
    lookedAtMs: 10_000,
  };
  played.checks = [{ name: "tcp", state: "failing", ageMs: 1_500, reason: "refused" }];
  return played.snapshot();
}

/** The snapshot with that many peers. */
function crowd(snapshot: Snapshot, count: number): Snapshot {
  const [address] = snapshot.addresses;
  assert(address);
  const [peer] = address.peers;
  const peers = Array.from(
    { length: count },
    (_, n) => ({ ...peer!, address: `10.0.${n}.1`, instanceId: `i-${n}` }),
  );
  return { ...snapshot, addresses: [{ ...address, peers }] };
}

Deno.test("statusLines() begins with the verdict and shows every figure with its age, in columns", () => {
  const lines = statusLines(snapshotOfMaster());
  const changes = lines.indexOf("last changes");
  assertEquals(lines.slice(0, changes), [
    "WARNING: this node holds 198.51.100.50, 1 of 2 peers live, master for 7.3 s; check tcp is " +
    "failing: refused, and 2 more",
    "  WARNING  check tcp is failing: refused",
    "  WARNING  peer 203.0.113.11 is heard, but does not hear this node",
    "  WARNING  peer 203.0.113.12 was never heard",
    "",
    "198.51.100.50",
    "  role       master (best) for 7.3 s",
    "  holding    yes, read 6.3 s ago",
    "  interface  lo, looked 0.4 s ago",
    "  healthy    yes",
    "  cloud      reachable, answered 6.3 s ago, errors none",
    "  others     the cloud shows nobody else, read 6.3 s ago",
    "  settings   priority 10, interval 1 s, dead after 3 s",
    "  moves      take-overs 1 (7.3 s ago), evictions 0",
    "  PEER          STATE    PRIORITY  HOLDS  HEARD      NOTES",
    "  203.0.113.11  live     20        no     0.4 s ago  does not hear us",
    "  203.0.113.12  unheard  -         -      never",
    "",
    "watchdog    exoip 1.2.3 (commit abc), running, up 10.4 s, zone ch-gva-2",
    "loop        late by 1 ms, at worst 4 ms",
    "heartbeats  sent 24 (0.4 s ago), received 10 (0.4 s ago), refused none",
    "check tcp  failing, 1.5 s ago: refused",
    "",
  ]);
  assertEquals(lines.slice(changes + 1), [
    "  9.4 s ago  peer-alive  peer 203.0.113.11 is alive, priority 20",
    "  7.3 s ago  role        master (best), was backup",
    "  7.3 s ago  attached    the Elastic IP is attached to this instance",
    "  2.4 s ago  one-way     peer 203.0.113.11 is heard, but does not hear us",
  ]);
  const snapshot = snapshotOfMaster(), [address] = snapshot.addresses;
  const detail = "tcp: refused; no live node is healthy";
  const unhealthy = { ...address!, reason: "unhealthy", reasonDetail: detail } as const;
  const role = fieldOf(statusLines({ ...snapshot, addresses: [unhealthy] }), "role");
  assertEquals(role, `master (unhealthy) for 7.3 s: ${detail}`);
  const nowhere = statusLines({ ...snapshotOfMaster(), zone: null });
  assert(nowhere.some((line) => line.endsWith("running, up 10.4 s")));
});

Deno.test("statusLines() shows ids to who asks for them, and cuts lines for everybody else", () => {
  const snapshot = snapshotOfMaster();
  const [brief, verbose] = [false, true].map((flag) => statusLines(snapshot, { verbose: flag }));
  const id = /[0-9a-f]{8}-[0-9a-f]{4}-/;
  assertEquals(brief!.filter((line) => id.test(line)), []);
  assert(verbose!.includes(`  instance   ${SELF_ID}`), verbose!.join("\n"));
  const instance = `instance ${PEERS[0]!.instanceId}`;
  assert(verbose!.some((line) => line.endsWith(`does not hear us, ${instance}`)));
  const long = [{ ...snapshot.checks[0]!, reason: "x".repeat(300) }];
  const cut = statusLines({ ...snapshot, checks: long });
  for (const line of cut.slice(1)) assert(line.length <= TEXT_WIDTH, line);
  assert(cut.some((line) => line.endsWith("xxx…") && line.length === TEXT_WIDTH));
  const whole = statusLines({ ...snapshot, checks: long }, { verbose: true });
  assert(whole.some((line) => line.endsWith("x".repeat(300))));
});

Deno.test("statusLines() shows a peer that stands back with its own priority, and names", () => {
  const played = new NodeFixture();
  played.names.set(PEERS[0]!.address, "node-b.test");
  played.until(1_000);
  played.hear(0, { priority: 255, ownPriority: 5 });
  played.hear(1, { priority: 255, ownPriority: 7, unhealthy: true });
  played.until(1_500);
  const lines = statusLines(played.snapshot());
  const head = lines.findIndex((line) => line.startsWith("  PEER"));
  assertEquals(lines.slice(head, head + 3), [
    "  PEER                        STATE  PRIORITY  HOLDS  HEARD      NOTES",
    "  node-b.test (203.0.113.11)  live   5         no     0.5 s ago  stands back",
    "  203.0.113.12                live   7         no     0.5 s ago  unhealthy",
  ]);
});

/** The value of that field in the address's table. */
function fieldOf(lines: readonly string[], word: string): string | undefined {
  const line = lines.find((each) => each.startsWith(`  ${word} `));
  return line?.slice(word.length + 2).trim();
}

Deno.test("statusLines() says whether this machine has the address, and why not", () => {
  const played = new NodeFixture();
  played.until(2_500);
  const line = (presence: Partial<Presence> | null) => {
    played.presence = presence && { ...NOT_LOOKED, lookedAtMs: 2_000, ...presence };
    return fieldOf(statusLines(played.snapshot()), "interface");
  };
  assertEquals(line(null), "unknown");
  assertEquals(line({}), "unknown");
  const local = { present: true, on: null }, missing = { present: false, on: null };
  assertEquals(line({ sight: local }), "this machine has it, looked 0.5 s ago");
  assertEquals(line({ sight: missing }), "none has the address, looked 0.5 s ago");
  assertEquals(
    line({ sight: missing, problem: 'Device "lo" does not exist.' }),
    'none has the address, looked 0.5 s ago: Device "lo" does not exist.',
  );
  // An older watchdog does not send it.
  const [view] = played.snapshot().addresses;
  const { onInterface: _, ...older } = view!;
  const snapshot = { ...played.snapshot(), addresses: [older as AddressView] };
  assertEquals(fieldOf(statusLines(snapshot), "interface"), "unknown");
});

/** The lines of a snapshot with these changes in its address and its first peer. */
function linesWith(view: Partial<AddressView>, peer: Partial<PeerView> = {}): string[] {
  const snapshot = snapshotOfMaster();
  const [address] = snapshot.addresses;
  assert(address);
  const [first, ...rest] = address.peers;
  const peers = [{ ...first!, ...peer }, ...rest];
  return statusLines({ ...snapshot, addresses: [{ ...address, peers, ...view }] });
}

Deno.test("statusLines() says of an address what is unknown, wrong or left out", () => {
  const is = (word: string, view: Partial<AddressView>, text: string) =>
    assertEquals(fieldOf(linesWith(view), word), text);
  is("holding", { holding: false }, "no, read 6.3 s ago");
  is("holding", { holding: null, holdingAgeMs: null }, "unknown, read never");
  is("holding", { holding: false, released: true }, "no (released in the cloud), read 6.3 s ago");
  is("healthy", { healthy: false }, "no");
  is("cloud", { cloudReachable: false }, "not reachable, answered 6.3 s ago, errors none");
  is("others", { otherHoldersAgeMs: null }, "not known whom else the cloud shows");
  const otherHolders = [
    { instanceId: "i-1", name: null, peer: PEERS[0]!.address, off: false },
    { instanceId: "i-2", name: null, peer: null, off: false },
    { instanceId: "i-3", name: "edge-3", peer: null, off: false },
  ];
  const three = "the cloud shows 203.0.113.11 and instance i-2 and edge-3 (i-3), read 6.3 s ago";
  is("others", { otherHolders }, three);
  const one = "the cloud shows edge-3 (i-3), read 6.3 s ago";
  is("others", { otherHolders: otherHolders.slice(2) }, one);
  const has = (line: string, view: Partial<AddressView>) =>
    assert(linesWith(view).includes(line), `${line}\n${linesWith(view).join("\n")}`);
  is(
    "holding",
    { unavailable: "it is managed" },
    "yes (moved by the cloud itself), read 6.3 s ago",
  );
  const twin = { address: "10.0.0.9", proved: true, ageMs: 6_300 };
  is("twin", { twin }, "10.0.0.9 has the same id, since 6.3 s ago");
  const forged = "10.0.0.9 has the same id, which may be forged, since 6.3 s ago";
  is("twin", { twin: { ...twin, proved: false } }, forged);
  const aside = { kind: "drained", by: "root", reason: "kernel update", ageMs: 6_300 } as const;
  is("drained", { aside }, "by root 6.3 s ago: kernel update");
  is("demoted", { aside: { ...aside, kind: "demoted", reason: "" } }, "by root 6.3 s ago");
  has("  3 more peers do not fit here", { peersLeftOut: 3 });
  has("  no peers", { peers: [] });
  const missing = [{ peer: "b.test", gone: false }, { peer: "c.test", gone: true }];
  has("  peer b.test is missing", { missingPeers: missing });
  has("  peer c.test is missing, and counts as gone", { missingPeers: missing });
  assert(!linesWith({}).some((line) => line.includes("do not fit here")));
  const calls = [{ verb: "look", done: 1, doneAgeMs: 1_000, tookMs: 12, errors: [] }, {
    ...{ verb: "attach", done: 0, doneAgeMs: null, tookMs: null },
    errors: [{ word: "timeout", count: 2, ageMs: 3_000 }, {
      word: "refused",
      count: 0,
      ageMs: null,
    }],
  }] as AddressView["calls"];
  const errors = "errors attach timeout 2 (3.0 s ago), attach refused 0";
  is("cloud", { calls }, `reachable, answered 6.3 s ago, ${errors}`);
});

Deno.test("statusLines() says of a peer all that is not as it should be", () => {
  const cells = (peer: Partial<PeerView>) => {
    const lines = linesWith({}, { link: "both", ...peer });
    const row = lines.find((line) => line.startsWith(`  ${PEERS[0]!.address} `)) ?? "";
    return row.trim().split(/ {2,}/).slice(1);
  };
  assertEquals(cells({}), ["live", "20", "no", "0.4 s ago"]);
  const unheard = { alive: false, priority: null, ownPriority: null, holds: null };
  assertEquals(cells({ ...unheard, heardAgeMs: null }), ["unheard", "-", "-", "never"]);
  assertEquals(cells({ alive: false }), ["dead", "20", "-", "0.4 s ago"]);
  assertEquals(cells({ holds: true, leaving: true, unable: true, unhealthy: true }), [
    ...["live", "20", "yes", "0.4 s ago", "leaving, cannot take the address, unhealthy"],
  ]);
  const notes = (peer: Partial<PeerView>) => cells(peer)[4];
  assertEquals(notes({ link: "does-not-hear-us" }), "does not hear us");
  assertEquals(notes({ link: "not-heard" }), "lives, but is not heard");
  const refused = { word: "wrong-id", count: 1, ageMs: 500 } as const;
  assertEquals(notes({ refused }), "refused wrong-id 1 (0.5 s ago)");
});

Deno.test("statusLines() says where the peers were seen", () => {
  const head = (link: PeerView["link"]) =>
    linesWith({}, { link }).find((line) => line.startsWith("  PEER "))?.trim().split(/ {2,}/)[4];
  const seen = (["both", "silent", "listed", "unlisted"] as const).map(head);
  assertEquals(seen, ["HEARD", "HEARD", "IN THE STORE", "IN THE STORE"]);
});

Deno.test("statusLines() shows a machine with several paths in one row, with each path below", () => {
  const snapshot = snapshotOfMaster(), [view] = snapshot.addresses;
  const [one, two] = view!.peers;
  const inside = { network: "backend", address: "10.0.0.11", instanceId: one!.instanceId };
  const peers = [one!, { ...two!, ...inside, alive: false, heardAgeMs: 12_000 }];
  const lines = statusLines({ ...snapshot, addresses: [{ ...view!, peers }] });
  const row = lines.findIndex((line) => line.startsWith(`  ${one!.address} `));
  assertMatch(lines[row] ?? "", / live /);
  assertEquals(
    lines[row + 1],
    `    public ${one!.address} 0.4 s ago, backend 10.0.0.11 silent for 12.0 s`,
  );
  assert(!lines.some((line) => line.startsWith("  10.0.0.11 ")), "one machine, one row");
});

Deno.test("statusLines() shows the last eight changes, and that the socket is not read", () => {
  const snapshot = snapshotOfMaster();
  const change = (number: number) => ({ ...snapshot.changes[0]!, text: `number ${number}` });
  const changes = Array.from({ length: 12 }, (_, index) => change(index + 1));
  const shown = statusLines({ ...snapshot, changes }).filter((line) => line.includes("number"));
  assertEquals(shown.map((line) => Number(/number (\d+)/.exec(line)?.[1])), [
    ...[5, 6, 7, 8, 9, 10, 11, 12],
  ]);
  assert(!statusLines({ ...snapshot, changes: [] }).includes("last changes"));
  const unread = { ...snapshot, loop: { ...snapshot.loop, listening: false } };
  assert(
    statusLines(unread).includes(
      "loop        late by 1 ms, at worst 4 ms, the socket is not read",
    ),
  );
});

Deno.test("fittedLines() fits into one datagram and says how much it has left out", () => {
  const size = (lines: string[]) => new TextEncoder().encode(lines.join("\n") + "\n").length;
  const small = { ...snapshotOfMaster(), changes: [] };
  assertEquals(fittedLines(small), statusLines(small));
  for (const count of [8, 20, 200]) {
    const snapshot = crowd(snapshotOfMaster(), count);
    const [all, fitted] = [statusLines(snapshot), fittedLines(snapshot)];
    assert(size(fitted) <= INFO_MAX_BYTES, `${size(fitted)} bytes`);
    const cut = all.length - (fitted.length - 1);
    assertEquals(fitted.at(-1), `and ${cut} more, which exoip --status prints`);
    assertEquals(fitted.slice(0, 9), all.slice(0, 9), "what matters most is there");
    assert(fitted.some((line) => line.startsWith("check tcp  failing")));
    assert(fitted.some((line) => line.startsWith("  10.0.0.1 ")), "and so is the first peer");
  }
  // If even that is too long, the end is cut.
  const must = statusLines(snapshotOfMaster()).filter((line) => !/^ {2}(\d|WARNING)/.test(line));
  const tight = fittedLines(snapshotOfMaster(), 420);
  assert(size(tight) <= 420 && tight.length < must.length);
  assertEquals(tight.slice(0, -1), must.slice(0, tight.length - 1));
  // A long reason leaves room for the rest.
  const [first] = snapshotOfMaster().addresses;
  const troubled = { ...first!, onInterface: false, interfaceProblem: "x".repeat(203) };
  const crowded = crowd({ ...snapshotOfMaster(), addresses: [troubled] }, 20);
  assert(size(fittedLines(crowded)) <= INFO_MAX_BYTES);
  assert(fittedLines(crowded).some((line) => line.endsWith("xxx…")));
  const many = { ...small, addresses: Array(40).fill(small.addresses[0]) };
  assert(size(fittedLines(many)) <= INFO_MAX_BYTES);
});

Deno.test("ages are written as a person would", () => {
  assertEquals([0, 3_210, 119_900, 303_000].map(spanText), [
    "0.0 s",
    "3.2 s",
    "119.9 s",
    "5 min 3 s",
  ]);
  assertEquals([7_500_000, 273_600_000].map(spanText), ["2 h 5 min", "3 d 4 h"]);
  const bounds = [119_999, 120_000, 7_199_999, 7_200_000, 172_799_999, 172_800_000];
  assertEquals(bounds.map(spanText), [
    ...["120.0 s", "2 min 0 s", "119 min 59 s", "2 h 0 min", "47 h 59 min", "2 d 0 h"],
  ]);
  assertEquals([ageText(null), ageText(1_000)], ["never", "1.0 s ago"]);
  const lengths = [0, 33.4, 999.6, 3_000, 3_300, 60_000, 300_000, 303_000, 7_200_000, Infinity];
  assertEquals(lengths.map(durationText), [
    ...["0 ms", "33 ms", "1 s", "3 s", "3.3 s", "60 s", "5 min", "5 min 3 s", "2 h", "without end"],
  ]);
});

Deno.test("a shadow's text has the whole comparison, in lines that fit", () => {
  const played = new NodeFixture();
  played.until(10_000);
  played.comparison = sampleReport();
  const lines = statusLines(played.snapshot());
  for (const line of lines.slice(1)) assert(line.length <= TEXT_WIDTH, line);
  const text = lines.map((line) => line.trim()).join(" ").replaceAll(/ +/g, " ");
  const [difference] = played.comparison.differences;
  for (const part of [difference?.text ?? "?", played.comparison.summary]) {
    assert(text.includes(part.replaceAll(/ +/g, " ")), `${part}\n${lines.join("\n")}`);
  }
  assert(lines[0]?.includes(": shadow, changes nothing: "), lines[0]);
});
