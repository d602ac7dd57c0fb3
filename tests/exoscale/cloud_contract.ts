// What every `Cloud` promises, whichever API it uses: reads, and rules for every call. Changes are in
// changes_contract.ts, properties of API v2 alone in traps_v2_test.ts, faults in bad_days_test.ts.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { PeerIdentity } from "../../src/core/election/peer.ts";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import { Signer } from "../../src/exoscale/signature.ts";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { type SimInstance, simUuid } from "../support/cloud/model.ts";
import {
  type Api,
  clientName,
  CloudFixture,
  GROUP,
  isPoll,
  PATIENT,
} from "../support/cloud/cloud_fixture.ts";
import { endsStart, endsStartInTime } from "./complaint.ts";

/** A machine that never existed. */
const NOBODY = simUuid(1, 99);

/** prepare(), members(), look(), inspect(). */
export function testReading(api: Api): void {
  const name = clientName(api);
  const wireIdOf = ({ id, nicId }: SimInstance) => api === "v1" ? nicId : id;
  const identityOf = (machine: SimInstance): PeerIdentity => ({
    address: machine.address,
    instanceId: machine.id,
    wireId: wireIdOf(machine),
    name: machine.name,
  });

  for (const holds of [true, false]) {
    Deno.test(`${name}.prepare() knows itself, and holds: ${holds}`, async () => {
      await using fixture = new CloudFixture();
      fixture.hold(...holds ? [fixture.peer, fixture.self] : [fixture.peer]);
      const identity = await fixture.cloud(api).prepare(PATIENT);
      const { self } = fixture;
      const nativeAddresses = [self.address];
      assertEquals(identity, {
        instanceId: self.id,
        name: self.name,
        wireId: wireIdOf(self),
        holds,
        nativeAddresses,
      });
    });
  }

  Deno.test(`${name}.prepare() names an instance that does not exist`, async () => {
    await using fixture = new CloudFixture();
    const cloud = fixture.cloud(api, { instanceId: NOBODY });
    const error = await assertRejects(() => cloud.prepare(PATIENT), CloudError, NOBODY);
    assertEquals([
      error.kind,
      endsStart(error),
      endsStartInTime(error),
      error.retryable,
    ], ["no-such-instance", false, true, false]);
    assertStringIncludes(error.message, "-i");
  });

  Deno.test(`${name}.members() finds the machines of the addresses, without itself`, async () => {
    await using fixture = new CloudFixture();
    const { self, peer, third } = fixture;
    const addresses = [third, self, peer].map(({ address }) => address);
    const cloud = fixture.cloud(api, { peers: { kind: "static", addresses } });
    await cloud.prepare(PATIENT);
    const peers = [third, peer].map(identityOf);
    assertEquals(await cloud.members(PATIENT), { peers, inPeerList: true, unplaced: [] });
    // A list given by hand need not contain the machine itself.
    const short = fixture.cloud(api, { peers: { kind: "static", addresses: [peer.address] } });
    await short.prepare(PATIENT);
    const one = { peers: [identityOf(peer)], inPeerList: true, unplaced: [] };
    assertEquals(await short.members(PATIENT), one);
  });

  Deno.test(`${name}.members() tells the addresses that no machine has apart from the peers`, async () => {
    await using fixture = new CloudFixture();
    const addresses = ["203.0.113.77", fixture.peer.address, "203.0.113.78"];
    const cloud = fixture.cloud(api, { peers: { kind: "static", addresses } });
    await cloud.prepare(PATIENT);
    const unplaced = ["203.0.113.77", "203.0.113.78"].map((address) => ({ address, count: 0 }));
    const membership = { peers: [identityOf(fixture.peer)], inPeerList: true, unplaced };
    assertEquals(await cloud.members(PATIENT), membership);
  });

  Deno.test(`${name}.members() finds the machines of very many addresses with few questions`, async () => {
    await using fixture = new CloudFixture();
    const strange = Array.from({ length: 200 }, (_, index) => `192.0.2.${index}`);
    const addresses = [...strange, fixture.peer.address, fixture.self.address];
    const cloud = fixture.cloud(api, { peers: { kind: "static", addresses } });
    await cloud.prepare(PATIENT);
    const before = fixture.server.calls.length;
    const { peers, unplaced } = await cloud.members(PATIENT);
    assertEquals([peers, unplaced?.length], [[identityOf(fixture.peer)], 200]);
    assert(
      fixture.server.calls.length <= before + 2,
      `${fixture.server.calls.length - before} calls`,
    );
  });

  Deno.test(`${name}.members() follows who joins and leaves the group, itself included`, async () => {
    await using fixture = new CloudFixture();
    const { peer, third, model } = fixture;
    const cloud = fixture.cloud(api);
    await cloud.prepare(PATIENT);
    const members = async (...machines: SimInstance[]) => {
      const { peers, inPeerList } = await cloud.members(PATIENT);
      assertEquals(peers, machines.map(identityOf));
      return inPeerList;
    };
    assertEquals(await members(peer, third), true);
    const fourth = model.addInstance(4, "203.0.113.14", ["other", GROUP]);
    third.groups = ["other"];
    peer.state = "stopped";
    assertEquals(await members(peer, fourth), true);
    peer.state = "destroying";
    assertEquals(await members(fourth), true);
    peer.state = "destroyed";
    fixture.self.groups = [];
    assertEquals(await members(fourth), false);
  });

  Deno.test(`${name}.look() tells of itself, and of others only when asked`, async () => {
    await using fixture = new CloudFixture();
    const { self, peer, third } = fixture;
    const cloud = fixture.cloud(api);
    await cloud.prepare(PATIENT);
    assertEquals(await cloud.look({ others: true }, PATIENT), { holds: false, others: [] });
    fixture.hold(peer, self, third);
    third.state = "stopped";
    const others = [
      { instanceId: peer.id, name: peer.name, off: false },
      { instanceId: third.id, name: third.name, off: true },
    ];
    assertEquals(await cloud.look({ others: true }, PATIENT), { holds: true, others });
    assertEquals(await cloud.look({ others: false }, PATIENT), { holds: true, others: null });
  });

  Deno.test(`${name} signs each request with the credentials of the moment`, async () => {
    await using fixture = new CloudFixture();
    const signer = new Signer({ apiKey: SIM_KEY, secret: SIM_SECRET });
    const cloud = fixture.cloud(api, { signer });
    await cloud.prepare(PATIENT);
    const renewed = { apiKey: "EXOrenewed", secret: "another secret" };
    fixture.model.credentials = renewed;
    await assertRejects(() => cloud.look({ others: false }, PATIENT), CloudError);
    // A request under way ends with the credentials that signed it.
    fixture.model.credentials = null;
    fixture.server.fault = () => {
      signer.use(renewed);
      return null;
    };
    assertEquals((await cloud.look({ others: false }, PATIENT)).holds, false);
    fixture.model.credentials = renewed;
    await cloud.attach(PATIENT);
    assertEquals(fixture.holders, [fixture.self.id]);
    // Half of a new pair is not a pair.
    fixture.server.fault = () => null;
    signer.use({ ...renewed, secret: SIM_SECRET });
    await assertRejects(() => cloud.look({ others: false }, PATIENT), CloudError);
  });

  Deno.test(`${name}.inspect() tells who holds, and that a missing machine does not`, async () => {
    await using fixture = new CloudFixture();
    const { self, peer, third } = fixture;
    const cloud = fixture.cloud(api);
    await cloud.prepare(PATIENT);
    fixture.hold(peer, third);
    third.state = "destroyed";
    const asked = [peer.id, self.id, third.id, NOBODY];
    const answers = await Promise.all(asked.map((id) => cloud.inspect(id, PATIENT)));
    assertEquals(answers, [true, false, false, false]);
  });
}

/** Rules for every call: it ends when told to, and successful answers are reported. */
export function testCalls(api: Api): void {
  const name = clientName(api);

  Deno.test(`${name} ends a call whose answer does not come, when told to`, async () => {
    await using fixture = new CloudFixture();
    const cloud = fixture.cloud(api);
    await cloud.prepare(PATIENT);
    const calls = [
      (signal: AbortSignal) => cloud.look({ others: true }, signal),
      (signal: AbortSignal) => cloud.attach(signal),
    ];
    for (const call of calls) {
      const stopping = new AbortController();
      fixture.server.fault = () => {
        stopping.abort();
        return "hang";
      };
      await assertAborted(() => call(stopping.signal));
    }
  });

  Deno.test(`${name} ends the wait for an operation, when told to`, async () => {
    await using fixture = new CloudFixture();
    fixture.model.operationMs = 600_000;
    const cloud = fixture.cloud(api);
    await cloud.prepare(PATIENT);
    const stopping = new AbortController();
    fixture.server.fault = (call) => {
      if (isPoll(call)) stopping.abort();
      return null;
    };
    await assertAborted(() => cloud.attach(stopping.signal));
  });

  Deno.test(`${name} sends nothing once it is told to end`, async () => {
    await using fixture = new CloudFixture();
    const cloud = fixture.cloud(api);
    await assertAborted(() => cloud.inspect(fixture.peer.id, AbortSignal.abort()));
    assertEquals(fixture.server.calls, []);
  });

  Deno.test(`${name} tells of each good answer, and of no other`, async () => {
    await using fixture = new CloudFixture();
    let good = 0;
    const cloud = fixture.cloud(api, { onProgress: () => good++ });
    await cloud.prepare(PATIENT);
    await cloud.look({ others: true }, PATIENT);
    assertEquals(good, fixture.server.calls.length);
    const answered = good;
    fixture.server.fault = () => "500";
    await assertRejects(() => cloud.look({ others: false }, PATIENT), CloudError);
    assertEquals(good, answered);
  });
}

async function assertAborted(call: () => Promise<unknown>): Promise<void> {
  const startedAtMs = performance.now();
  const error = await assertRejects(call, CloudError);
  assertEquals([error.kind, error.retryable], ["aborted", false], error.message);
  const tookMs = performance.now() - startedAtMs;
  assert(tookMs < 60_000, `ended only after ${tookMs} ms`);
}
