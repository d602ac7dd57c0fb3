// Traps of API v2, one test each: lists that show less than they seem to, filters without effect, first answers that
// are also the last, addresses that a watchdog must not move.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import {
  cloudFetch,
  CloudFixture,
  ELASTIC_IP,
  isPoll,
  PATIENT,
} from "../support/cloud/cloud_fixture.ts";
import { endsStart } from "./complaint.ts";
import type { TransportInit } from "../../src/transport/request.ts";

const IN_ANY_STATE = { onlyIfStopped: false };

/** The requests since then, as `GET /instance/...`. */
function calledBy(fixture: CloudFixture, since = 0): string[] {
  return fixture.server.calls.slice(since).map(({ method, what }) => `${method} ${what}`);
}

function idsOf(holders: readonly { instanceId: string }[] | null): string[] | undefined {
  return holders?.map(({ instanceId }) => instanceId);
}

Deno.test("CloudV2.look() reads its own hold from get-instance, never from a list", async () => {
  await using fixture = new CloudFixture();
  fixture.model.ignoresFilters = true;
  fixture.hold(fixture.peer);
  const cloud = fixture.cloud("v2");
  await cloud.prepare(PATIENT);
  const since = fixture.server.calls.length;
  // The list contains every machine, this one, too.
  const { holds, others } = await cloud.look({ others: true }, PATIENT);
  assertEquals(holds, false);
  assertEquals(idsOf(others), [fixture.peer.id, fixture.third.id]);
  assert(calledBy(fixture, since).includes(`GET /instance/${fixture.self.id}`));
});

Deno.test("CloudV2.look() asks for holders with the filter ip-address", async () => {
  await using fixture = new CloudFixture();
  const queries: string[] = [];
  const cloud = fixture.cloud("v2", {
    fetch: (url, init) => {
      queries.push(url.search);
      return cloudFetch(url, init);
    },
  });
  await cloud.look({ others: true }, PATIENT);
  assert(queries.includes(`?ip-address=${ELASTIC_IP}`), queries.join(" "));
});

Deno.test("CloudV2 lets a change expire by the cloud's clock, soon after its answer would be too late", async () => {
  await using fixture = new CloudFixture();
  // This machine's clock is an hour late.
  const aheadMs = 3_600_000;
  const expiries: { readonly method: string; readonly inMs: number }[] = [];
  const fetch = async (url: URL, init: TransportInit) => {
    const said = new Headers(init.headers).get("authorization") ?? "";
    const expires = Number(/expires=(\d+)/.exec(said)?.[1]) * 1_000;
    expiries.push({ method: init.method ?? "", inMs: expires - (Date.now() + aheadMs) });
    const answer = await cloudFetch(url, init);
    const headers = { ...Object.fromEntries(answer.headers), date: new Date(Date.now() + aheadMs) };
    const shown = { ...headers, date: headers.date.toUTCString() };
    return new Response(await answer.text(), { status: answer.status, headers: shown });
  };
  const cloud = fixture.cloud("v2", { fetch });
  await cloud.prepare(PATIENT);
  await cloud.attach(PATIENT);
  const [change] = expiries.filter(({ method }) => method === "PUT");
  assert(change && change.inMs > 15_000 && change.inMs <= 20_000, JSON.stringify(change));
  const questions = expiries.filter(({ method }) => method === "GET");
  assert(questions.every(({ inMs }) => inMs < 0), "these go by our own clock, as ever");
});

Deno.test("CloudV2.evict() asks get-instance, so that an ignored filter detaches nobody", async () => {
  await using fixture = new CloudFixture();
  const { self, peer, third } = fixture;
  fixture.model.ignoresFilters = true;
  fixture.hold(self, third);
  const cloud = fixture.cloud("v2");
  await cloud.prepare(PATIENT);
  const { others } = await cloud.look({ others: true }, PATIENT);
  assertEquals(idsOf(others), [peer.id, third.id]);
  const since = fixture.server.calls.length;
  assertEquals(await cloud.evict(peer.id, IN_ANY_STATE, PATIENT), "absent");
  assertEquals(calledBy(fixture, since), [`GET /instance/${peer.id}`]);
  assertEquals(await cloud.inspect(peer.id, PATIENT), false);
  assertEquals(fixture.holders, [self.id, third.id]);
});

Deno.test("CloudV2.evict() takes from one of several holders only", async () => {
  await using fixture = new CloudFixture();
  const { self, peer, third } = fixture;
  fixture.hold(self, peer, third);
  const cloud = fixture.cloud("v2");
  await cloud.prepare(PATIENT);
  const { holds, others } = await cloud.look({ others: true }, PATIENT);
  assertEquals([holds, idsOf(others)], [true, [peer.id, third.id]]);
  assertEquals(await cloud.evict(third.id, IN_ANY_STATE, PATIENT), "taken");
  assertEquals(fixture.holders, [self.id, peer.id]);
});

Deno.test("CloudV2 tells its Elastic IP from another one that a machine holds", async () => {
  await using fixture = new CloudFixture();
  const { self, peer } = fixture;
  const other = fixture.model.addAddress("198.51.100.51");
  other.holders.add(self.id).add(peer.id);
  const cloud = fixture.cloud("v2");
  assertEquals((await cloud.prepare(PATIENT)).holds, false);
  assertEquals(await cloud.evict(peer.id, IN_ANY_STATE, PATIENT), "absent");
  await cloud.attach(PATIENT);
  assertEquals([fixture.holders, [...other.holders]], [[self.id], [self.id, peer.id]]);
});

Deno.test("CloudV2.attach() sees a first answer that is already a failure", async () => {
  await using fixture = new CloudFixture();
  const cloud = fixture.cloud("v2");
  await cloud.prepare(PATIENT);
  fixture.model.failure = "forbidden";
  const error = await assertRejects(() => cloud.attach(PATIENT), CloudError, "forbidden");
  assertEquals([error.kind, error.retryable], ["operation-failed", false]);
  assertEquals(fixture.server.calls.filter(isPoll), []);
});

Deno.test("CloudV2.attach() sees a first answer that is already a success", async () => {
  await using fixture = new CloudFixture();
  const cloud = fixture.cloud("v2");
  await cloud.prepare(PATIENT);
  fixture.model.operationMs = 0;
  await cloud.attach(PATIENT);
  assertEquals(fixture.holders, [fixture.self.id]);
  assertEquals(fixture.server.calls.filter(isPoll), []);
});

Deno.test("CloudV2.evict() takes nothing where the detach gets 404: another node was faster", async () => {
  await using fixture = new CloudFixture();
  fixture.hold(fixture.peer);
  const cloud = fixture.cloud("v2");
  await cloud.prepare(PATIENT);
  fixture.server.fault = ({ method }) => method === "PUT" ? "404" : null;
  assertEquals(await cloud.evict(fixture.peer.id, IN_ANY_STATE, PATIENT), "gone");
  assertEquals(fixture.changes.length, 1);
});

Deno.test("CloudV2.attach() does not take a 404 for done", async () => {
  await using fixture = new CloudFixture();
  const cloud = fixture.cloud("v2");
  await cloud.prepare(PATIENT);
  fixture.server.fault = ({ method }) => method === "PUT" ? "404" : null;
  const error = await assertRejects(() => cloud.attach(PATIENT), CloudError);
  assertEquals([error.kind, error.retryable], ["not-found", false]);
});

Deno.test("CloudV2.prepare() names an Elastic IP that the zone does not have", async () => {
  await using fixture = new CloudFixture();
  const cloud = fixture.cloud("v2", { elasticIp: "198.51.100.99" });
  const error = await assertRejects(() => cloud.prepare(PATIENT), CloudError, "198.51.100.99");
  assertEquals([error.kind, endsStart(error)], ["no-such-address", true]);
  assertStringIncludes(error.message, ELASTIC_IP);
});

Deno.test("CloudV2.members() names a security group that does not exist", async () => {
  await using fixture = new CloudFixture();
  const cloud = fixture.cloud("v2", { peers: { kind: "groups", groups: ["Edge"] } });
  await cloud.prepare(PATIENT);
  const error = await assertRejects(() => cloud.members(PATIENT), CloudError, '"Edge"');
  assertEquals([error.kind, endsStart(error)], ["no-such-group", true]);
});

Deno.test("CloudV2.prepare() refuses a managed Elastic IP and says why", async () => {
  await using fixture = new CloudFixture();
  fixture.address.managed = true;
  const error = await assertRejects(() => fixture.cloud("v2").prepare(PATIENT), CloudError);
  assertEquals([error.kind, endsStart(error)], ["managed-address", true]);
  assertStringIncludes(error.message, "health check");
  assertStringIncludes(error.message, ELASTIC_IP);
});

Deno.test("CloudV2.prepare() refuses an Elastic IP of its own pool and says why", async () => {
  await using fixture = new CloudFixture();
  joinPool(fixture, [fixture.address.id]);
  const error = await assertRejects(() => fixture.cloud("v2").prepare(PATIENT), CloudError);
  assertEquals([error.kind, endsStart(error)], ["pool-address", true]);
  assertStringIncludes(error.message, "pool");
  assertStringIncludes(error.message, ELASTIC_IP);
});

Deno.test("CloudV2.prepare() does not mind a pool with another Elastic IP, or somebody else's", async () => {
  await using fixture = new CloudFixture();
  const other = fixture.model.addAddress("198.51.100.51");
  joinPool(fixture, [other.id]);
  fixture.model.pools.set("another pool", [fixture.address.id]);
  assertEquals((await fixture.cloud("v2").prepare(PATIENT)).holds, false);
});

for (const fault of ["403", "404"] as const) {
  Deno.test(`CloudV2.prepare() does not stop at a pool that it may not read: ${fault}`, async () => {
    await using fixture = new CloudFixture();
    joinPool(fixture, [fixture.address.id]);
    fixture.server.fault = ({ what }) => what.startsWith("/instance-pool/") ? fault : null;
    assertEquals((await fixture.cloud("v2").prepare(PATIENT)).instanceId, fixture.self.id);
  });
}

for (const address of ["", "0.0.0.0"]) {
  const shown = address || "no address";
  Deno.test(`CloudV2.members() leaves out a private machine, which shows ${shown}`, async () => {
    await using fixture = new CloudFixture();
    fixture.model.addInstance(7, address, fixture.peer.groups);
    const cloud = fixture.cloud("v2");
    await cloud.prepare(PATIENT);
    const addresses = (await cloud.members(PATIENT)).peers.map((peer) => peer.address);
    assertEquals(addresses, [fixture.peer.address, fixture.third.address]);
    const given = fixture.cloud("v2", { peers: { kind: "static", addresses: ["0.0.0.0"] } });
    const unplaced = [{ address: "0.0.0.0", count: 0 }];
    assertEquals(await given.members(PATIENT), { peers: [], inPeerList: true, unplaced });
  });
}

/** Puts the fixture's machine into a pool that assigns these Elastic IPs. */
function joinPool(fixture: CloudFixture, addressIds: string[]): void {
  const poolId = "c0ffee00-1234-4abc-8def-5566778899aa";
  fixture.self.poolId = poolId;
  fixture.model.pools.set(poolId, addressIds);
}
