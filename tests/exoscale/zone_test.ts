// Finding API v2 without a configured zone: every zone is asked for the instance.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import { endpointOf, findEndpoint, lookUpEndpoint } from "../../src/exoscale/zone.ts";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { simUuid } from "../support/cloud/model.ts";
import { answering, cloudFetch, CloudFixture, PATIENT } from "../support/cloud/cloud_fixture.ts";
import { endsStart, endsStartInTime } from "./complaint.ts";

/** Options that ask the fixture for the list of zones. */
function from(fixture: CloudFixture) {
  return {
    apiKey: SIM_KEY,
    secret: SIM_SECRET,
    fetch: cloudFetch,
    clock: fixture.clock,
    signal: PATIENT,
    anyEndpoint: fixture.server.endpoint("v2"),
  };
}

Deno.test("endpointOf() takes a zone that it has never heard of", () => {
  assertEquals(endpointOf("xx-new-7"), "https://api-xx-new-7.exoscale.com/v2");
  assertEquals(endpointOf("xx-new-7", "ppapi"), "https://ppapi-xx-new-7.exoscale.com/v2");
});

Deno.test("lookUpEndpoint() asks the list of zones, unsigned, and names a zone that it has not", async () => {
  await using fixture = new CloudFixture();
  assertEquals(await lookUpEndpoint("ch-gva-2", from(fixture)), fixture.server.endpoint("v2"));
  const seen = fixture.server.calls.map(({ what, authorized }) => [what, authorized]);
  assertEquals(seen, [["/zone", false]]);
  const error = await assertRejects(() => lookUpEndpoint("xx-new-7", from(fixture)), CloudError);
  assertEquals([error.kind, endsStart(error)], ["no-such-zone", true]);
});

Deno.test("findEndpoint() lists the zones unsigned, then asks all at once for the instance", async () => {
  await using here = new CloudFixture();
  await using there = new CloudFixture();
  const far = there.model.addInstance(42, "203.0.113.42");
  here.model.otherZones.push(
    { name: "at-vie-2", endpoint: here.server.endpoint("v2") },
    { name: "de-fra-1", endpoint: there.server.endpoint("v2") },
  );
  assertEquals(await findEndpoint(far.id, from(here)), there.server.endpoint("v2"));
  const seen = here.server.calls.map(({ what, authorized }) => [what, authorized]);
  assertEquals(seen[0], ["/zone", false]);
  assertEquals(seen.slice(1).every(([what]) => what === `/instance/${far.id}`), true);
  assertEquals(there.server.calls.map(({ authorized }) => authorized), [true]);
});

Deno.test("findEndpoint() names an instance that no zone knows", async () => {
  await using fixture = new CloudFixture();
  const nobody = simUuid(1, 99);
  const error = await assertRejects(() => findEndpoint(nobody, from(fixture)), CloudError, nobody);
  assertEquals([error.kind, endsStartInTime(error)], ["no-such-instance", true]);
});

Deno.test("findEndpoint() takes a refusal by a zone for no answer to the question", async () => {
  await using fixture = new CloudFixture();
  fixture.server.fault = ({ what }) => what === "/zone" ? null : "401";
  const error = await assertRejects(() => findEndpoint(fixture.self.id, from(fixture)), CloudError);
  assertEquals(error.kind, "unauthorized");
});

Deno.test("findEndpoint() names a list of zones that is none", async () => {
  await using fixture = new CloudFixture();
  for (
    const [answer, kind] of [
      [new Response("<html></html>"), "not-json"],
      [new Response('{"message":"soon"}', { status: 503 }), "server-error"],
      [new Response('{"instances":[]}'), "unexpected-answer"],
    ] as const
  ) {
    const options = { ...from(fixture), fetch: answering(() => answer) };
    const error = await assertRejects(() => findEndpoint(fixture.self.id, options), CloudError);
    assertEquals([error.kind, error.retryable], [kind, true]);
  }
});

Deno.test("a list of zones without any is an odd answer, and says nothing of a zone or an instance", async () => {
  await using fixture = new CloudFixture();
  const options = { ...from(fixture), fetch: answering(() => new Response('{"zones":[]}')) };
  const asking = [
    () => lookUpEndpoint("ch-gva-2", options),
    () => findEndpoint(fixture.self.id, options),
  ];
  for (const ask of asking) {
    const error = await assertRejects(ask, CloudError);
    assertEquals([error.kind, error.retryable, endsStartInTime(error)], [
      ...["unexpected-answer", true, false],
    ]);
    assertStringIncludes(error.message, "/v2/zone lists no zone at all, wanted at least one");
  }
});

Deno.test("findEndpoint() finds an instance behind zones that hang, without waiting for them", async () => {
  await using hangs = new CloudFixture();
  await using there = new CloudFixture(hangs.clock);
  hangs.server.fault = () => "hang";
  const silent = hangs.server.endpoint("v2");
  const others = ["at-vie-1", "at-vie-2", "de-fra-1"].map((name) => ({ name, endpoint: silent }));
  there.model.otherZones.push(...others);
  const { clock } = there;
  const startedAtMs = clock.nowMs();
  const found = await findEndpoint(there.self.id, { ...from(there), clock });
  assertEquals(found, there.server.endpoint("v2"));
  const tookMs = clock.nowMs() - startedAtMs;
  assert(tookMs < 3_000, `took ${tookMs} ms: zones are asked side by side`);
});
