// The answer to `info json`: split into datagrams and joined again.
import { assert, assertEquals } from "@std/assert";
import type { Snapshot } from "../../src/status/snapshot.ts";
import {
  Fragments,
  FRAGMENTS_MAX,
  PART_BYTES,
  requestedNumber,
  split,
} from "../../src/status/fragments.ts";
import { NodeFixture } from "../support/node_fixture.ts";

/** A snapshot with that many peers, each with a name that takes more bytes than characters. */
function snapshotOf(peersCount: number, addressesCount = 1): Snapshot {
  const played = new NodeFixture();
  played.until(10_000);
  const snapshot = played.snapshot();
  const [address] = snapshot.addresses;
  assert(address);
  const peers = Array.from({ length: peersCount }, (_, index) => ({
    ...address.peers[0]!,
    instanceId: `Zürich ${index}`,
  }));
  return { ...snapshot, addresses: Array(addressesCount).fill({ ...address, peers }) };
}

Deno.test("split() and Fragments give the snapshot back, in whatever order the datagrams come", () => {
  for (const peersCount of [0, 2, 200]) {
    const snapshot = snapshotOf(peersCount);
    const datagrams = split(snapshot, 7);
    assert(datagrams.every(({ length }) => length <= PART_BYTES + 64));
    assertEquals(datagrams.length > 1, peersCount === 200);
    const fragments = new Fragments();
    const answers = datagrams.toReversed().map((datagram) => fragments.add(datagram, 7));
    assertEquals(answers.slice(0, -1).every((answer) => answer === null), true);
    assertEquals(JSON.parse(answers.at(-1) ?? ""), snapshot);
  }
});

Deno.test("split() leaves out what has no room, and says how much", () => {
  for (const [peersCount, addressesCount] of [[5_000, 1], [200, 20], [0, 500]] as const) {
    const snapshot = snapshotOf(peersCount, addressesCount);
    const datagrams = split(snapshot, 1);
    assert(datagrams.length <= FRAGMENTS_MAX, `${datagrams.length}`);
    const fragments = new Fragments();
    const answer = datagrams.map((datagram) => fragments.add(datagram, 1)).at(-1);
    const { addresses, addressesLeftOut }: Snapshot = JSON.parse(answer ?? "");
    assertEquals(addresses.length + addressesLeftOut, addressesCount);
    for (const { peers, peersLeftOut } of addresses) {
      assertEquals(peers.length + peersLeftOut, peersCount);
    }
    assert(addressesLeftOut > 0 || (addresses[0]?.peersLeftOut ?? 0) > 0);
  }
});

Deno.test("Fragments takes no answer to another question, no part twice, and nothing else", () => {
  const [first, ...rest] = split(snapshotOf(200), 3);
  assert(first && rest.length > 0);
  const fragments = new Fragments();
  assertEquals(fragments.add(first, 4), null);
  for (const datagram of rest) assertEquals(fragments.add(datagram, 3), null);
  assertEquals(fragments.add(rest[0]!, 3), null, "one is still missing");
  for (const rubbish of ["", "info", "exoip-status 1 3 9 2\nx", "exoip-status 1 3 1 999\nx"]) {
    assertEquals(fragments.add(new TextEncoder().encode(rubbish), 3), null);
  }
  assert(fragments.add(first, 3)?.startsWith("{"));
});

Deno.test("requestedNumber() reads the question", () => {
  assertEquals(["info json", "info json 42", "info json 999999999"].map(requestedNumber), [
    0,
    42,
    999_999_999,
  ]);
  for (
    const text of ["info", "info json x", "info json 1234567890", "info json 1 2", "INFO JSON"]
  ) {
    assertEquals(requestedNumber(text), null, text);
  }
});
