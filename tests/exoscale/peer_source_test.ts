// From a listing of machines to the membership.
import { assertEquals } from "@std/assert";
import { type Machine, membersAmong, peersAt } from "../../src/exoscale/peer_source.ts";

function machine(number: number, changes: Partial<Machine> = {}): Machine {
  return {
    instanceId: `instance-${number}`,
    wireId: `wire-${number}`,
    name: `node-${number}`,
    addresses: [`203.0.113.${number}`],
    exists: true,
    poolId: null,
    labels: {},
    ...changes,
  };
}

function peer(number: number) {
  const { instanceId, wireId } = machine(number);
  return { instanceId, wireId, name: `node-${number}`, address: `203.0.113.${number}` };
}

const MEMBERS: [string, Machine[], number[], boolean][] = [
  ["everybody else", [machine(1), machine(2), machine(3)], [2, 3], true],
  ["all, when it is not listed itself", [machine(2), machine(3)], [2, 3], false],
  ["none that is gone", [machine(1), machine(2, { exists: false }), machine(3)], [3], true],
  ["none without an address", [machine(1), machine(2, { addresses: [] }), machine(3)], [3], true],
  ["nobody among none", [], [], false],
];
for (const [what, machines, numbers, inPeerList] of MEMBERS) {
  Deno.test(`membersAmong() lists ${what}`, () => {
    const peers = numbers.map(peer);
    assertEquals(membersAmong(machines, "instance-1"), { peers, inPeerList });
  });
}

const selfId = "instance-1";

Deno.test("peersAt() keeps the order of the addresses, and leaves itself out", () => {
  const machines = [machine(1), machine(2), machine(3)];
  const addresses = ["203.0.113.3", "203.0.113.1", "203.0.113.2"];
  const peers = [peer(3), peer(2)];
  const unplaced: never[] = [];
  assertEquals(peersAt(addresses, { machines, selfId }), { peers, inPeerList: true, unplaced });
});

const UNCLEAR: [string, Machine[], number][] = [
  ["that nobody has", [machine(1), machine(4)], 0],
  ["of a machine that is gone", [machine(2, { exists: false }), machine(4)], 0],
  [
    "that two machines have",
    [machine(2), machine(3, { addresses: ["203.0.113.2"] }), machine(4)],
    2,
  ],
];
for (const [what, machines, count] of UNCLEAR) {
  Deno.test(`peersAt() makes no peer of an address ${what}, and tells it apart`, () => {
    const addresses = ["203.0.113.2", "203.0.113.4"];
    const unplaced = [{ address: "203.0.113.2", count }];
    const found = peersAt(addresses, { machines, selfId });
    assertEquals(found, { peers: [peer(4)], inPeerList: true, unplaced });
  });
}
