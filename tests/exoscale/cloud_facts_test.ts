// Properties of the real cloud that the simulated one imitates, as our client and official ones see them.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { authorizationV2, importSecret } from "../../src/exoscale/signature.ts";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import type { SimState } from "../support/cloud/model.ts";
import { CloudFixture, PATIENT } from "../support/cloud/cloud_fixture.ts";
import { CLOUD_AUTHORITY } from "../support/tls/cloud_identity.ts";

async function get(fixture: CloudFixture, path: string) {
  const url = new URL(fixture.server.endpoint("v2") + path);
  const secret = await importSecret(SIM_SECRET, "SHA-256");
  const expires = Math.floor(Date.now() / 1000) + 60;
  const request = { method: "GET", url, body: "", expires };
  const authorization = await authorizationV2(request, { apiKey: SIM_KEY, secret });
  using client = Deno.createHttpClient({ caCerts: [CLOUD_AUTHORITY] });
  const answer = await fetch(url, { headers: { authorization }, client });
  return { status: answer.status, json: await answer.json() };
}

Deno.test("`exo compute instance list` and `show` find all that they follow", async () => {
  await using fixture = new CloudFixture();
  fixture.hold(fixture.self);
  const { json: { instances } } = await get(fixture, "/instance");
  assertEquals(instances.length, 3);
  for (const { id, name, state, ...item } of instances) {
    assert(id && name && state && item["mac-address"] && item["created-at"], JSON.stringify(item));
    assert(!("elastic-ips" in item));
    const type = await get(fixture, `/instance-type/${item["instance-type"].id}`);
    assertEquals([type.json.family, type.json.size], ["standard", "micro"]);
    assertEquals((await get(fixture, `/template/${item.template.id}`)).json.name, "Linux");
  }
  const { json: shown } = await get(fixture, `/instance/${fixture.self.id}`);
  // These two are pointers that the CLI dereferences.
  assertEquals([shown["secureboot-enabled"], shown["tpm-enabled"]], [false, false]);
  const [held] = shown["elastic-ips"];
  assertEquals((await get(fixture, `/elastic-ip/${held.id}`)).json.cidr, "198.51.100.50/32");
  assertEquals((await get(fixture, `/reverse-dns/instance/${fixture.self.id}`)).status, 404);
});

Deno.test("CloudV2.attach() to a machine that is starting gets 400 with details, in both forms", async () => {
  await using fixture = new CloudFixture();
  fixture.self.state = "starting";
  const cloud = fixture.cloud("v2");
  await cloud.prepare(PATIENT);
  for (
    const [details, text] of [
      [false, /HTTP 400: Bad request: instance is starting \[refused\]$/],
      [true, /HTTP 400: Status 400: Bad request: instance is starting \(body\) \[refused\]$/],
    ] as const
  ) {
    fixture.model.problemDetails = details;
    const error = await assertRejects(() => cloud.attach(PATIENT), CloudError);
    assertMatch(error.message, text);
  }
  fixture.self.state = "running";
  await cloud.attach(PATIENT);
});

Deno.test("CloudV2 takes only a machine that certainly carries no traffic for off", async () => {
  const off: Partial<Record<SimState, boolean>> = {
    stopped: true,
    destroying: true,
    expunging: true,
  };
  const states: SimState[] = [
    ...["running", "starting", "stopping", "stopped", "migrating", "error"] as const,
    ...["destroying", "expunging"] as const,
  ];
  for (const state of states) {
    await using fixture = new CloudFixture();
    fixture.hold(fixture.peer);
    fixture.peer.state = state;
    const cloud = fixture.cloud("v2");
    await cloud.prepare(PATIENT);
    const { others } = await cloud.look({ others: true }, PATIENT);
    const { id: instanceId, name } = fixture.peer;
    assertEquals(others, [{ instanceId, name, off: off[state] ?? false }], state);
  }
});

Deno.test("a change shows later than its operation ends, and is done all the same", async () => {
  await using fixture = new CloudFixture();
  fixture.model.lagMs = 600_000;
  const cloud = fixture.cloud("v2");
  await cloud.prepare(PATIENT);
  await cloud.attach(PATIENT);
  assertEquals(fixture.holders, [fixture.self.id]);
  assertEquals((await cloud.look({ others: false }, PATIENT)).holds, false);
  fixture.model.lagMs = 0;
  assertEquals((await cloud.look({ others: false }, PATIENT)).holds, true);
});
