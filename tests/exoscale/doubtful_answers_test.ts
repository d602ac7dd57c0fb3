// Answers that can be misread: a refused change may be done, a successful one may not be, and errors that echo the
// request must not reveal secrets.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { associate } from "../../src/commands/associate.ts";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import type { Fetch } from "../../src/exoscale/http.ts";
import { anyEndpoint, findEndpoint } from "../../src/exoscale/zone.ts";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import {
  answering,
  type Api,
  APIS,
  cloudFetch,
  CloudFixture,
  ELASTIC_IP,
  GROUP,
  isChange,
  isPoll,
  PATIENT,
} from "../support/cloud/cloud_fixture.ts";
import { VirtualClock } from "../support/clock.ts";
import { endsStartInTime, Witness } from "./complaint.ts";

const attachOnce = (
  fixture: CloudFixture,
  api: Api,
  changes: Parameters<CloudFixture["cloud"]>[1] = {},
) =>
  associate("associate", {
    cloud: fixture.cloud(api, changes),
    clock: fixture.clock,
    log: { write() {} },
    signal: PATIENT,
    elasticIp: ELASTIC_IP,
  });

const newer = (cause: string) =>
  new TypeError("fetch failed", {
    cause: new Error(`error sending request for url (http://x/): client error (Connect): ${cause}`),
  });
for (
  const [cause, kind, words] of [
    ["dns error: failed to lookup address information", "name-resolution", "host name not found"],
    ["tcp connect error: Connection refused (os error 111)", "unreachable", "connection refused"],
    ["invalid peer certificate: UnknownIssuer", "untrusted", "TLS certificate not accepted"],
  ] as const
) {
  Deno.test(`exchange() reads the reason of Deno 2.9's "fetch failed": ${kind} ${words}`, async () => {
    await using fixture = new CloudFixture();
    const cloud = fixture.cloud("v2", { fetch: () => Promise.reject(newer(cause)) });
    const error = await assertRejects(() => cloud.inspect(fixture.peer.id, PATIENT), CloudError);
    assertEquals(error.kind, kind);
    assertStringIncludes(error.message, words);
  });
}

Deno.test("exchange() does not find the letters of TLS in a URL", async () => {
  await using fixture = new CloudFixture();
  const url = "http://127.0.0.1:9/compute?apikey=EXO&signature=aTlSb%3D";
  const cause = new TypeError(
    `error sending request for url (${url}): client error (Connect): tcp connect error: No route`,
  );
  const cloud = fixture.cloud("v1", { fetch: () => Promise.reject(cause) });
  const error = await assertRejects(() => cloud.inspect(fixture.peer.id, PATIENT), CloudError);
  assertStringIncludes(error.message, "connection failed");
});

for (const api of APIS) {
  Deno.test(`refusal() repeats no key or signature that an error page shows, ${api}`, async () => {
    await using fixture = new CloudFixture();
    const page: Fetch = (url, init) => {
      const header = new Headers(init.headers).get("authorization") ?? "";
      const body = `<p>Cannot reach ${url.href} ${header}</p>`;
      return Promise.resolve(new Response(body, { status: 502 }));
    };
    const witness = new Witness(page);
    const cloud = fixture.cloud(api, { fetch: witness.fetch });
    await witness.complaintOf(() => cloud.inspect(fixture.peer.id, PATIENT));
  });
}

Deno.test("associate() counts a refused attach as done when it shows to be attached, v1", async () => {
  await using fixture = new CloudFixture();
  fixture.server.fault = (call) => {
    if (isChange(call)) fixture.hold(fixture.self);
    return null;
  };
  const code = await attachOnce(fixture, "v1");
  assertEquals([code, fixture.holders], [0, [fixture.self.id]]);
});

Deno.test("associate() counts a refused attach as done when it shows to be attached, v2", async () => {
  await using fixture = new CloudFixture();
  const refusing: Fetch = (url, init) => {
    if (init.method !== "PUT") return cloudFetch(url, init);
    fixture.hold(fixture.self);
    return Promise.resolve(new Response('{"message":"already attached"}', { status: 400 }));
  };
  assertEquals(await attachOnce(fixture, "v2", { fetch: refusing }), 0);
});

Deno.test("CloudV2.attach() re-reads the instance when it may not read operations", async () => {
  await using fixture = new CloudFixture();
  fixture.server.fault = (call) => isPoll(call) ? "403" : null;
  assertEquals(await attachOnce(fixture, "v2"), 0);
});

Deno.test("CloudV2.detachSelf() counts a refusal as done when nothing is attached", async () => {
  await using fixture = new CloudFixture();
  const refusing: Fetch = (url, init) =>
    init.method === "PUT"
      ? Promise.resolve(new Response('{"message":"not attached"}', { status: 400 }))
      : cloudFetch(url, init);
  const cloud = fixture.cloud("v2", { fetch: refusing });
  await cloud.prepare(PATIENT);
  await cloud.detachSelf(PATIENT);
});

Deno.test("CloudV1 counts an address that vanished before its removal as done", async () => {
  await using fixture = new CloudFixture();
  fixture.hold(fixture.self, fixture.peer);
  fixture.server.fault = (call) => {
    if (isChange(call)) fixture.hold();
    return null;
  };
  const cloud = fixture.cloud("v1");
  await cloud.prepare(PATIENT);
  await cloud.detachSelf(PATIENT);
});

for (const state of [undefined, "resuming"]) {
  Deno.test(`CloudV2.evict() spares a machine in the state ${state} if it is to be stopped`, async () => {
    await using fixture = new CloudFixture();
    fixture.hold(fixture.peer);
    const renaming: Fetch = async (url, init) => {
      const response = await cloudFetch(url, init);
      if (!url.pathname.endsWith(fixture.peer.id)) return response;
      return new Response(JSON.stringify({ ...await response.json(), state }));
    };
    const cloud = fixture.cloud("v2", { fetch: renaming });
    await cloud.prepare(PATIENT);
    assertEquals(await cloud.evict(fixture.peer.id, { onlyIfStopped: true }, PATIENT), "running");
  });
}

Deno.test("CloudV2.evict() does not call done what a lost operation may not have done", async () => {
  await using fixture = new CloudFixture();
  fixture.hold(fixture.peer);
  fixture.model.operationMs = 600_000;
  fixture.server.fault = (call) => isPoll(call) ? "404" : null;
  const cloud = fixture.cloud("v2");
  await cloud.prepare(PATIENT);
  let outcome = "";
  try {
    outcome = await cloud.evict(fixture.peer.id, { onlyIfStopped: false }, PATIENT);
  } catch (error) {
    assert(error instanceof CloudError);
  }
  assert(outcome !== "taken", "taken, says evict(), and the peer still holds");
});

Deno.test("CloudV2.evict() names an operation without an id", async () => {
  await using fixture = new CloudFixture();
  fixture.hold(fixture.peer);
  const nameless: Fetch = (url, init) =>
    init.method === "PUT"
      ? Promise.resolve(new Response('{"state":"pending"}'))
      : cloudFetch(url, init);
  const cloud = fixture.cloud("v2", { fetch: nameless });
  await cloud.prepare(PATIENT);
  const evicted = () => cloud.evict(fixture.peer.id, { onlyIfStopped: false }, PATIENT);
  assertEquals((await assertRejects(evicted, CloudError)).kind, "unexpected-answer");
});

Deno.test("CloudV2.members() finds a group again that was deleted and made again", async () => {
  await using fixture = new CloudFixture();
  const cloud = fixture.cloud("v2");
  await cloud.prepare(PATIENT);
  await cloud.members(PATIENT);
  fixture.model.groups.set(GROUP, "6f0d2c11-8a57-4b8e-9d53-1e0a4c7b2f90");
  const { peers, inPeerList } = await cloud.members(PATIENT);
  assertEquals([peers.length, inPeerList], [2, true]);
});

for (const fault of ["403", "500", "break-off"] as const) {
  Deno.test(`findEndpoint() goes on past a zone that answers ${fault}`, async () => {
    await using here = new CloudFixture();
    await using there = new CloudFixture();
    there.server.fault = () => fault;
    here.model.otherZones.push({ name: "at-vie-2", endpoint: there.server.endpoint("v2") });
    const endpoint = await findEndpoint(here.self.id, {
      apiKey: SIM_KEY,
      secret: SIM_SECRET,
      fetch: cloudFetch,
      clock: here.clock,
      signal: PATIENT,
      anyEndpoint: here.server.endpoint("v2"),
    });
    assertEquals(endpoint, here.server.endpoint("v2"));
  });
}

Deno.test("findEndpoint() throws only CloudError at an endpoint that is no URL", async () => {
  await assertRejects(() =>
    findEndpoint("9b1e6f20-53c4-4a7d-8e2f-0a1b2c3d4e5f", {
      apiKey: SIM_KEY,
      secret: SIM_SECRET,
      anyEndpoint: anyEndpoint(),
      fetch: answering(() => new Response('{"zones":[{"name":"x","api-endpoint":"nonsense"}]}')),
      clock: new VirtualClock({ leaps: true }),
      signal: PATIENT,
    }), CloudError);
});

Deno.test("refusal() blames the clock only when the signature had expired", async () => {
  await using fixture = new CloudFixture();
  const answer = () =>
    new Response('{"message":"Forbidden by role policy for compute"}', {
      status: 403,
      headers: { date: new Date(Date.now() + 400_000).toUTCString() },
    });
  const cloud = fixture.cloud("v2", { fetch: answering(answer) });
  const error = await assertRejects(() => cloud.inspect(fixture.peer.id, PATIENT), CloudError);
  assertEquals([error.kind, endsStartInTime(error)], ["forbidden", true]);
});

Deno.test("CloudV1: a job that fails for want of permission is not worth repeating", async () => {
  await using fixture = new CloudFixture();
  const contents = [
    { addiptovmnicresponse: { jobid: "1" } },
    {
      queryasyncjobresultresponse: {
        jobid: "1",
        jobstatus: 2,
        jobresult: { errorcode: 531, cserrorcode: 4365, errortext: "permission denied" },
      },
    },
  ];
  const fetch = answering(() => new Response(JSON.stringify(contents.shift())));
  const cloud = fixture.cloud("v1", { fetch });
  const error = await assertRejects(() => cloud.attach(PATIENT), CloudError, "permission denied");
  assertEquals(error.retryable, false);
});

Deno.test("associate() waits as long as Retry-After asks for, up to a minute", async () => {
  await using fixture = new CloudFixture();
  let refusals = 0;
  const busy: Fetch = (url, init) =>
    refusals++ < 1
      ? Promise.resolve(new Response("{}", { status: 429, headers: { "retry-after": "30" } }))
      : cloudFetch(url, init);
  const { clock } = fixture;
  const cloud = fixture.cloud("v1", { fetch: busy });
  const log = { write() {} };
  await associate("associate", { cloud, clock, log, signal: PATIENT, elasticIp: ELASTIC_IP });
  assert(clock.nowMs() >= 30_000 && clock.nowMs() < 31_000, `waited ${clock.nowMs()} ms`);
});

Deno.test("CloudError shows no URL of API v1 when it is inspected", async () => {
  await using fixture = new CloudFixture();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  const endpoint = `https://127.0.0.1:${listener.addr.port}/compute`;
  const cloud = fixture.cloud("v1", { endpoint });
  const error = await assertRejects(() => cloud.inspect(fixture.peer.id, PATIENT), CloudError);
  assert(!Deno.inspect(error).includes(SIM_KEY));
});
