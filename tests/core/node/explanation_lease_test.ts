// What the log says about the lease, as an operator reads it: who, what, why, what next.
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { NodeFixture, PEERS, SELF_ID } from "../../support/node_fixture.ts";
import { OTHER_OWNER } from "../../support/lease_store.ts";
import type { Trailer } from "../../../src/core/heartbeat.ts";

const LEASE = { ttlMs: 10_000, failsafe: true, heartbeats: true };
const OTHER = `${OTHER_OWNER.name} (${OTHER_OWNER.instanceId})`;
/** The events of these tests. */
const ABOUT = ["role", "lease-", "store-"];

/** A node that hears its peers until then. */
function play(node: NodeFixture, untilMs: number, hears: readonly (0 | 1)[] = [0, 1], says = {}) {
  for (let atMs = node.nowMs + 250; atMs <= untilMs; atMs += 500) {
    node.until(atMs);
    for (const which of hears) node.hear(which, says as Partial<Trailer>);
  }
  node.until(untilMs);
}

/** The lines about role and lease since the last call. */
function linesOf(node: NodeFixture): string[] {
  const lines = node.changes.splice(0).filter(({ event }) =>
    ABOUT.some((word) => event.startsWith(word))
  );
  return lines.map(({ severity, event, text }) => `${severity} ${event}: ${text}`);
}

/** The owner after 10 s, with its lines taken. */
function owner(settings = {}): NodeFixture {
  const node = new NodeFixture({ lease: { ...LEASE, ...settings } });
  play(node, 10_000);
  return node;
}

/** Nobody reaches the store, which all say in their heartbeats; leaves only the lines of that. */
function loseStore(node: NodeFixture): void {
  play(node, 11_000, [0, 1], { unable: true });
  linesOf(node);
  node.store.fails = true;
  play(node, 20_000, [0, 1], { unable: true });
}

Deno.test("a node that gets the lease says what it does before it attaches", () => {
  assertEquals(linesOf(owner()), [
    "info role: backup (lease-wanted): nobody has the lease, so this node asks for it",
    "info lease-acquired: this node owns the lease: it takes the address from all others before " +
    "it attaches it",
    "info role: master (best), was backup",
  ]);
});

Deno.test("without the failsafe, the line about the lost lease does not promise to keep the address", () => {
  const node = owner({ failsafe: false });
  loseStore(node);
  const lost = linesOf(node).find((line) => line.startsWith("warning lease-lost"));
  assertMatch(lost ?? "", /the lease's 10 s to detach the address$/);
});

Deno.test("without the store a holder that is alone says so", () => {
  const node = owner();
  node.step({ kind: "members", peers: [], inPeerList: true });
  linesOf(node);
  node.store.fails = true;
  node.until(20_000);
  const [, , begun] = linesOf(node);
  assertStringIncludes(begun ?? "", "because it has no peers");
});

Deno.test("without the store a holder says why it keeps the address, and why that ends", () => {
  const node = owner();
  loseStore(node);
  const [storeLost, leaseLost, begun, role, ...rest] = linesOf(node);
  assertEquals(rest, []);
  assertEquals(
    storeLost,
    "warning store-lost: the store of the lease has served no request for 6.7 s: this " +
      "node cannot renew its lease",
  );
  assertEquals(
    leaseLost,
    "warning lease-lost: this node does not own the lease any more: it sent its last " +
      "successful renewal 6.7 s ago, and uses the last third of the lease's 10 s to detach the " +
      "address, unless the failsafe keeps it",
  );
  const heard = "because it hears both peers, and no other node holds it";
  assertEquals(
    begun,
    `warning lease-failsafe: without the store this node keeps the address, ${heard}. It gives ` +
      "the address up once a peer is silent, or holds it (--lease-failsafe)",
  );
  assertEquals(
    role,
    `warning role: master (lease-store-lost): keeps the address without the store, ${heard} ` +
      "(--lease-failsafe)",
  );
  assertEquals(node.holds, true);
  play(node, 26_000, [1], { unable: true });
  assertEquals(linesOf(node), [
    "warning lease-failsafe: over: this node gives the address up, because peer " +
    `${PEERS[0]!.address} is not heard`,
    "warning role: backup (lease-store-lost), was master: does not reach the store, without " +
    "which no node may begin to hold",
  ]);
  assertEquals(node.holds, false);
});

Deno.test("the failsafe ends without alarm when the store answers again", () => {
  const node = owner();
  loseStore(node);
  linesOf(node);
  node.store.fails = false;
  play(node, 30_000, [0, 1], { unable: true });
  const [back, ...rest] = linesOf(node);
  assertEquals(back, "info store-back: the store of the lease answers again");
  assertEquals(
    rest.includes(
      "info lease-failsafe: over: the store answers, so a holder needs the lease again",
    ),
    true,
    rest.join("\n"),
  );
  assertEquals([node.holds, node.store.record?.instanceId], [true, SELF_ID]);
});

Deno.test("with --lease-failsafe=false the line says that this is why the address is given up", () => {
  const node = owner({ failsafe: false });
  loseStore(node);
  const [, , role] = linesOf(node);
  assertEquals(
    role,
    "warning role: master (lease-store-lost): gives the address up, because the store does not " +
      "answer and --lease-failsafe is off",
  );
  assertEquals(node.holds, false);
});

Deno.test("a node that waits for the owner says who that is, and until when at most", () => {
  const node = new NodeFixture({ lease: LEASE });
  node.store.give(OTHER_OWNER, 0);
  play(node, 10_000);
  assertEquals(linesOf(node), [
    `info role: backup (lease-held by ${OTHER}): waits until that node gives the lease up; ` +
    "unless it is renewed, it expires in 10 s at most",
  ]);
});

Deno.test("a node that waits for a successor says to whom the lease was given up", () => {
  const node = new NodeFixture({ lease: LEASE });
  node.store.give({ ...OTHER_OWNER, releasedTo: "i-3" }, 0);
  play(node, 10_000);
  assertEquals(linesOf(node), [
    "info role: backup (lease-held by instance i-3 (released to it)): waits until that node " +
    "takes the lease, for 10 s at most",
  ]);
});

Deno.test("a successor says from whom it has the lease, and the owner to whom it gave it", () => {
  const heir = new NodeFixture({ lease: LEASE });
  heir.store.give({ ...OTHER_OWNER, releasedTo: SELF_ID }, 0);
  play(heir, 10_000);
  assertEquals(linesOf(heir).filter((line) => line.includes("lease-acquired")), [
    `info lease-acquired: this node owns the lease, which ${OTHER} gave up to it after ` +
    "detaching the address",
  ]);
  const before = owner();
  linesOf(before);
  play(before, 14_000, [0, 1], { priority: 5 });
  const released = linesOf(before).filter((line) => line.includes("lease-released"));
  assertEquals(released, [
    `info lease-released: this node gave the lease up to instance ${PEERS[0]!.instanceId}, ` +
    "which alone may take it for now",
  ]);
});

Deno.test("a former owner says who has the lease, or that the store does not have it any more", () => {
  const taken = owner();
  linesOf(taken);
  taken.store.give(OTHER_OWNER, 10_000);
  taken.step({ kind: "store-seen", sight: taken.store.sight() });
  assertEquals(
    linesOf(taken)[0],
    `warning lease-lost: this node does not own the lease any more: ${OTHER} has it now`,
  );
  const deleted = owner();
  linesOf(deleted);
  deleted.store.record = null;
  play(deleted, 14_000);
  assertEquals(
    linesOf(deleted)[0],
    "warning lease-lost: this node does not own the lease any more: the store does not have it, " +
      "because it expired there or somebody deleted it",
  );
});

Deno.test("a node that lacks the cloud says that it does not ask for the lease", () => {
  const node = new NodeFixture({ lease: LEASE });
  node.until(1_000);
  node.fails = () => true;
  node.until(40_000);
  const [last = ""] = linesOf(node).slice(-1);
  assertEquals(
    last,
    "info role: backup (lease-wanted), was master: does not ask for the lease while it does not " +
      "reach the cloud",
  );
});
