// Peers in private networks: by the network's leases, whichever way they are found, and what cannot be used.
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import type { PeerSource } from "../../src/exoscale/peer_source.ts";
import { CloudFixture, PATIENT } from "../support/cloud/cloud_fixture.ts";

const POOL = "c0ffee00-1234-4abc-8def-5566778899aa";

/** A zone whose machines are in the network `backend` as 10.0.0.11 to 13. */
function zone() {
  const fixture = new CloudFixture();
  const { model, self, peer, third } = fixture;
  const network = model.addNetwork("backend");
  for (const [index, each] of [self, peer, third].entries()) {
    model.join(network, each, `10.0.0.${11 + index}`);
  }
  fixture.pool(POOL, [self, peer, third]);
  return { fixture, model, self, peer, third, network };
}

async function membersOf(
  { fixture }: ReturnType<typeof zone>,
  heartbeatNetworks: readonly string[],
  peers: PeerSource = { kind: "discovery" },
) {
  const list = await fixture.cloud("v2", { peers, heartbeatNetworks }).members(PATIENT);
  const paths = list.peers.map(({ network = "public", address }) => `${network} ${address}`);
  return { ...list, paths };
}

const SOURCES: readonly PeerSource[] = [{ kind: "discovery" }, {
  kind: "groups",
  groups: ["edge"],
}];

for (const source of SOURCES) {
  Deno.test(`peers by ${source.kind} are found in a private network by its leases`, async () => {
    const there = zone(), { peer, third, network } = there;
    await using _ = there.fixture;
    for (const name of ["backend", network.id, network.id.toUpperCase()]) {
      const { peers, paths, own, inPeerList } = await membersOf(there, [name], source);
      assertEquals(paths, ["backend 10.0.0.12", "backend 10.0.0.13"]);
      assertEquals(peers.map(({ instanceId }) => instanceId), [peer.id, third.id]);
      assertEquals(
        peers.map(({ wireId }) => wireId),
        [peer.id, third.id],
        "heartbeats must say it",
      );
      assertEquals(own, [{ network: "backend", address: "10.0.0.11" }]);
      assertEquals(inPeerList, true);
    }
    const both = await membersOf(there, ["public", "backend"], source);
    assertEquals(both.paths, [
      "public 203.0.113.12",
      "backend 10.0.0.12",
      "public 203.0.113.13",
      "backend 10.0.0.13",
    ]);
  });
}

Deno.test("only the public addresses need no private network", async () => {
  const there = zone();
  await using fixture = there.fixture;
  const { paths, own } = await membersOf(there, ["public"]);
  assertEquals([paths, own], [["public 203.0.113.12", "public 203.0.113.13"], undefined]);
  assertEquals(fixture.server.calls.filter(({ what }) => what.includes("private")), []);
});

Deno.test("a peer without a lease is missing, unless it is a peer elsewhere, too", async () => {
  const there = zone(), { network, third } = there;
  await using _ = there.fixture;
  network.leases.delete(third.id);
  const { paths, missing } = await membersOf(there, ["backend"]);
  assertEquals(paths, ["backend 10.0.0.12"]);
  assertEquals(missing, [
    { peer: `${third.id} (no address in the heartbeat network)`, denied: true },
  ]);
  const both = await membersOf(there, ["public", "backend"]);
  assertEquals([both.paths.length, both.missing], [3, undefined]);
});

Deno.test("private addresses of -p are placed by the networks of this instance, and only if needed", async () => {
  const there = zone(), { model, self, peer, third } = there;
  await using fixture = there.fixture;
  const at = (...addresses: string[]) =>
    membersOf(there, ["public"], { kind: "static", addresses });
  const reads = () => fixture.server.calls.filter(({ what }) => what.includes("private-network"));
  assertEquals((await at("203.0.113.12")).paths, ["public 203.0.113.12"]);
  assertEquals(reads().length, 0, "no call for public addresses");
  const mixed = await at("10.0.0.11", "10.0.0.12", "203.0.113.12", "10.0.0.99");
  assertEquals(mixed.paths, ["backend 10.0.0.12", "public 203.0.113.12"]);
  assertEquals(mixed.peers.map(({ instanceId }) => instanceId), [peer.id, peer.id]);
  assertEquals(mixed.unplaced, [{ address: "10.0.0.99", count: 0 }]);
  assertEquals(mixed.own, [{ network: "backend", address: "10.0.0.11" }]);
  assertEquals(reads().length, 1, "one call for each network of this instance");
  // The same address in a network in which this instance is not, is another machine's.
  const other = model.addNetwork("other");
  model.join(other, third, "10.0.0.12");
  assertEquals((await at("10.0.0.12")).peers.map(({ instanceId }) => instanceId), [peer.id]);
  model.join(other, self, "10.0.0.50");
  assertEquals((await at("10.0.0.12")).unplaced, [{ address: "10.0.0.12", count: 2 }]);
});

Deno.test("a network that cannot be used is named, with what to do", async () => {
  const there = zone(), { model, self, network } = there;
  await using _ = there.fixture;
  const refusal = async (name: string) => {
    const error = await assertRejects(() => membersOf(there, [name]), CloudError);
    assertEquals(error.kind, "no-such-network");
    return error.message;
  };
  assertStringIncludes(await refusal("front"), `no private network "front"`);
  assertStringIncludes(await refusal("00000008-0000-4000-8000-0000000000ff"), "no private network");
  const bare = model.addNetwork("bare", { managed: false });
  model.join(bare, self, "10.9.0.1");
  assertStringIncludes(
    await refusal("bare"),
    `the private network bare (${bare.id}) has no DHCP server`,
  );
  assertStringIncludes(await refusal("bare"), `private-network update ${bare.id} --start-ip`);
  network.attached.delete(self.id);
  assertStringIncludes(
    await refusal("backend"),
    `exo compute instance private-network attach ${self.id} ${network.id}`,
  );
  network.attached.add(self.id);
  const twin = model.addNetwork("backend");
  assertStringIncludes(await refusal("backend"), `${network.id}, ${twin.id}`);
});

Deno.test("a network that is made again under its name is found again", async () => {
  const there = zone(), { fixture, model, self, peer, network } = there;
  await using _ = fixture;
  const cloud = fixture.cloud("v2", {
    peers: { kind: "discovery" },
    heartbeatNetworks: ["backend"],
  });
  await cloud.members(PATIENT);
  model.networks.delete(network.id);
  const again = model.addNetwork("other"), renewed = model.addNetwork("backend");
  model.networks.delete(again.id);
  model.join(renewed, self, "10.1.0.1");
  model.join(renewed, peer, "10.1.0.2");
  const { peers } = await cloud.members(PATIENT);
  assertEquals(peers.map(({ address }) => address), ["10.1.0.2"]);
});
