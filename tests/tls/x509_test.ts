// Our certificates with programs that must accept or reject them: openssl, and a real connection of this runtime.
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { skippableTest } from "../support/skippable.ts";
import { certificatePem, keyPem, newKeys } from "../support/tls/x509.ts";

const missingOpenssl = hasOpenssl() ? null : "needs openssl";

const HOSTS = ["127.0.0.1", "127.9.8.7", "::1", "2001:db8::1:0:5", "cloud.test", "localhost"];

/** An authority, and a server with that name and those hosts. */
function make(hosts: readonly string[] = HOSTS, validity: { from?: Date; to?: Date } = {}) {
  const authority = { name: "Authority of a test", ...newKeys() };
  const keys = newKeys();
  const { name, publicKey } = authority;
  const server = { name: "a server", publicKey: keys.publicKey, hosts, ...validity };
  return {
    ca: certificatePem({ name, publicKey, hosts: null, ...validity }, authority),
    cert: certificatePem(server, authority),
    key: keyPem(keys),
  };
}

/** Runs openssl on the files of one of them; returns its output. */
async function asked(made: ReturnType<typeof make>, ...args: string[]): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "exoip-" });
  try {
    for (const [name, text] of Object.entries(made)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    return await openssl(...args.map((arg) => arg.replace(/^@/, `${folder}/`)));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const STRICTLY = ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", "@ca"];

for (const host of HOSTS) {
  skippableTest(`openssl accepts a certificate for ${host}`, missingOpenssl, async () => {
    const option = /^[a-z]/.test(host) ? "-verify_hostname" : "-verify_ip";
    assertMatch(await asked(make(), ...STRICTLY, option, host, "@cert"), /: OK$/);
    const others = make(HOSTS.filter((each) => each !== host));
    const refused = await asked(others, ...STRICTLY, option, host, "@cert").catch(String);
    assertMatch(refused, /(hostname|IP address) mismatch/);
  });
}

skippableTest("openssl reads in a certificate what was written", missingOpenssl, async () => {
  // From 2050 on, years have four digits.
  const validity = { from: new Date("2020-02-29T23:59:58Z"), to: new Date("2050-01-02T03:04:05Z") };
  const made = make(HOSTS, validity);
  const text = await asked(made, "x509", "-in", "@cert", "-noout", "-text");
  for (
    const said of [
      /Issuer: CN ?= ?Authority of a test\n/,
      /Subject: CN ?= ?a server\n/,
      /Not Before: Feb 29 23:59:58 2020 GMT\n\s+Not After : Jan {2}2 03:04:05 2050 GMT\n/,
      /NIST CURVE: P-256\n/,
      /Basic Constraints: critical\n\s+CA:FALSE\n/,
      /Extended Key Usage: *\n\s+TLS Web Server Authentication, TLS Web Client Authentication\n/,
      /IP Address:2001:DB8:0:0:0:1:0:5, DNS:cloud\.test,/,
    ]
  ) {
    assertMatch(text, said);
  }
  const authority = await asked(made, "x509", "-in", "@ca", "-noout", "-text");
  assertMatch(authority, /Basic Constraints: critical\n\s+CA:TRUE\n/);
  assertMatch(authority, /Key Usage: critical\n\s+Certificate Sign\n/);
  const certKey = await asked(made, "x509", "-in", "@cert", "-noout", "-pubkey");
  assertEquals(await asked(made, "pkey", "-in", "@key", "-pubout"), certKey);
});

skippableTest(
  "openssl refuses a certificate of another authority or time",
  missingOpenssl,
  async () => {
    const alien = { ...make(), ca: make().ca };
    assertMatch(
      await asked(alien, ...STRICTLY, "@cert").catch(String),
      /unable to get local issuer/,
    );
    const past = { from: new Date("2020-01-01"), to: new Date("2020-02-01") };
    assertMatch(await asked(make(HOSTS, past), ...STRICTLY, "@cert").catch(String), /has expired/);
  },
);

for (const host of ["127.9.8.7", "::1", "localhost"]) {
  Deno.test(`this runtime accepts a certificate for ${host}, of a known authority only`, async () => {
    const made = make([host]);
    assertEquals(await shakeHands(host, made), "done");
    const stranger = { name: "Another authority", ...newKeys() };
    const { name, publicKey } = stranger;
    const ca = certificatePem({ name, publicKey, hosts: null }, stranger);
    assertMatch(await shakeHands(host, { ...made, ca }), /UnknownIssuer/);
    // The name alone proves nothing.
    assertMatch(await shakeHands(host, { ...made, ca: make().ca }), /BadSignature/);
    assertMatch(await shakeHands(host, make(["127.9.8.6", "cloud.test"])), /not valid for name/);
  });
}

/** The result of a handshake with a server that shows this: `done`, or the error. */
async function shakeHands(host: string, made: ReturnType<typeof make>): Promise<string> {
  const { ca, cert, key } = made;
  const hostname = host === "localhost" ? "127.0.0.1" : host;
  using listener = Deno.listenTls({ hostname, port: 0, cert, key });
  const served = listener.accept().then(async (connection) => {
    await connection.handshake().catch(() => {});
    connection.close();
  });
  const { port } = listener.addr;
  const client = await Deno.connectTls({ hostname: host, port, caCerts: [ca] });
  const outcome = await client.handshake().then(() => "done", String);
  client.close();
  await served;
  return outcome;
}

Deno.test("each certificate has a number of its own, and a host that is none is named", () => {
  assert(make().cert !== make().cert);
  assertThrows(() => make(["a host"]), Error, '"a host": wanted a host name or an address');
});

function hasOpenssl(): boolean {
  try {
    const { stdout } = new Deno.Command("openssl", { args: ["version"] }).outputSync();
    return /^OpenSSL [3-9]/.test(new TextDecoder().decode(stdout));
  } catch {
    return false;
  }
}

/** The output of openssl; throws when it fails. */
async function openssl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("openssl", { args }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (code !== 0) throw new Error(`openssl: ${text(stderr)} ${text(stdout)}`);
  return text(stdout);
}
