// Peers without a configuration: our instance pool, else the label; and several groups. With both APIs where possible.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import type { PeerSource } from "../../src/exoscale/peer_source.ts";
import type { Cloud } from "../../src/world.ts";
import type { SimInstance } from "../support/cloud/model.ts";
import {
  type Api,
  APIS,
  clientName,
  cloudFetch,
  CloudFixture,
  ELASTIC_IP,
  PATIENT,
} from "../support/cloud/cloud_fixture.ts";
import { endsStart } from "./complaint.ts";

const POOL = "c0ffee00-1234-4abc-8def-5566778899aa",
  NODEPOOL = "5ca1ab1e-1234-4abc-8def-5566778899aa";
const PEERS: PeerSource = { kind: "discovery" };

async function prepared(
  fixture: CloudFixture,
  api: Api,
  peers: PeerSource = PEERS,
): Promise<Cloud> {
  const cloud = fixture.cloud(api, { peers });
  await cloud.prepare(PATIENT);
  return cloud;
}

async function assertMembers(
  cloud: Cloud,
  machines: readonly SimInstance[],
  { inPeerList = true, found }: { inPeerList?: boolean; found: RegExp },
): Promise<void> {
  const membership = await cloud.members(PATIENT);
  assertEquals(membership.peers.map(({ instanceId }) => instanceId), machines.map(({ id }) => id));
  assertEquals(membership.inPeerList, inPeerList);
  assert(found.test(membership.found ?? ""), `${membership.found} should match ${found}`);
}

function label(value: string, ...machines: readonly SimInstance[]): void {
  for (const machine of machines) machine.labels = { role: "edge", exoip: value };
}

for (const api of APIS) {
  const name = clientName(api);
  const found = new RegExp(`labelled exoip=${ELASTIC_IP}$`);

  Deno.test(`${name}.members() finds the machines labelled with the Elastic IP in one call`, async () => {
    await using fixture = new CloudFixture();
    const { self, peer, third, model } = fixture;
    label(ELASTIC_IP, self, peer);
    label("198.51.100.5", third);
    label(`192.0.2.7_${ELASTIC_IP}`, model.addInstance(4, "203.0.113.14"));
    label("true", model.addInstance(5, "203.0.113.15"));
    const fourth = [...model.instances.values()][3] ?? self;
    const cloud = await prepared(fixture, api);
    const since = fixture.server.calls.length;
    await assertMembers(cloud, [peer, fourth], { found });
    assertEquals(fixture.server.calls.length - since, 1);
    peer.labels = {};
    fourth.state = "destroying";
    await assertMembers(cloud, [], { found });
  });

  Deno.test(`${name}.members() says how a machine without the label gets it`, async () => {
    await using fixture = new CloudFixture();
    const { self, peer, third } = fixture;
    label(ELASTIC_IP, peer, third);
    const how = api === "v2" ? `exo compute instance update ${self.id}` : "cmk create tags";
    const cloud = await prepared(fixture, api);
    const unlike = new RegExp(`this one is not: ${how} .*exoip.*${ELASTIC_IP}`);
    await assertMembers(cloud, [peer, third], { inPeerList: false, found: unlike });
    label(ELASTIC_IP, self);
    await assertMembers(cloud, [peer, third], { found });
  });

  Deno.test(`${name}.members() says what to do when nothing tells who the peers are`, async () => {
    await using fixture = new CloudFixture();
    fixture.self.labels = { role: "edge", exoip: "192.0.2.7" };
    const cloud = await prepared(fixture, api);
    const error = await assertRejects(() => cloud.members(PATIENT), CloudError);
    assertEquals([error.kind, error.retryable, endsStart(error)], ["no-peers", false, true]);
    const { message } = error;
    const command = api === "v2"
      ? `update ${fixture.self.id} --label role=edge,exoip=192.0.2.7_${ELASTIC_IP}\``
      : `resourceids=${fixture.self.id} tags[0].key=exoip tags[0].value=192.0.2.7_${ELASTIC_IP}\``;
    for (const words of [command, "-p (IF_EXOSCALE_PEERS)", "-G (IF_EXOSCALE_PEER_GROUP)"]) {
      assertStringIncludes(message, words);
    }
    assert(!message.includes("\n"));
  });

  Deno.test(`${name}.members() takes several groups, by name or id, and each machine once`, async () => {
    await using fixture = new CloudFixture();
    const { self, peer, third, model } = fixture;
    const fourth = model.addInstance(4, "203.0.113.14", ["core"]);
    model.addInstance(5, "203.0.113.15", ["other"]);
    third.groups = ["edge", "core"];
    const groups = ["edge", model.groups.get("core") ?? ""];
    const cloud = await prepared(fixture, api, { kind: "groups", groups });
    const { peers, inPeerList, ...rest } = await cloud.members(PATIENT);
    const ids = [peer, third, fourth].map(({ id }) => id);
    assertEquals(peers.map(({ instanceId }) => instanceId), ids);
    assertEquals([inPeerList, rest], [true, {}]);
    self.groups = ["other"];
    assertEquals((await cloud.members(PATIENT)).inPeerList, false);
  });
}

Deno.test("CloudV1.members() says that a CloudStack without tags needs -p or -G", async () => {
  await using fixture = new CloudFixture();
  label(ELASTIC_IP, fixture.self, fixture.peer);
  fixture.model.hasTags = false;
  const cloud = await prepared(fixture, "v1");
  const error = await assertRejects(() => cloud.members(PATIENT), CloudError, "lists no tags");
  assertEquals([error.kind, endsStart(error)], ["no-peers", true]);
  assertStringIncludes(error.message, "-p (IF_EXOSCALE_PEERS)");
});

Deno.test("CloudV2.members() finds the members of its own instance pool in one unfiltered call", async () => {
  await using fixture = new CloudFixture();
  const { self, peer, third, model } = fixture;
  fixture.pool(POOL, [self, peer]);
  fixture.pool(NODEPOOL, [third]);
  for (const ignoresFilters of [false, true]) {
    model.ignoresFilters = ignoresFilters;
    const queries: string[] = [];
    const cloud = fixture.cloud("v2", {
      peers: PEERS,
      fetch: (url, init) => {
        queries.push(url.pathname + url.search);
        return cloudFetch(url, init);
      },
    });
    await cloud.prepare(PATIENT);
    queries.length = 0;
    const found = new RegExp(`^the peers are the members of our instance pool pool \\(${POOL}\\)$`);
    await assertMembers(cloud, [peer], { found });
    assertEquals(queries, ["/v2/instance"]);
  }
});

Deno.test("CloudV2.members() follows its pool as that grows and shrinks", async () => {
  await using fixture = new CloudFixture();
  const { self, peer, third, model } = fixture;
  fixture.pool(POOL, [self, peer, third]);
  const cloud = await prepared(fixture, "v2");
  const found = /instance pool/;
  await assertMembers(cloud, [peer, third], { found });
  const fourth = model.addInstance(4, "203.0.113.14");
  fourth.poolId = POOL;
  third.state = "destroying";
  await assertMembers(cloud, [peer, fourth], { found });
  peer.state = "destroyed";
  // A machine that the list no longer has still knows its pool.
  self.state = "destroyed";
  await assertMembers(cloud, [fourth], { inPeerList: false, found });
});

Deno.test("CloudV2.members() does not take a list that hides the pool for an empty pool", async () => {
  await using fixture = new CloudFixture();
  const { self, peer } = fixture;
  fixture.pool(POOL, [self, peer]);
  const cloud = await prepared(fixture, "v2");
  self.poolId = peer.poolId = null;
  label(ELASTIC_IP, self, peer);
  const error = await assertRejects(() => cloud.members(PATIENT), CloudError, POOL);
  assertEquals([error.kind, error.retryable], ["unexpected-answer", true]);
});

Deno.test("CloudV2.members() finds the nodes of its SKS node pool", async () => {
  await using fixture = new CloudFixture();
  const { self, peer } = fixture;
  fixture.pool(POOL, [self, peer]);
  fixture.model.nodepools.set(POOL, NODEPOOL);
  await assertMembers(await prepared(fixture, "v2"), [peer], { found: /instance pool/ });
  // By the API's description, an instance may also name the node pool itself.
  self.managerType = peer.managerType = "sks-nodepool";
  await assertMembers(await prepared(fixture, "v2"), [peer], { found: /instance pool/ });
});

Deno.test("CloudV2.members() goes by the pool before the label, and says so", async () => {
  await using fixture = new CloudFixture();
  const { self, peer, third } = fixture;
  fixture.pool(POOL, [self, peer]);
  label(ELASTIC_IP, self, peer);
  const cloud = await prepared(fixture, "v2");
  await assertMembers(cloud, [peer], { found: /instance pool .*\)$/ });
  label(ELASTIC_IP, third);
  await assertMembers(cloud, [peer], { found: /; the label exoip of others is not looked at$/ });
});

Deno.test("CloudV2.members() names the zone in the command when the endpoint tells it", async () => {
  await using fixture = new CloudFixture();
  const cloud = fixture.cloud("v2", {
    peers: PEERS,
    endpoint: "https://api-at-vie-2.exoscale.com/v2",
    fetch: ({ pathname }, init) =>
      cloudFetch(new URL(fixture.server.endpoint("v2") + pathname.slice(3)), init),
  });
  const zone = `update ${fixture.self.id} --zone at-vie-2 --label exoip=`;
  await assertRejects(() => cloud.members(PATIENT), CloudError, zone);
});

Deno.test("CloudV2.members() names all groups that do not exist, together", async () => {
  await using fixture = new CloudFixture();
  const cloud = await prepared(fixture, "v2", { kind: "groups", groups: ["edge", "Edge", "core"] });
  const error = await assertRejects(() => cloud.members(PATIENT), CloudError, '"Edge", "core"');
  assertEquals([error.kind, endsStart(error)], ["no-such-group", true]);
});

Deno.test("CloudV2.members() finds a group that was made again, beside another one", async () => {
  await using fixture = new CloudFixture();
  const { peer, third, model } = fixture;
  third.groups = ["core"];
  model.groups.set("core", NODEPOOL);
  const cloud = await prepared(fixture, "v2", { kind: "groups", groups: ["edge", "core"] });
  const members = async () => (await cloud.members(PATIENT)).peers.map(({ address }) => address);
  assertEquals(await members(), [peer.address, third.address]);
  model.groups.set("core", POOL);
  assertEquals(await members(), [peer.address, third.address]);
});

Deno.test("CloudV2.members() names Karpenter, whose nodes have neither pool nor label", async () => {
  await using fixture = new CloudFixture();
  fixture.self.labels = { "karpenter.sh/nodepool": "edge" };
  const cloud = await prepared(fixture, "v2");
  const error = await assertRejects(() => cloud.members(PATIENT), CloudError);
  assertEquals(error.kind, "no-peers");
  assertStringIncludes(error.message, "node of Karpenter, which sets labels again: give its node");
  assertStringIncludes(error.message, "-G (IF_EXOSCALE_PEER_GROUP)");
});
