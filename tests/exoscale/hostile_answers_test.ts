// Answers of an attacker, or of a cloud that has gone wrong: what they may cost, where they may send us, and what they
// may put into our messages.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import type { Fetch } from "../../src/exoscale/http.ts";
import {
  answering,
  type Api,
  APIS,
  clientName,
  cloudFetch,
  CloudFixture,
  PATIENT,
} from "../support/cloud/cloud_fixture.ts";
import { identityFor } from "../support/tls/cloud_identity.ts";

/** Changes the simulated cloud's answers where `wanted` says so. */
function rewriting(
  wanted: (url: URL, init: RequestInit) => boolean,
  change: (text: string) => string,
): Fetch {
  return async (url, init) => {
    const response = await cloudFetch(url, init);
    if (!wanted(url, init)) return response;
    return new Response(change(await response.text()), response);
  };
}

/** A server that clients take for the simulated cloud. */
function serve(answer: () => Response): Deno.HttpServer<Deno.NetAddr> {
  const hostname = "127.0.0.1";
  return Deno.serve({ hostname, port: 0, onListen() {}, ...identityFor(hostname) }, answer);
}

async function complaintAbout(api: Api, body: BodyInit): Promise<CloudError> {
  await using fixture = new CloudFixture();
  const cloud = fixture.cloud(api, { fetch: answering(() => new Response(body)) });
  return await assertRejects(() => cloud.look({ others: true }, PATIENT), CloudError);
}

for (const api of APIS) {
  const name = clientName(api);

  Deno.test(`${name} reads no answer that would become far more memory than text`, async () => {
    for (const unit of ["{},", "[],", '{"a":{}},', "1,"]) {
      const { kind } = await complaintAbout(api, `[${unit.repeat(1_000_000)}0]`);
      assertEquals(kind, "oversized-answer", unit);
    }
    // A long text is one value.
    const { kind } = await complaintAbout(api, JSON.stringify("x".repeat(2_000_000)));
    assertEquals(kind, "unexpected-answer");
  });

  Deno.test(`${name} unpacks no more of a compressed answer than it reads`, async () => {
    const zeros = new Blob([new Uint8Array(64 * 1024 * 1024)]).stream();
    const packed = await new Response(zeros.pipeThrough(new CompressionStream("gzip"))).bytes();
    assert(packed.length < 100_000);
    await using server = serve(() =>
      new Response(packed, { headers: { "content-encoding": "gzip" } })
    );
    await using fixture = new CloudFixture();
    const cloud = fixture.cloud(api, { endpoint: `https://127.0.0.1:${server.addr.port}/v2` });
    const error = await assertRejects(() => cloud.inspect(fixture.peer.id, PATIENT), CloudError);
    assertEquals(error.kind, "oversized-answer");
  });

  Deno.test(`${name} follows no redirection`, async () => {
    let visits = 0;
    await using elsewhere = serve(() => {
      visits += 1;
      return new Response("{}");
    });
    const location = `https://127.0.0.1:${elsewhere.addr.port}/v2`;
    for (const status of [301, 302, 303, 307, 308]) {
      await using server = serve(() => new Response("{}", { status, headers: { location } }));
      await using fixture = new CloudFixture();
      const cloud = fixture.cloud(api, { endpoint: `https://127.0.0.1:${server.addr.port}/v2` });
      const look = () => cloud.inspect(fixture.peer.id, PATIENT);
      for (const call of [look, () => cloud.attach(PATIENT)]) {
        const error = await assertRejects<CloudError>(call, CloudError);
        assertEquals([error.kind, error.status], ["refused", status]);
      }
    }
    assertEquals(visits, 0);
  });

  Deno.test(`${name} gives up a body that heeds no signal`, async () => {
    await using fixture = new CloudFixture();
    let cancelled = false;
    const unending = () =>
      new ReadableStream<Uint8Array>({
        pull: () => new Promise(() => {}),
        cancel: () => void (cancelled = true),
      });
    const cloud = fixture.cloud(api, { fetch: answering(() => new Response(unending())) });
    const error = await assertRejects(() => cloud.inspect(fixture.peer.id, PATIENT), CloudError);
    assertEquals([error.kind, cancelled], ["timeout", true]);
  });

  Deno.test(`${name} takes nothing but an IP address for that of a peer`, async () => {
    for (
      const address of ["evil.test", "1.2.3.4\\nforged", "fe80::1%lo", "::", "1.2.3", "0.0.0.0", ""]
    ) {
      await using fixture = new CloudFixture();
      const fetch = rewriting(
        () => true,
        (text) => text.replaceAll(fixture.third.address, address),
      );
      const cloud = fixture.cloud(api, { fetch });
      await cloud.prepare(PATIENT);
      const { peers } = await cloud.members(PATIENT);
      assertEquals(peers.map((peer) => peer.address), [fixture.peer.address], address);
    }
  });

  Deno.test(`${name} sends nobody to a path that an id of the answer makes up`, async () => {
    for (const id of ["../../v2/ssh-key", "x?y=z", "x#y", "x/y", "\\ud800", "", "x".repeat(65)]) {
      await using fixture = new CloudFixture();
      fixture.hold(fixture.self, fixture.peer);
      const known = new Set([fixture.self.id, fixture.peer.id]);
      const calls: string[] = [];
      const fetch: Fetch = async (url, init) => {
        calls.push(`${url.pathname}${url.search}`);
        const text = await (await cloudFetch(url, init)).text();
        const forged = text.replace(/"((?:job)?id)":"([^"]+)"/g, (all, key, was) => {
          return known.has(was) ? all : `"${key}":"${id}"`;
        });
        return new Response(forged);
      };
      const cloud = fixture.cloud(api, { fetch });
      const tries: (() => Promise<unknown>)[] = [
        () => cloud.prepare(PATIENT),
        () => cloud.members(PATIENT),
        () => cloud.look({ others: true }, PATIENT),
        () => cloud.attach(PATIENT),
        () => cloud.evict(fixture.peer.id, { onlyIfStopped: false }, PATIENT),
      ];
      for (const each of tries) {
        await each().catch((error) => assert(error instanceof CloudError, `${error}`));
      }
      const astray = calls.filter((call) => call.includes("ssh-key") || call.includes("y=z"));
      assertEquals(astray, [], id);
    }
  });
}

Deno.test("CloudV2 believes no answer about another instance than the one asked for", async () => {
  await using fixture = new CloudFixture();
  fixture.hold(fixture.peer);
  const cloud = fixture.cloud("v2", {
    fetch: async (url, init) => {
      const response = await cloudFetch(url, init);
      const text = await response.text();
      return new Response(text.replaceAll(fixture.third.id, fixture.peer.id), response);
    },
  });
  await cloud.prepare(PATIENT);
  const error = await assertRejects(() => cloud.inspect(fixture.third.id, PATIENT), CloudError);
  assertEquals(error.kind, "unexpected-answer");
  assertStringIncludes(error.message, "another instance");
});

const ODD = '{"valueOf":1,"toString":2}', DEEP = "[".repeat(50_000) + "]".repeat(50_000);
for (const [title, value] of [["an object", ODD], ["a deep list", DEEP]] as const) {
  Deno.test(`CloudV1 names ${title} where it wants a number`, async () => {
    const errorcode = `{"listvirtualmachinesresponse":{"errorcode":${value}}}`;
    assertEquals((await complaintAbout("v1", errorcode)).kind, "refused");
    await using fixture = new CloudFixture();
    const answers = [
      '{"addiptovmnicresponse":{"jobid":"1"}}',
      `{"queryasyncjobresultresponse":{"jobstatus":${value}}}`,
    ];
    const fetch = answering(() => new Response(answers.shift()));
    const error = await assertRejects(
      () => fixture.cloud("v1", { fetch }).attach(PATIENT),
      CloudError,
    );
    assertEquals(error.kind, "unexpected-answer");
  });
}

Deno.test("CloudV1 asks for no further page when pages repeat, or the server knows none", async () => {
  await using fixture = new CloudFixture();
  for (const [length, outcome] of [[50, "oversized-answer"], [60, "done"]] as const) {
    let calls = 0;
    const machines = Array.from({ length }, (_, number) => ({
      id: number === 0 ? fixture.self.id : `other-${number}`,
      nic: [{ id: fixture.self.nicId, isdefault: true, ipaddress: fixture.self.address }],
    }));
    const body = JSON.stringify({ listvirtualmachinesresponse: { virtualmachine: machines } });
    const cloud = fixture.cloud("v1", {
      fetch: answering(() => {
        calls += 1;
        return new Response(body);
      }),
    });
    const ended = cloud.members(PATIENT).then(() => "done", (error) => error.kind);
    assertEquals([await ended, calls], [outcome, length === 50 ? 2 : 1]);
  }
});
