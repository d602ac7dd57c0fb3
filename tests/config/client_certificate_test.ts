// A client's certificate and its key: what the runtime cannot use is refused before it sees it, because Deno 2.7 would
// end the process.
import { assert, assertEquals } from "@std/assert";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { pairIn } from "../../src/config/client_certificate.ts";
import { certificatePem, type Keys, newKeys } from "../support/tls/x509.ts";
import { identityFor } from "../support/tls/cloud_identity.ts";

const { cert: CERT, key: KEY } = identityFor("client.test");
const OTHER = { name: "other.test", ...newKeys() };
const OTHER_KEY = OTHER.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const OTHER_CERT = certificateOf(OTHER);

function certificateOf({ publicKey }: Pick<Keys, "publicKey">, more: object = {}): string {
  const content = { name: "client.test", publicKey, hosts: ["client.test"], ...more };
  return certificatePem(content, { name: "Issuer", ...newKeys() });
}

/** The problems, each with its file. */
function said(cert: string, key: string): string[] {
  const pair = pairIn({ cert, key });
  if (!("problems" in pair)) {
    // The runtime takes it; where we are wrong, it throws or ends this test.
    Deno.createHttpClient({ ...pair }).close();
    return [];
  }
  return pair.problems.map(({ file, text }) => `${file} ${text}`);
}

/** The certificate with these bytes replaced; it is not signed any more, which nobody looks at. */
function replaced(cert: string, from: readonly number[], to: readonly number[]): string {
  const text = atob(cert.replace(/-----[^-]*-----|\s/g, ""));
  const [old, next] = [from, to].map((bytes) => String.fromCharCode(...bytes));
  assert(text.includes(old!), "the certificate has these bytes");
  const lines = btoa(text.replace(old!, next!)).match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

Deno.test("a key of every kind that the runtime knows, in every form", () => {
  const pairs: readonly (readonly [Keys, readonly ("pkcs8" | "pkcs1" | "sec1")[]])[] = [
    [generateKeyPairSync("rsa", { modulusLength: 2_048 }), ["pkcs8", "pkcs1"]],
    [generateKeyPairSync("ec", { namedCurve: "P-256" }), ["pkcs8", "sec1"]],
    [generateKeyPairSync("ec", { namedCurve: "P-384" }), ["pkcs8", "sec1"]],
    [generateKeyPairSync("ed25519"), ["pkcs8"]],
  ];
  for (const [keys, forms] of pairs) {
    for (const type of forms) {
      const { privateKey }: { privateKey: KeyObject } = keys;
      const key = privateKey.export({ type: type as "pkcs8", format: "pem" }).toString();
      const cert = certificateOf(keys);
      assertEquals([type, said(cert, key), said(cert, KEY)], [
        type,
        [],
        ["both is not the key of the certificate in"],
      ]);
    }
  }
});

Deno.test("a pair may stand in one file, with a chain, and with other text around it", () => {
  const parameters =
    "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  const chain = `${CERT}${OTHER_CERT}`;
  assertEquals(said(`${CERT}${KEY}`, `${CERT}${KEY}`), []);
  assertEquals(said(chain, `${parameters}${KEY}`), []);
  assertEquals(
    said(`\ufeffSubject: x\n${CERT.replaceAll("\n", "\r\n")}`, `${KEY}${OTHER_KEY}`),
    [],
  );
});

Deno.test("an expired certificate is no mismatch: the store refuses it", () => {
  const past = { from: new Date("2020-01-01"), to: new Date("2020-02-01") };
  assertEquals(said(certificateOf(OTHER, past), OTHER_KEY), []);
});

Deno.test("the certificate comes before those of its authorities", () => {
  assertEquals(said(`${OTHER_CERT}${CERT}`, KEY), [
    "both is the key of certificate 2, which must come first, in",
  ]);
});

Deno.test("certificates that cannot be used", () => {
  const block = (body: string) =>
    `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
  const damaged = "cannot be read: it is damaged";
  const rows: readonly [string, string][] = [
    ["", "has no certificate in PEM form"],
    [KEY, "has no certificate in PEM form"],
    [block("!!garbage!!"), `the certificate ${damaged}`],
    [block("AAAA"), `the certificate ${damaged}`],
    [block(""), `the certificate ${damaged}`],
    [CERT.slice(0, -40), `the certificate ${damaged}`],
    [`${CERT}${block("AAAA")}`, `certificate 2 ${damaged}`],
    // The version is 1 instead of 3.
    [
      replaced(CERT, [0xa0, 3, 2, 1, 2], [0xa0, 3, 2, 1, 0]),
      "the certificate is of X.509 version 1: sign it as version 3, which has extensions " +
      "(openssl x509 -req needs -extfile)",
    ],
    // The critical basicConstraints become certificatePolicies.
    [
      replaced(CERT, [6, 3, 0x55, 0x1d, 19], [6, 3, 0x55, 0x1d, 32]),
      "the certificate has the critical extension 2.5.29.32, which is not supported",
    ],
    // A critical extension is neither true nor false.
    [replaced(CERT, [1, 1, 0xff], [1, 1, 0x10]), `the certificate ${damaged}`],
  ];
  for (const [cert, text] of rows) assertEquals(said(cert, KEY), [`cert ${text}`]);
});

Deno.test("keys that cannot be used", () => {
  const wanted = "RSA of 2048 bits or more, EC with P-256, P-384 or P-521, or Ed25519";
  const unreadable = `has a key that cannot be read: it is damaged, or not ${wanted}`;
  const small = generateKeyPairSync("rsa", { modulusLength: 1_024 });
  const block = (label: string, body: string) =>
    `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
  const encrypted = "has an encrypted key, which exoip cannot decrypt";
  const rows: readonly [string, string][] = [
    ["", "has no private key in PEM form"],
    [CERT, "has no private key in PEM form"],
    [block("PRIVATE KEY", "!!garbage!!"), unreadable],
    [block("PRIVATE KEY", "AAAA"), unreadable],
    [KEY.slice(0, -40), unreadable],
    [block("ENCRYPTED PRIVATE KEY", "AAAA"), encrypted],
    [block("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\n\nAAAA"), encrypted],
    [
      small.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      `has a key of another kind (rsa of 1024 bits): wanted ${wanted}`,
    ],
  ];
  for (const [key, text] of rows) assertEquals(said(CERT, key), [`key ${text}`]);
});

Deno.test("an RSA key with a wrong number is used with the right one", () => {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const bytes = privateKey.export({ type: "pkcs1", format: "der" });
  // The last number speeds computing up; Deno refuses the key if it is wrong.
  bytes[bytes.length - 1]! ^= 2;
  const body = btoa(String.fromCharCode(...bytes));
  const key = `-----BEGIN RSA PRIVATE KEY-----\n${body}\n-----END RSA PRIVATE KEY-----\n`;
  assertEquals(said(certificateOf({ publicKey }), key), []);
});
