// Both signatures against published and independently computed vectors.
import { assertEquals } from "@std/assert";
import fc from "../support/fast_check.ts";
import {
  authorizationV2,
  importSecret,
  messageV1,
  messageV2,
  signedQueryV1,
  signText,
} from "../../src/exoscale/signature.ts";
import { ADD, API_KEY, EXPIRES, SECRET, VECTORS_V1, VECTORS_V2 } from "./signature_vectors.ts";

function requestOf(line: string, body: string, expires = EXPIRES) {
  const [method = "", path = ""] = line.split(" ");
  return { method, url: new URL(`https://api-ch-gva-2.exoscale.com${path}`), body, expires };
}

for (const [letter, line, body, values, names, signature] of VECTORS_V2) {
  Deno.test(`authorizationV2() agrees with vector ${letter}, ${line.split("?")[0]}`, async () => {
    const secret = await importSecret(SECRET, "SHA-256");
    const request = requestOf(line, body);
    const message = `${line.split("?")[0]}\n${body}\n${values}\n\n${EXPIRES}`;
    assertEquals(messageV2(request), message);
    assertEquals(await signText(secret, message), signature);
    const signed = names && `,signed-query-args=${names}`;
    assertEquals(
      await authorizationV2(request, { apiKey: API_KEY, secret }),
      `EXO2-HMAC-SHA256 credential=${API_KEY}${signed},expires=${EXPIRES},signature=${signature}`,
    );
  });
}

Deno.test("authorizationV2() agrees with the vector of another client", async () => {
  const path = "/v2/resource/a02baf5a-a3e4-49a0-857b-8a08d276c1c0?p2=v2&p1=v1";
  const secret = await importSecret("example-secret", "SHA-256");
  assertEquals(
    await authorizationV2(requestOf(`GET ${path}`, "", 1599140767), {
      apiKey: "example-key",
      secret,
    }),
    "EXO2-HMAC-SHA256 credential=example-key,signed-query-args=p1;p2,expires=1599140767," +
      "signature=vPVxcXrf2my0TLdJ8WPIGa/vLld+FiJN+xtMs/vofHg=",
  );
});

Deno.test("authorizationV2() does not sign repeated parameters", async () => {
  const request = requestOf("GET /v2/instance?twice=1&once=2&twice=3", "");
  assertEquals(messageV2(request), `GET /v2/instance\n\n2\n\n${EXPIRES}`);
  const secret = await importSecret(SECRET, "SHA-256");
  const header = await authorizationV2(request, { apiKey: API_KEY, secret });
  assertEquals(header.match(/signed-query-args=[^,]*/)?.[0], "signed-query-args=once");
  const only = requestOf("GET /v2/instance?twice=1&twice=3", "");
  assertEquals(messageV2(only), `GET /v2/instance\n\n\n\n${EXPIRES}`);
  const bare = await authorizationV2(only, { apiKey: API_KEY, secret });
  assertEquals(bare.includes("signed-query-args"), false);
});

for (const [index, [parameters, message, signature]] of VECTORS_V1.entries()) {
  Deno.test(`signedQueryV1() agrees with vector ${index + 1}, ${parameters.command}`, async () => {
    const secret = await importSecret(SECRET, "SHA-1");
    assertEquals(messageV1(parameters), message);
    assertEquals(await signText(secret, message), signature);
    const query = new URLSearchParams(await signedQueryV1(parameters, secret));
    assertEquals(Object.fromEntries(query), { ...parameters, signature });
  });
}

Deno.test("signedQueryV1() writes the query string of vector 3 as the original does", async () => {
  assertEquals(
    await signedQueryV1(ADD, await importSecret(SECRET, "SHA-1")),
    `apikey=${API_KEY}&command=addIpToNic&expires=2030-01-01T00%3A00%3A00%2B0000` +
      "&ipaddress=198.51.100.50&nicid=3f8a2b64-9c1d-4e7f-a5b0-6d2c8e4f1a93&response=json" +
      "&signature=UHYC2FHc0bWe4o9FkH%2Fq0WGYoz4%3D&signatureversion=3",
  );
});

Deno.test("messageV1() leaves no character but the unreserved ones, whatever the value", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (value) => {
    const [, written = ""] = messageV1({ name: value }).split("=");
    assertEquals(written.replace(/%[0-9a-f]{2}|[a-z0-9._~-]/g, ""), "");
    const lower = value.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
    assertEquals(decodeURIComponent(written), lower);
  }));
});
