// The text of a snapshot: what it says, and that it fits into a datagram.
import { assert, assertEquals } from "@std/assert";
import { NOT_LOOKED, type Presence } from "../../src/core/presence.ts";
import type { AddressView, PeerView, Snapshot } from "../../src/status/snapshot.ts";
import { fittedLines, INFO_MAX_BYTES, statusLines } from "../../src/status/text.ts";
import { NodeFixture, PEERS } from "../support/node_fixture.ts";
import { ageText, spanText } from "../../src/core/age.ts";

/** A node of 10 s that hears one of two peers. */
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

/** With so many peers. */
function crowd(snapshot: Snapshot, count: number): Snapshot {
  const [address] = snapshot.addresses;
  assert(address);
  const [peer] = address.peers;
  const peers = Array.from({ length: count }, (_, n) => ({ ...peer!, address: `10.0.${n}.1` }));
  return { ...snapshot, addresses: [{ ...address, peers }] };
}

Deno.test("statusLines() shows every figure with its age", () => {
  const lines = statusLines(snapshotOfMaster());
  assertEquals(lines.slice(0, 11), [
    "address 198.51.100.50",
    "role master (best), changed 7.3 s ago",
    "holding yes, cloud read 6.3 s ago, cloud reachable yes, healthy yes",
    "on an interface yes, lo, looked 0.4 s ago",
    "priority 10, interval 1000 ms, dead after 3000 ms",
    "id 9b1e6f20-53c4-4a7d-8e2f-0a1b2c3d4e5f",
    "other holders none, read 6.3 s ago",
    "take-overs 1 (7.3 s ago), evictions 0",
    "cloud answered 6.3 s ago, errors none",
    `peer ${PEERS[0]!.address} alive, priority 20, does not hear us, heard 0.4 s ago, ` +
    `instance ${PEERS[0]!.instanceId}`,
    `peer ${PEERS[1]!.address} dead, priority unknown, heard never, instance ${
      PEERS[1]!.instanceId
    }`,
  ]);
  const program = "exoip 1.2.3 (commit abc), running, up 10.4 s";
  const loop = "loop late by 1 ms, at worst 4 ms";
  assertEquals(lines[12], `${program}, zone ch-gva-2, ${loop}`);
  const nowhere = statusLines({ ...snapshotOfMaster(), zone: null });
  assertEquals(nowhere[12], `${program}, ${loop}`);
  assertEquals(lines[13], "check tcp failing, last result 1.5 s ago: refused");
  assert(lines.at(-1)?.startsWith("change 2.4 s ago: one-way: "), lines.join("\n"));
});

Deno.test("statusLines() says whether this machine has the address, and why not", () => {
  const played = new NodeFixture();
  played.until(2_500);
  const line = (presence: Partial<Presence> | null) => {
    played.presence = presence && { ...NOT_LOOKED, lookedAtMs: 2_000, ...presence };
    return statusLines(played.snapshot())[3];
  };
  assertEquals(line(null), "on an interface unknown");
  assertEquals(line({}), "on an interface unknown");
  const local = { present: true, on: null }, missing = { present: false, on: null };
  assertEquals(line({ sight: local }), "on an interface yes, looked 0.5 s ago");
  assertEquals(line({ sight: missing }), "on an interface no, looked 0.5 s ago");
  assertEquals(
    line({ sight: missing, problem: 'Device "lo" does not exist.' }),
    'on an interface no, looked 0.5 s ago: Device "lo" does not exist.',
  );
  // A watchdog of before says nothing of it.
  const [view] = played.snapshot().addresses;
  const { onInterface: _, ...older } = view!;
  const snapshot = { ...played.snapshot(), addresses: [older as AddressView] };
  assertEquals(statusLines(snapshot)[3], "on an interface unknown");
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
  const has = (line: string, view: Partial<AddressView>) =>
    assert(linesWith(view).includes(line), `${line}\n${linesWith(view).join("\n")}`);
  has("holding no, cloud read 6.3 s ago, cloud reachable yes, healthy yes", {
    holding: false,
  });
  has("holding unknown, cloud read never, cloud reachable no, healthy no", {
    ...{ holding: null, holdingAgeMs: null, cloudReachable: false, healthy: false },
  });
  has(
    "holding no (released in the cloud), cloud read 6.3 s ago, cloud reachable yes, healthy yes",
    {
      ...{ holding: false, released: true },
    },
  );
  has(
    "holding no (moved by the cloud itself), cloud read 6.3 s ago, cloud reachable yes, healthy yes",
    {
      ...{ holding: false, released: false, unavailable: "it is managed" },
    },
  );
  has("other holders unknown, read never", { otherHoldersAgeMs: null });
  has("other holders 10.0.0.7, i-2, read 6.3 s ago", {
    otherHolders: [
      { instanceId: "i-1", peer: "10.0.0.7", off: false },
      { instanceId: "i-2", peer: null, off: false },
    ],
  });
  has("3 more peers do not fit here", { peersLeftOut: 3 });
  const missing = [{ peer: "b.test", gone: false }, { peer: "c.test", gone: true }];
  has("peer b.test missing", { missingPeers: missing });
  has("peer c.test missing, counts as gone", { missingPeers: missing });
  const twin = { address: "10.0.0.9", proved: true, ageMs: 6_300 };
  const id = linesWith({}).find((line) => line.startsWith("id "));
  has(`${id}, with which 10.0.0.9 speaks, too, since 6.3 s ago`, { twin });
  has(`${id}, with which 10.0.0.9 speaks, too, which may be forged, since 6.3 s ago`, {
    twin: { ...twin, proved: false },
  });
  assert(!linesWith({}).some((line) => line.includes("do not fit here")));
  const calls = [{ verb: "look", done: 1, doneAgeMs: 1_000, tookMs: 12, errors: [] }, {
    ...{ verb: "attach", done: 0, doneAgeMs: null, tookMs: null },
    errors: [{ word: "timeout", count: 2, ageMs: 3_000 }, {
      word: "refused",
      count: 0,
      ageMs: null,
    }],
  }] as AddressView["calls"];
  has("cloud answered 6.3 s ago, errors attach timeout 2 (3.0 s ago), attach refused 0", { calls });
});

Deno.test("statusLines() says of a peer all that is not as it should be", () => {
  const flags = (peer: Partial<PeerView>) => {
    const line = linesWith({}, { link: "both", ...peer })[9] ?? "";
    return line.replace(/^peer \S+ (.*), heard 0.4 s ago, instance \S+$/, "$1");
  };
  assertEquals(flags({}), "alive, priority 20");
  assertEquals(flags({ alive: false, priority: null }), "dead, priority unknown");
  assertEquals(
    flags({ holds: true, leaving: true, unable: true, unhealthy: true }),
    [
      ...["alive", "priority 20", "holds", "leaving", "unable", "unhealthy"],
    ].join(", "),
  );
  assertEquals(flags({ link: "does-not-hear-us" }), "alive, priority 20, does not hear us");
  assertEquals(flags({ link: "not-heard" }), "alive, priority 20, lives, but is not heard");
  assertEquals(
    flags({ refused: { word: "wrong-id", count: 1, ageMs: 500 } }),
    [
      ...["alive", "priority 20", "refused wrong-id 1 (0.5 s ago)"],
    ].join(", "),
  );
  assert(linesWith({}, { instanceId: null })[9]?.endsWith(", instance unknown"));
});

Deno.test("statusLines() shows the last eight changes, and that the socket is not read", () => {
  const snapshot = snapshotOfMaster();
  const change = (number: number) => ({ ...snapshot.changes[0]!, text: `number ${number}` });
  const changes = Array.from({ length: 12 }, (_, index) => change(index + 1));
  const shown = statusLines({ ...snapshot, changes }).filter((line) => line.includes("number"));
  assertEquals(shown.map((line) => Number(/number (\d+)/.exec(line)?.[1])), [
    ...[5, 6, 7, 8, 9, 10, 11, 12],
  ]);
  const deaf = { ...snapshot, loop: { ...snapshot.loop, listening: false } };
  assert(statusLines(deaf)[12]?.endsWith("at worst 4 ms, the socket is not read"));
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
    assert(fitted.some((line) => line.startsWith("check tcp failing")));
    assert(fitted.some((line) => line.startsWith("peer 10.0.0.1 ")), "and so is the first peer");
  }
  // Where even that is too much, the end is cut.
  const must = statusLines(snapshotOfMaster()).filter((line) => !/^(peer|change) /.test(line));
  const tight = fittedLines(snapshotOfMaster(), 420);
  assert(size(tight) <= 420 && tight.length < must.length);
  assertEquals(tight.slice(0, -1), must.slice(0, tight.length - 1));
  // A long reason leaves room for the rest.
  const [first] = snapshotOfMaster().addresses;
  const troubled = { ...first!, onInterface: false, interfaceProblem: "x".repeat(203) };
  const crowded = crowd({ ...snapshotOfMaster(), addresses: [troubled] }, 20);
  assert(size(fittedLines(crowded)) <= INFO_MAX_BYTES);
  assert(fittedLines(crowded).some((line) => line.endsWith("xxx")));
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
});
