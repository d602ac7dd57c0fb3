// Faults of the cloud, over real connections: every outcome has a name, an end, and a decision on whether a retry
// helps, and reveals no secret.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { CloudErrorKind } from "../../src/exoscale/cloud_error.ts";
import type { Cloud } from "../../src/world.ts";
import type { Fault } from "../support/cloud/server.ts";
import {
  type Api,
  APIS,
  clientName,
  cloudFetch,
  CloudFixture,
  PATIENT,
} from "../support/cloud/cloud_fixture.ts";
import { freeTcpPort } from "../support/ports.ts";
import { endsStart, Witness } from "./complaint.ts";

/** Calls that read, and calls that change something. */
const CALLS: ((cloud: Cloud) => Promise<unknown>)[] = [
  (cloud) => cloud.look({ others: false }, PATIENT),
  (cloud) => cloud.attach(PATIENT),
];

/** Kind, whether a retry helps, HTTP status, and the wait that the cloud asked for. */
type Verdict = [CloudErrorKind, boolean, number, number | null];

const VERDICTS: [Fault, ...Verdict][] = [
  ["html", "not-json", true, 200, null],
  ["html-502", "server-error", true, 502, null],
  ["empty", "empty-answer", true, 200, null],
  ["truncated", "truncated-json", true, 200, null],
  ["401", "unauthorized", false, 401, null],
  ["403", "forbidden", false, 403, null],
  ["404", "not-found", false, 404, null],
  ["409", "conflict", true, 409, null],
  ["429", "rate-limited", true, 429, null],
  ["429-retry-after", "rate-limited", true, 429, 2_000],
  ["500", "server-error", true, 500, null],
  ["503-retry-after", "server-error", true, 503, 2_000],
  ["break-off", "unreachable", true, 0, null],
  ["lost", "unreachable", true, 0, null],
];

async function complain(api: Api, fault: Fault, call: (typeof CALLS)[number]) {
  await using fixture = new CloudFixture();
  const witness = new Witness(cloudFetch, fixture.clock);
  const cloud = fixture.cloud(api, { fetch: witness.fetch });
  await cloud.prepare(PATIENT);
  fixture.server.fault = () => fault;
  return await witness.complaintOf(() => call(cloud));
}

for (const api of APIS) {
  for (const [fault, ...verdict] of VERDICTS) {
    Deno.test(`${clientName(api)} calls the answer "${fault}" ${verdict[0]}`, async () => {
      for (const call of CALLS) {
        const { error, tookMs } = await complain(api, fault, call);
        const { kind, retryable, status, retryAfterMs } = error;
        assertEquals([kind, retryable, status, retryAfterMs], verdict, error.message);
        assert(tookMs < 3_000, `took ${tookMs} ms`);
      }
    });
  }
}

Deno.test("both clouds give up an answer that does not begin or does not end within 15 s", async () => {
  const cases = APIS.flatMap((api) =>
    CALLS.flatMap((call) => (["hang", "endless"] as const).map((fault) => ({ api, call, fault })))
  );
  await Promise.all(cases.map(async ({ api, call, fault }) => {
    const { error, tookMs } = await complain(api, fault, call);
    assertEquals([error.kind, error.retryable], ["timeout", true], error.message);
    assertStringIncludes(error.message, fault === "hang" ? "no answer" : "did not end");
    assert(tookMs >= 15_000 && tookMs < 17_000, `took ${tookMs} ms`);
    assertStringIncludes(error.message, "within 15 s");
  }));
});

for (const api of APIS) {
  const name = clientName(api);

  Deno.test(`${name} names a connection that is refused`, async () => {
    await using fixture = new CloudFixture();
    const witness = new Witness(cloudFetch, fixture.clock);
    const endpoint = `https://127.0.0.1:${freeTcpPort()}/v2`;
    const cloud = fixture.cloud(api, { endpoint, fetch: witness.fetch });
    const { error } = await witness.complaintOf(() => cloud.inspect(fixture.peer.id, PATIENT));
    assertEquals([error.kind, error.retryable], ["unreachable", true]);
  });

  Deno.test(`${name} names a connection that ends before any answer`, async () => {
    await using fixture = new CloudFixture();
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const cutting = (async () => {
      for await (const connection of listener) connection.close();
    })();
    const witness = new Witness(cloudFetch, fixture.clock);
    const endpoint = `http://127.0.0.1:${listener.addr.port}/v2`;
    const cloud = fixture.cloud(api, { endpoint, fetch: witness.fetch });
    const { error } = await witness.complaintOf(() => cloud.inspect(fixture.peer.id, PATIENT));
    assertEquals([error.kind, error.retryable], ["unreachable", true]);
    listener.close();
    await cutting;
  });

  Deno.test(`${name} gives up an operation that never ends after a minute`, async () => {
    await using fixture = new CloudFixture();
    fixture.model.operationMs = 600_000;
    const witness = new Witness(cloudFetch, fixture.clock);
    const cloud = fixture.cloud(api, { fetch: witness.fetch });
    await cloud.prepare(PATIENT);
    const { error, tookMs } = await witness.complaintOf(() => cloud.attach(PATIENT));
    assertEquals([error.kind, error.retryable], ["operation-endless", true]);
    assertStringIncludes(error.message, "60 s");
    assert(tookMs >= 60_000 && tookMs < 62_000, `took ${tookMs} ms`);
  });

  Deno.test(`${name} passes on what goes wrong while it waits for an operation`, async () => {
    await using fixture = new CloudFixture();
    const witness = new Witness(cloudFetch, fixture.clock);
    const cloud = fixture.cloud(api, { fetch: witness.fetch });
    await cloud.prepare(PATIENT);
    let calls = 0;
    fixture.server.fault = () => ++calls > 1 ? "429-retry-after" : null;
    const { error } = await witness.complaintOf(() => cloud.attach(PATIENT));
    assertEquals([error.kind, error.retryAfterMs], ["rate-limited", 2_000]);
  });

  Deno.test(`${name} recognises a late clock by the answer's date, and names it`, async () => {
    await using fixture = new CloudFixture();
    fixture.server.aheadMs = 3_600_000;
    const witness = new Witness(cloudFetch, fixture.clock);
    const cloud = fixture.cloud(api, { fetch: witness.fetch });
    const { error } = await witness.complaintOf(() => cloud.inspect(fixture.peer.id, PATIENT));
    assertEquals([error.kind, error.retryable, endsStart(error)], ["clock-late", true, false]);
    const [, lateSeconds] = error.message.match(/(\d+) s behind/) ?? [];
    assert(Math.abs(Number(lateSeconds) - 3_600) < 10, error.message);
    // If our clock is early, signatures only live longer.
    fixture.server.aheadMs = -3_600_000;
    assertEquals(await cloud.inspect(fixture.peer.id, PATIENT), false);
  });
}

Deno.test("CloudV1 answers the end of API v1 with the advice to use API v2", async () => {
  for (const call of CALLS) {
    const { error } = await complain("v1", "deprecated", call);
    assertEquals([error.kind, error.retryable, endsStart(error)], ["deprecated", false, true]);
    assertStringIncludes(error.message, "use API v2");
  }
});
