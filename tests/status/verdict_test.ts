// The verdict for a monitoring system, by tables: each single problem, and its line.
import { assertEquals, assertMatch } from "@std/assert";
import { NOT_LOOKED } from "../../src/core/presence.ts";
import { pluginLines } from "../../src/status/nagios.ts";
import type { AddressView, Level, PeerView, Snapshot } from "../../src/status/snapshot.ts";
import { exitCodeOf, verdictIn, verdictLine, verdictOf } from "../../src/status/verdict.ts";
import { NodeFixture, PEERS, SELF_ID } from "../support/node_fixture.ts";

/** A master after 6.9 s that holds and hears both of its peers. */
function healthy(): Snapshot {
  const played = new NodeFixture();
  played.presence = { ...NOT_LOOKED, sight: { present: true, on: "lo" }, lookedAtMs: 9_000 };
  for (let atMs = 1_000; atMs <= 10_000; atMs += 1_000) {
    played.until(atMs);
    for (const which of [0, 1] as const) played.hear(which);
  }
  return played.snapshot();
}

interface Different {
  readonly all?: Partial<Snapshot>;
  readonly view?: Partial<AddressView>;
  /** Of the first peer. */
  readonly peer?: Partial<PeerView>;
}

function snapshotWith({ all = {}, view = {}, peer = {} }: Different): Snapshot {
  const snapshot = healthy();
  const [address] = snapshot.addresses;
  const [first, ...rest] = address!.peers;
  const peers = [{ ...first!, ...peer }, ...rest];
  return { ...snapshot, addresses: [{ ...address!, peers, ...view }], ...all };
}

const WHO = "this node holds 198.51.100.50, 2 of 2 peers live, master for 6.9 s";
const aside = {
  kind: "drained",
  by: "root",
  reason: "kernel update",
  ageMs: 126_000,
} as const;
const backup = { role: "backup", reason: "outranked", holding: false } as const;
const byPeer = { view: undefined, peer: { holds: true } };
const failing = [{ name: "tcp", state: "failing", ageMs: 100, reason: "refused" }] as const;
const loop = healthy().loop;

/** The whole table: the difference from a healthy cluster, and the verdict. */
const TABLE: readonly (readonly [what: string, Different, Level, problem: string | null])[] = [
  ["all is well, here", {}, "OK", null],
  ["all is well, as backup", { ...byPeer, view: backup }, "OK", null],
  // Users are affected, or the next fault will affect them.
  ["nobody holds", { view: backup }, "CRITICAL", "nobody is known to hold it"],
  [
    "it wants the address and has not got it",
    { view: { holding: false } },
    "CRITICAL",
    "nobody is known to hold it",
  ],
  [
    "nobody knows whether it holds",
    { view: { holding: null } },
    "CRITICAL",
    "nobody is known to hold it",
  ],
  [
    "the holder lost the cloud",
    { view: { cloudReachable: false } },
    "CRITICAL",
    "this node holds the address and does not reach the cloud",
  ],
  [
    "the holder has no interface for it",
    { view: { onInterface: false } },
    "CRITICAL",
    "no interface of this machine has the address: its traffic is dropped",
  ],
  [
    "the holder is unhealthy, as all others",
    { view: { healthy: false, reason: "unhealthy" } },
    "CRITICAL",
    "this node serves although it is unhealthy: no live node is healthy",
  ],
  [
    "the Elastic IP is gone",
    { view: { ...backup, released: true } },
    "CRITICAL",
    "the Elastic IP does not exist any more in the cloud",
  ],
  [
    "another machine has its id",
    { view: { reason: "twin" } },
    "CRITICAL",
    "another machine speaks with this instance's id",
  ],
  [
    "the cloud moves the Elastic IP itself",
    { view: { ...backup, unavailable: "it is managed, so only its health check moves it" } },
    "CRITICAL",
    "nobody can have the address: it is managed, so only its health check moves it",
  ],
  [
    "the loop is stuck",
    { all: { loop: { ...loop, overdueMs: 12_000 } } },
    "CRITICAL",
    "the loop is 12 s overdue, at most 10 s are allowed",
  ],
  [
    "the socket is not read",
    { all: { loop: { ...loop, listening: false } } },
    "CRITICAL",
    "the socket is not read any more",
  ],
  // The address is served, but there is a problem.
  [
    "a backup lost the cloud",
    { ...byPeer, view: { ...backup, cloudReachable: false } },
    "WARNING",
    "this node does not reach the cloud",
  ],
  [
    "another machine seems to have its id",
    { view: { twin: { address: "10.0.0.9", proved: false, ageMs: 6_300 } } },
    "WARNING",
    "10.0.0.9 seems to speak with this node's id",
  ],
  [
    "a backup is drained",
    { ...byPeer, view: { ...backup, aside } },
    "WARNING",
    "this node was drained by root 2 min 6 s ago: kernel update",
  ],
  [
    "a drained node is the only one that can serve",
    { view: { aside } },
    "WARNING",
    "no other live node can serve, so this one does, though it was drained by root 2 min 6 s ago: " +
    "kernel update",
  ],
  [
    "a backup is unhealthy",
    { ...byPeer, view: { ...backup, healthy: false } },
    "WARNING",
    "this node is unhealthy",
  ],
  [
    "a backup cannot have the address on its interface",
    {
      ...byPeer,
      view: { ...backup, healthy: false, onInterface: false, interfaceProblem: "no lo" },
    },
    "WARNING",
    "this node is unhealthy: no lo",
  ],
  [
    "a check fails here, and the node is a backup for it",
    { ...byPeer, view: { ...backup, healthy: false }, all: { checks: failing } },
    "WARNING",
    "check tcp is failing: refused",
  ],
  [
    "a peer is dead",
    { peer: { alive: false, link: "silent", heardAgeMs: 64_000 } },
    "WARNING",
    "peer 203.0.113.11 is dead, last heard 64.0 s ago",
  ],
  [
    "a peer was never heard",
    { peer: { alive: false, link: "silent", heardAgeMs: null } },
    "WARNING",
    "peer 203.0.113.11 was never heard",
  ],
  [
    "a peer with a name is dead",
    { peer: { alive: false, link: "silent", heardAgeMs: 64_000, name: "b.test" } },
    "WARNING",
    "peer b.test (203.0.113.11) is dead, last heard 64.0 s ago",
  ],
  [
    "the store of the lease does not list a peer any more",
    { peer: { alive: false, link: "unlisted", heardAgeMs: 64_000 } },
    "WARNING",
    "peer 203.0.113.11 is dead: the store does not list it, last seen 64.0 s ago",
  ],
  [
    "a peer lives and is not heard",
    { peer: { alive: false, link: "not-heard" } },
    "WARNING",
    "peer 203.0.113.11 lives, but is not heard",
  ],
  [
    "a peer does not hear this node for the dead time",
    { peer: { link: "does-not-hear-us", notHearingUsAgeMs: 3_000 } },
    "WARNING",
    "peer 203.0.113.11 is heard, but does not hear this node",
  ],
  [
    "a peer did not hear this node for a moment",
    { peer: { link: "does-not-hear-us", notHearingUsAgeMs: 2_999 } },
    "OK",
    null,
  ],
  [
    "a peer is unhealthy",
    { peer: { unhealthy: true } },
    "WARNING",
    "peer 203.0.113.11 is unhealthy",
  ],
  [
    "a peer lost the cloud",
    { peer: { unable: true } },
    "WARNING",
    "peer 203.0.113.11 cannot take the address",
  ],
  ["a peer leaves", { peer: { leaving: true, unable: true } }, "OK", null],
  [
    "a machine is silent at one of its addresses",
    {
      peer: {
        alive: false,
        link: "silent",
        heardAgeMs: 12_000,
        instanceId: PEERS[1]!.instanceId,
        network: "backend",
      },
    },
    "WARNING",
    `peer ${PEERS[1]!.address} lives, but is silent at backend ${PEERS[0]!.address} for 12.0 s`,
  ],
  [
    "a peer of -p is missing",
    { view: { missingPeers: [{ peer: "c.test", gone: false }] } },
    "WARNING",
    "peer c.test is missing",
  ],
  [
    "a stranger holds",
    { view: { otherHolders: [{ instanceId: "i-9", name: null, peer: null, off: false }] } },
    "WARNING",
    "instance i-9 holds it, too, and is not a peer",
  ],
  [
    "a stranger held a long time ago",
    {
      view: {
        otherHolders: [{ instanceId: "i-9", name: null, peer: null, off: false }],
        otherHoldersAgeMs: 900_000,
      },
    },
    "OK",
    null,
  ],
  [
    "a stranger that is off holds",
    { view: { otherHolders: [{ instanceId: "i-9", name: null, peer: null, off: true }] } },
    "OK",
    null,
  ],
  [
    "two of different ranks hold",
    { peer: { holds: true } },
    "WARNING",
    "2 nodes hold it at the same time",
  ],
  ["two equals hold", { peer: { holds: true, priority: 10, ownPriority: 10 } }, "OK", null],
  [
    "two equals hold although one should",
    { view: { exclusive: true }, peer: { holds: true, priority: 10, ownPriority: 10 } },
    "WARNING",
    "2 nodes hold it at the same time",
  ],
  [
    "the list of peers lost it",
    { view: { inPeerList: false } },
    "WARNING",
    "the list of peers does not have this node",
  ],
  ["it was paused", { view: { reason: "stalled" } }, "WARNING", "this process was paused"],
  ["it is stopping", { all: { phase: "stopping" } }, "WARNING", "this node is stopping"],
  // Too early to tell.
  [
    "it has just started",
    { all: { phase: "starting" }, view: { ...backup, settling: true } },
    "UNKNOWN",
    "nobody is known to hold it",
  ],
  [
    "it has just started, and a peer holds",
    { ...byPeer, all: { phase: "starting" }, view: { ...backup, settling: true } },
    "OK",
    null,
  ],
  [
    "it has just started, and has not heard a peer yet",
    {
      all: { phase: "starting" },
      view: { settling: true },
      peer: { alive: false, link: "silent", heardAgeMs: null },
    },
    "OK",
    null,
  ],
];

for (const [what, different, level, problem] of TABLE) {
  Deno.test(`the verdict is ${level} when ${what}`, () => {
    const { view, ...rest } = different;
    const verdict = verdictOf(
      snapshotWith({ ...rest, ...(view && { view: withPeers(view, rest.peer) }) }),
    );
    const wanted = problem === null ? undefined : problem;
    assertEquals([verdict.level, verdict.problems[0]?.text], [level, wanted]);
  });
}

/** A change of the view must not undo that of its first peer. */
function withPeers(view: Partial<AddressView>, peer: Partial<PeerView> = {}): Partial<AddressView> {
  const [first, ...others] = healthy().addresses[0]!.peers;
  return { ...view, peers: [{ ...first!, ...peer }, ...others] };
}

Deno.test("a shadow's verdict says so, and its machine needs no interface for what it does not hold", () => {
  const bare = { view: { onInterface: false } };
  assertEquals(verdictOf(snapshotWith(bare)).level, "CRITICAL");
  const verdict = verdictOf(snapshotWith({ ...bare, all: { shadow: true } }));
  assertEquals(verdictLine(verdict), `OK: shadow, changes nothing: ${WHO}`);
});

Deno.test("the line says who holds, how many peers live, since when, and what is wrong first", () => {
  const lineOf = (different: Different) => verdictLine(verdictOf(snapshotWith(different)));
  assertEquals(lineOf({}), `OK: ${WHO}`);
  assertEquals(
    lineOf({
      view: withPeers({ ...backup, roleAgeMs: 7_500_000 }, { holds: true, name: "b.test" }),
    }),
    "OK: b.test (203.0.113.11) holds 198.51.100.50, 2 of 2 peers live, backup for 2 h 5 min",
  );
  const dead = { alive: false, link: "silent", heardAgeMs: 64_000 } as const;
  assertEquals(
    lineOf({ peer: dead }),
    "WARNING: this node holds 198.51.100.50, 1 of 2 peers live, master for 6.9 s; " +
      "peer 203.0.113.11 is dead, last heard 64.0 s ago",
  );
  assertEquals(
    lineOf({ view: withPeers(backup, dead) }),
    "CRITICAL: nobody is known to hold 198.51.100.50, 1 of 2 peers live, backup for 6.9 s; " +
      "peer 203.0.113.11 is dead, last heard 64.0 s ago",
  );
  assertEquals(
    lineOf({ peer: dead, all: { checks: failing, phase: "stopping" } }).split("; ")[1],
    "check tcp is failing: refused, and 2 more",
  );
  assertEquals(
    lineOf({ view: { peers: [] } }),
    "OK: this node holds 198.51.100.50, no peers, master for 6.9 s",
  );
  // The original's format cannot say it.
  const original = { holds: null, ownPriority: null, priority: 5 };
  assertEquals(
    lineOf({ view: withPeers(backup, original) }),
    "OK: 203.0.113.11 holds 198.51.100.50, 2 of 2 peers live, backup for 6.9 s",
  );
});

Deno.test("of several Elastic IPs each problem says which, and of many only numbers are told", () => {
  const snapshot = healthy();
  const [view] = snapshot.addresses;
  const many = (count: number) =>
    Array.from({ length: count }, (_, index): AddressView => ({
      ...view!,
      elasticIp: `198.51.100.${50 + index}`,
      ...(index === 1 && { ...backup, released: true }),
    }));
  const two = verdictOf({ ...snapshot, addresses: many(2) });
  assertEquals(two.problems, [{
    level: "CRITICAL",
    text: "198.51.100.51: the Elastic IP does not exist any more in the cloud",
  }]);
  assertEquals(
    two.text.split(";")[0],
    "this node holds 198.51.100.50, nobody is known to hold 198.51.100.51, 2 of 2 peers live, " +
      "the last change of a role was 6.9 s ago",
  );
  assertMatch(
    verdictOf({ ...snapshot, addresses: many(5) }).text,
    /^4 of 5 Elastic IPs are held, 4 of them by this node, 2 of 2 peers live/,
  );
});

Deno.test("the worst problem counts, and problems are listed by how bad they are", () => {
  const verdict = verdictOf(snapshotWith({
    peer: { unhealthy: true },
    view: withPeers({ cloudReachable: false }, { unhealthy: true }),
  }));
  assertEquals(verdict.problems.map(({ level }) => level), ["CRITICAL", "WARNING"]);
  assertEquals(verdict.level, "CRITICAL");
  const levels = ["OK", "WARNING", "CRITICAL", "UNKNOWN"] as const;
  assertEquals(levels.map(exitCodeOf), [0, 1, 2, 3]);
});

Deno.test("a watchdog's own verdict counts, and one of a watchdog that gives none is made", () => {
  const snapshot = healthy();
  const own = { level: "WARNING", text: "mine", problems: [] } as const;
  assertEquals(verdictIn({ ...snapshot, verdict: own }), own);
  const { verdict: _, ...older } = snapshot;
  assertEquals(verdictIn(older), snapshot.verdict);
  const forged = { ...snapshot, verdict: { ...own, level: "FINE" } } as unknown as Snapshot;
  assertEquals(verdictIn(forged), snapshot.verdict);
});

Deno.test("a monitoring plugin prints one line with performance data, then the problems", () => {
  const snapshot = snapshotWith({ all: { checks: [{ ...failing[0], reason: "a|b\nc" }] } });
  const [first = "", ...rest] = pluginLines(verdictOf(snapshot), snapshot);
  assertEquals(
    first,
    `EXOIP WARNING - ${WHO}; check tcp is failing: a/b c | 'holding'=1 'master'=1 ` +
      "'peers_live'=2;;;0;2 'heartbeat_age'=0s 'cloud_age'=5.9s 'api_errors'=0c 'take_overs'=1c " +
      "'evictions'=0c 'loop_lag'=0.001s 'datagrams_refused'=0c 'up'=10s",
  );
  assertEquals(rest, ["WARNING: check tcp is failing: a/b c"]);
  // Source: Monitoring Plugins Development Guidelines, performance data.
  for (const item of first.split(" | ")[1]!.split(" ")) {
    assertMatch(item, /^'[^'=]+'=-?\d+(\.\d+)?(s|c|%|B)?(;\d*){0,4}$/);
  }
  const [view] = snapshot.addresses;
  const other = { ...view!, elasticIp: "198.51.100.60" };
  const [line = ""] = pluginLines(snapshot.verdict, { ...snapshot, addresses: [view!, other] });
  assertMatch(line, /'198\.51\.100\.50 holding'=1 .*'198\.51\.100\.60 holding'=1 /);
  assertEquals(line.includes(SELF_ID), false);
});
