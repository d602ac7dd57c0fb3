// An Elastic IP that is released between two calls: what a cloud of API v2 says about it, and what it does once the
// address is back.
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import { CloudFixture, ELASTIC_IP, PATIENT } from "../support/cloud/cloud_fixture.ts";

const LOOK = { others: true };

/** A cloud that held an Elastic IP which has just been released. */
async function bereaved(fixture: CloudFixture) {
  fixture.address.description = "edge";
  const cloud = fixture.cloud("v2");
  await cloud.prepare(PATIENT);
  await cloud.attach(PATIENT);
  assertEquals((await cloud.look(LOOK, PATIENT)).released, undefined);
  fixture.model.release(fixture.address);
  return cloud;
}

Deno.test("CloudV2 names a released Elastic IP, and what to do", async () => {
  await using fixture = new CloudFixture();
  const cloud = await bereaved(fixture);
  const { holds, released } = await cloud.look(LOOK, PATIENT);
  assertEquals(holds, false);
  assertMatch(
    released ?? "",
    /198\.51\.100\.50 does not exist any more, it was released: Exoscale's API lets nobody choose /,
  );
  assertMatch(released ?? "", /give all nodes another one with -xi \(IF_ADDRESS\) and restart/);
  // The message stays the same, so it is logged once.
  fixture.model.addAddress("198.51.100.77");
  assertEquals((await cloud.look(LOOK, PATIENT)).released, released);
});

Deno.test("CloudV2 learns of a release by its attach", async () => {
  await using fixture = new CloudFixture();
  const cloud = fixture.cloud("v2");
  await cloud.prepare(PATIENT);
  fixture.model.release(fixture.address);
  const error = await assertRejects(() => cloud.attach(PATIENT), CloudError);
  assertEquals([error.kind, error.retryable], ["address-released", false]);
  assertEquals((await cloud.look(LOOK, PATIENT)).released, error.message);
});

Deno.test("CloudV2 goes on when the Elastic IP is allocated again, with another id", async () => {
  await using fixture = new CloudFixture();
  const cloud = await bereaved(fixture);
  await cloud.look(LOOK, PATIENT);
  const again = fixture.model.addAddress(ELASTIC_IP);
  assertEquals(await cloud.look(LOOK, PATIENT), { holds: false, others: [] });
  await cloud.attach(PATIENT);
  assertEquals([...again.holders], [fixture.self.id]);
  await cloud.detachSelf(PATIENT);
  assertEquals([...again.holders], []);
});

Deno.test("CloudV2 attaches one that was replaced between two looks", async () => {
  await using fixture = new CloudFixture();
  const cloud = fixture.cloud("v2");
  await cloud.prepare(PATIENT);
  fixture.model.release(fixture.address);
  const again = fixture.model.addAddress(ELASTIC_IP);
  await cloud.attach(PATIENT);
  assertEquals([...again.holders], [fixture.self.id]);
});

Deno.test("CloudV2 knows its hold though somebody allocated and attached by hand", async () => {
  await using fixture = new CloudFixture();
  const cloud = await bereaved(fixture);
  const again = fixture.model.addAddress(ELASTIC_IP);
  again.holders.add(fixture.self.id).add(fixture.peer.id);
  const { holds, others, released } = await cloud.look(LOOK, PATIENT);
  assertEquals([holds, released], [true, undefined]);
  assertEquals(others, [{ instanceId: fixture.peer.id, name: fixture.peer.name, off: false }]);
  assertEquals(await cloud.evict(fixture.peer.id, { onlyIfStopped: false }, PATIENT), "taken");
  assertEquals([...again.holders], [fixture.self.id]);
});

Deno.test("CloudV2 names the Elastic IP that has taken its name", async () => {
  await using fixture = new CloudFixture();
  const cloud = await bereaved(fixture);
  fixture.model.addAddress("198.51.100.77").description = "edge";
  const { released } = await cloud.look(LOOK, PATIENT);
  assertMatch(
    released ?? "",
    /198\.51\.100\.77 has its description or labels now: .* restart exoip/,
  );
});

Deno.test("CloudV2 does not take one that came back as a managed one", async () => {
  await using fixture = new CloudFixture();
  const cloud = await bereaved(fixture);
  fixture.model.addAddress(ELASTIC_IP, { managed: true });
  const { released, exists } = await cloud.look(LOOK, PATIENT);
  assertMatch(
    released ?? "",
    /vanished and exists again, but not for us: 198\.51\.100\.50 is a managed Elastic IP.*one \[managed-address\]$/,
  );
  assertEquals(exists, true);
});

Deno.test("CloudV2 learns by its attach that one came back as a managed one", async () => {
  await using fixture = new CloudFixture();
  const cloud = fixture.cloud("v2");
  await cloud.prepare(PATIENT);
  fixture.model.release(fixture.address);
  const managed = fixture.model.addAddress(ELASTIC_IP, { managed: true });
  const error = await assertRejects(() => cloud.attach(PATIENT), CloudError);
  assertEquals([error.kind, managed.holders.size], ["managed-address", 0]);
  const { released, exists } = await cloud.look(LOOK, PATIENT);
  assertEquals([released, exists], [error.message, true]);
});

Deno.test("CloudV2 tells a release from another hand", async () => {
  await using fixture = new CloudFixture();
  const cloud = fixture.cloud("v2");
  await cloud.prepare(PATIENT);
  await cloud.attach(PATIENT);
  fixture.hold(fixture.peer);
  assertEquals((await cloud.look(LOOK, PATIENT)).released, undefined);
});
