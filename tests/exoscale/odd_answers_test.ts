// Complete answers that make no sense, or refusals in the words of one API.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { type CloudError, type CloudErrorKind, declined } from "../../src/exoscale/cloud_error.ts";
import type { Cloud } from "../../src/world.ts";
import {
  answering,
  type Api,
  APIS,
  clientName,
  CloudFixture,
  PATIENT,
} from "../support/cloud/cloud_fixture.ts";
import { Witness } from "./complaint.ts";

/** The error for an answer to a read, or to a change. */
async function complaintAbout(
  api: Api,
  answer: () => Response | Promise<Response>,
  call: (cloud: Cloud) => Promise<unknown> = (cloud) => cloud.look({ others: false }, PATIENT),
): Promise<CloudError> {
  await using fixture = new CloudFixture();
  const witness = new Witness(async () => await answer());
  const cloud = fixture.cloud(api, { fetch: witness.fetch });
  return (await witness.complaintOf(() => call(cloud))).error;
}

const attach = (cloud: Cloud) => cloud.attach(PATIENT);

for (const api of APIS) {
  const name = clientName(api);

  for (const content of ["null", "[]", "17", '"soon"', "true"]) {
    Deno.test(`${name} names an answer that is the JSON ${content}`, async () => {
      const { kind, retryable } = await complaintAbout(api, () => new Response(content));
      assertEquals([kind, retryable], ["unexpected-answer", true]);
    });
  }

  const failures = [
    ["dns error: failed to lookup address information", "name-resolution", "not found: 127.0.0.1"],
    ["tcp connect error: No route to host (os error 113)", "unreachable", "no route"],
    ["invalid peer certificate: UnknownIssuer", "untrusted", "not accepted (UnknownIssuer)"],
  ] as const;
  for (const [cause, kind, words] of failures) {
    Deno.test(`${name} names a request that fails with "${cause}"`, async () => {
      const error = await complaintAbout(
        api,
        () => Promise.reject(new TypeError(`error sending request: client error: ${cause}`)),
      );
      assertEquals([error.kind, error.retryable], [kind, true]);
      assertStringIncludes(error.message, words);
    });
  }

  Deno.test(`${name} stops reading an answer that is far too large`, async () => {
    const chunk = new Uint8Array(1024 * 1024).fill(0x20);
    let chunks = 0;
    const body = () =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          chunks++;
          controller.enqueue(chunk);
        },
      });
    const error = await complaintAbout(api, () => new Response(body()));
    assertEquals([error.kind, error.retryable], ["oversized-answer", true]);
    assertEquals(chunks < 40, true, `${chunks} MB were read`);
  });
}

const OPERATIONS: [string, CloudErrorKind, boolean][] = [
  ['{"id":"1","state":"timeout"}', "operation-failed", true],
  ['{"id":"1","state":"failure"}', "operation-failed", false],
  ['{"id":"1","state":"failure","reason":"busy"}', "operation-failed", true],
  ['{"id":"1","state":"thinking"}', "unexpected-answer", true],
  ["{}", "unexpected-answer", true],
];
for (const [content, kind, retryable] of OPERATIONS) {
  Deno.test(`CloudV2.attach() calls the operation ${content} ${kind}`, async () => {
    const error = await complaintAbout("v2", () => new Response(content), attach);
    const { state } = JSON.parse(content);
    assertEquals([error.kind, error.retryable], [kind, retryable]);
    assertEquals(declined(error), state === "failure", "whether the change is certainly not made");
  });
}

/** CloudStack's own error codes, which are not always HTTP's. */
const CODES: [number, object, CloudErrorKind, boolean][] = [
  [401, { errorcode: 401, cserrorcode: 9999 }, "unauthorized", false],
  [200, { errorcode: 401, cserrorcode: 9999 }, "unauthorized", false],
  [432, { errorcode: 432, cserrorcode: 9999 }, "refused", false],
  [410, { errorcode: 410, cserrorcode: 9999 }, "deprecated", false],
  [530, { errorcode: 530, cserrorcode: 9999 }, "server-error", true],
  [536, { errorcode: 536, cserrorcode: 4375 }, "server-error", true],
  [530, { errorcode: 530, cserrorcode: 4545 }, "rate-limited", true],
];
for (const [status, content, kind, retryable] of CODES) {
  Deno.test(`CloudV1 calls ${status} with ${JSON.stringify(content)} ${kind}`, async () => {
    for (const envelope of ["listvirtualmachinesresponse", "errorresponse"]) {
      const body = JSON.stringify({ [envelope]: { ...content, errortext: "no, sorry" } });
      const error = await complaintAbout("v1", () => new Response(body, { status }));
      assertEquals([error.kind, error.retryable], [kind, retryable]);
      assertStringIncludes(error.message, "no, sorry");
    }
  });
}

Deno.test("CloudV1 takes error 431 on the first page for an empty list", async () => {
  await using fixture = new CloudFixture();
  const content = { listvirtualmachinesresponse: { errorcode: 431, errortext: "not found" } };
  const fetch = answering(() => new Response(JSON.stringify(content), { status: 431 }));
  assertEquals(await fixture.cloud("v1", { fetch }).inspect(fixture.peer.id, PATIENT), false);
});

for (
  const content of [
    "{}",
    '{"addiptovmnicresponse":{"jobstatus":1}}',
    '{"addiptovmnicresponse":{"jobid":"1","jobstatus":7}}',
  ]
) {
  Deno.test(`CloudV1.attach() names the answer ${content}`, async () => {
    const { kind } = await complaintAbout("v1", () => new Response(content), attach);
    assertEquals(kind, "unexpected-answer");
  });
}
