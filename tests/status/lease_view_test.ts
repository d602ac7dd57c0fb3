// The lease for whoever operates it: rows of the text, problems of the verdict, performance data.
import { assert, assertEquals } from "@std/assert";
import { pluginLines } from "../../src/status/nagios.ts";
import type { AddressView, LeaseStatus, Snapshot } from "../../src/status/snapshot.ts";
import { statusLines } from "../../src/status/text.ts";
import { verdictOf } from "../../src/status/verdict.ts";
import { OTHER_OWNER } from "../support/lease_store.ts";
import { NodeFixture, PEERS, SELF_ID } from "../support/node_fixture.ts";

const LEASE = { ttlMs: 10_000, failsafe: true, heartbeats: true };
const STRANGER = { instanceId: "i-9", name: "edge-9" };

/** The owner of the lease after 10 s, or a node under another owner. */
function played(other = false): NodeFixture {
  const node = new NodeFixture({ lease: LEASE });
  if (other) node.store.give(OTHER_OWNER, 2_000);
  for (let atMs = 1_000; atMs <= 10_000; atMs += 1_000) {
    node.until(atMs);
    for (const which of [0, 1] as const) node.hear(which, other ? { holds: which === 0 } : {});
  }
  return node;
}

const OWNER = played().snapshot(), BACKUP = played(true).snapshot();

interface Different {
  readonly lease?: Partial<LeaseStatus>;
  readonly view?: Partial<AddressView>;
}

function changed(snapshot: Snapshot, { lease = {}, view = {} }: Different): Snapshot {
  const [address] = snapshot.addresses;
  const next = { ...address!, lease: { ...address!.lease!, ...lease }, ...view };
  return { ...snapshot, addresses: [next] };
}

/** The rows `lease` and `store`. */
function rowsOf(snapshot: Snapshot, verbose = false): string[] {
  const lines = statusLines(snapshot, { verbose });
  const at = lines.findIndex((line) => line.startsWith("  lease "));
  return at < 0 ? [] : lines.slice(at, at + 2).map((line) => line.replace(/^ +\w+ +/, ""));
}

Deno.test("the snapshot tells the lease of its owner, and of another node", () => {
  const [own, others] = [OWNER, BACKUP].map(({ addresses: [view] }) => view!.lease!);
  assertEquals(own!.owner, { instanceId: SELF_ID, name: null });
  assertEquals([own!.owned, own!.ownerAgeMs, own!.readAgeMs], [true, 6_900, null]);
  assert(own!.renewalAgeMs !== null && own!.renewalAgeMs <= 10_000 / 3);
  assertEquals([own!.acquired, own!.acquiredAgeMs, own!.lostCount], [1, 6_900, 0]);
  assertEquals(own!.calls.map(({ verb, done }) => [verb, done]), [
    ["read", 1],
    ["acquire", 1],
    ["renew", 2],
  ]);
  assertEquals(others!.owner, OTHER_OWNER);
  assertEquals([others!.owned, others!.ownerAgeMs], [false, 8_000]);
  assertEquals([others!.renewalAgeMs, others!.acquired], [null, 0]);
});

Deno.test("the text has two rows for the lease, and no row without one", () => {
  const [view] = OWNER.addresses, renewed = (view!.lease!.renewalAgeMs! / 1_000).toFixed(1);
  const store = "reachable, answered ";
  const [lease, where = ""] = rowsOf(OWNER);
  assertEquals(lease, `this node has owned it for 6.9 s, renewed ${renewed} s ago, TTL 10 s`);
  assert(where.startsWith(store) && where.endsWith("errors none; etcd at https://10.0.0.5:2379"));
  assertEquals(rowsOf(new NodeFixture().snapshot()), []);
  const older = { ...OWNER, addresses: [{ ...view!, lease: undefined } as unknown as AddressView] };
  assertEquals(rowsOf(older), [], "a watchdog of an earlier version");
});

Deno.test("the row says who owns the lease, or what is not known", () => {
  const is = (lease: Partial<LeaseStatus>, wanted: string, verbose = false) =>
    assertEquals(
      rowsOf(changed(BACKUP, { lease: { readAgeMs: 2_100, ...lease } }), verbose)[0],
      wanted,
    );
  is({}, "edge-2 has owned it for 8.0 s, read 2.1 s ago, TTL 10 s");
  is(
    {},
    `edge-2 (${OTHER_OWNER.instanceId}) has owned it for 8.0 s, read 2.1 s ago, TTL 10 s`,
    true,
  );
  is(
    { owner: { instanceId: "i-9", name: null } },
    "instance i-9 has owned it for 8.0 s, read 2.1 s ago, TTL 10 s",
  );
  is({ releasedTo: "i-3" }, "edge-2 gave it up to instance i-3, read 2.1 s ago, TTL 10 s");
  is({ owner: null }, "nobody owns it, read 2.1 s ago, TTL 10 s");
  is({ owner: null, lost: true }, "lost; nobody owns it, read 2.1 s ago, TTL 10 s");
  is({ readAgeMs: null }, "not known who owns it, TTL 10 s");
  is(
    { readAgeMs: null, lost: true, failsafe: true },
    "lost; not known who owns it, TTL 10 s, failsafe: holds without the store",
  );
  const fencing = rowsOf(changed(OWNER, { lease: { fencing: true, renewalAgeMs: 100 } }))[0];
  assertEquals(
    fencing,
    "this node has owned it for 6.9 s, renewed 0.1 s ago, TTL 10 s, detaches others first",
  );
  const errors = [{ word: "unreachable", count: 2, ageMs: 3_000 }] as const;
  const call = { verb: "renew", done: 0, doneAgeMs: null, tookMs: null, errors };
  const lease = { reachable: false, answeredAgeMs: 12_000, calls: [call] };
  assertEquals(
    rowsOf(changed(OWNER, { lease }), true)[1],
    "not reachable, answered 12.0 s ago, errors renew unreachable 2 (3.0 s ago); " +
      "etcd at https://10.0.0.5:2379",
  );
});

/** A case: what is the matter, in which snapshot, level, and text of the first problem. */
const TABLE: readonly [string, Snapshot, Different, string, string | null][] = [
  ["this node owns the lease and holds", OWNER, {}, "OK", null],
  ["another node owns the lease and holds", BACKUP, {}, "OK", null],
  [
    "the store is lost to a backup",
    BACKUP,
    { lease: { reachable: false, answeredAgeMs: 12_000 } },
    "WARNING",
    "the store of the lease has served no request for 12.0 s",
  ],
  [
    "a holder keeps the address without the store",
    OWNER,
    { lease: { reachable: false, answeredAgeMs: 12_000, owned: false, failsafe: true } },
    "CRITICAL",
    "the store of the lease has served no request for 12.0 s: this node holds the address only while " +
    "it hears every peer",
  ],
  [
    "a holder gives the address up without the store",
    OWNER,
    { lease: { reachable: false, answeredAgeMs: 12_000, owned: false } },
    "CRITICAL",
    "the store of the lease has served no request for 12.0 s: this node gives the address up",
  ],
  [
    "the lease is lost",
    BACKUP,
    { lease: { owner: null, lost: true } },
    "WARNING",
    "this node lost the lease, and nobody is known to own it",
  ],
  [
    "nobody owns the lease",
    BACKUP,
    { lease: { owner: null, readAgeMs: 100 } },
    "WARNING",
    "nobody owns the lease",
  ],
  [
    "nobody owns the lease, and this node has just started",
    BACKUP,
    { lease: { owner: null, readAgeMs: 100 }, view: { settling: true } },
    "OK",
    null,
  ],
  ["the store has not told yet", BACKUP, { lease: { owner: null, readAgeMs: null } }, "OK", null],
  [
    "this node holds and another one owns the lease",
    OWNER,
    { lease: { owned: false, owner: STRANGER } },
    "WARNING",
    "this node holds the address and does not own the lease",
  ],
  [
    "a peer holds and another node owns the lease",
    BACKUP,
    { lease: { owner: STRANGER } },
    "WARNING",
    `peer ${PEERS[0]!.address} holds the address and does not own the lease`,
  ],
  [
    "the owner takes the address from others",
    OWNER,
    { lease: { fencing: true } },
    "WARNING",
    "this node owns the lease and takes the address from others first",
  ],
  [
    "the owner does not get the address",
    OWNER,
    {
      lease: { ownerAgeMs: 20_000 },
      view: { holding: false, peers: holding(OWNER.addresses[0]!) },
    },
    "CRITICAL",
    "this node has owned the lease for 20.0 s and does not have the address",
  ],
];

/** The peers, of which the first one holds. */
function holding({ peers: [first, ...rest] }: AddressView): AddressView["peers"] {
  return [{ ...first!, holds: true }, ...rest];
}

for (const [what, snapshot, different, level, problem] of TABLE) {
  Deno.test(`the verdict is ${level} when ${what}`, () => {
    const verdict = verdictOf(changed(snapshot, different));
    assertEquals([verdict.level, verdict.problems[0]?.text ?? null], [level, problem]);
  });
}

Deno.test("a monitoring plugin gets the lease as performance data, if there is one", () => {
  const line = (snapshot: Snapshot) => pluginLines(snapshot.verdict, snapshot)[0] ?? "";
  const own = changed(OWNER, { lease: { renewalAgeMs: 1_200, lostCount: 2 } });
  assert(
    line(own).includes(
      " 'lease_owned'=1 'lease_renewal_age'=1.2s 'lease_lost'=2c 'store_errors'=0c ",
    ),
    line(own),
  );
  assert(line(BACKUP).includes(" 'lease_owned'=0 'lease_lost'=0c "), line(BACKUP));
  assert(!line(new NodeFixture().snapshot()).includes("lease"));
});

Deno.test("what happened to the lease is counted: got, lost, and given up, which is no loss", () => {
  const counts = (node: NodeFixture) => {
    const { acquired, lostCount } = node.snapshot().addresses[0]!.lease!;
    return [acquired, lostCount];
  };
  const lost = played();
  lost.store.give(OTHER_OWNER, 10_000);
  lost.step({ kind: "store-seen", sight: lost.store.sight() });
  assertEquals(counts(lost), [1, 1]);
  const gave = played();
  for (let atMs = 10_500; atMs <= 14_000; atMs += 500) {
    gave.until(atMs);
    gave.hear(0, { priority: 5 });
  }
  assertEquals(gave.store.record?.releasedTo, PEERS[0]!.instanceId);
  assertEquals(counts(gave), [1, 0]);
});
