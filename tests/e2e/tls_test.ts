// The program always verifies certificates: real runs with a cloud that shows one.
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { CloudServer } from "../support/cloud/server.ts";
import { Authority } from "../support/tls/authority.ts";
import { ELASTIC_IP } from "../support/cluster.ts";
import { ExoipProcess } from "../support/process.ts";

/** Attaches once, through a server with that certificate. */
async function attach(
  authority: Authority,
  { host = "localhost", args = [], ...kind }: {
    host?: string;
    args?: string[];
    selfSigned?: boolean;
    expired?: boolean;
  },
) {
  const server = new CloudServer(null, { identity: authority.certificate(host, kind) });
  const address = server.model.addAddress(ELASTIC_IP);
  const { id } = server.model.addInstance(1, "127.0.0.1");
  try {
    const endpoint = server.endpoint("v2").replace("127.0.0.1", "localhost");
    const process = new ExoipProcess(
      ["-A", "-O", "-xi", ELASTIC_IP, "-i", id, "-xe", endpoint, ...args],
      { env: { IF_EXOSCALE_API_KEY: SIM_KEY, IF_EXOSCALE_API_SECRET: SIM_SECRET } },
    );
    const code = await process.ended();
    const { output } = process;
    return { code, output, holders: address.holders.size, seen: server.calls.length };
  } finally {
    await server.close();
  }
}

const REFUSED: [title: string, reason: string, trusted: boolean, Parameters<typeof attach>[1]][] = [
  ["signed by itself", "UnknownIssuer", false, { selfSigned: true }],
  ["of an unknown authority", "UnknownIssuer", false, {}],
  ["signed by itself, beside --ca-file", "UnknownIssuer", true, { selfSigned: true }],
  ["for another name", "certificate not valid for name", true, { host: "other.test" }],
  ["expired", "certificate expired", true, { expired: true }],
];

Deno.test("exoip verifies certificates, and no option changes that", async () => {
  await using authority = await Authority.create();
  await Promise.all(REFUSED.map(async ([title, reason, trusted, kind]) => {
    const args = ["--insecure-endpoint", ...trusted ? ["--ca-file", authority.caFile] : []];
    const { code, output, holders, seen } = await attach(authority, { ...kind, args });
    assertEquals([code, holders, seen], [1, 0, 0], `${title}: ${output}`);
    assertStringIncludes(output, `TLS certificate not accepted (${reason}`, title);
    assertMatch(output, /\): localhost at \S+ \[untrusted\]/, title);
  }));
});

Deno.test("exoip accepts a server whose authority is in --ca-file", async () => {
  await using authority = await Authority.create();
  const { code, output, holders } = await attach(authority, {
    args: ["--ca-file", authority.caFile],
  });
  assertEquals([code, holders], [0, 1], output);
});

Deno.test("exoip names a CA file that is none", async () => {
  await using authority = await Authority.create();
  const { key } = authority.certificate("localhost");
  const folder = await Deno.makeTempDir(), utf8 = new TextEncoder();
  const broken = authority.caCert.replace(/\n.{20}/, "\n");
  const rows = [
    [key, "has no certificate in PEM form, found: private key"],
    ["nonsense", "has no certificate in PEM form, found: no pem at all"],
    [broken, "cannot be used"],
    [new Uint8Array([0xff, 0xfe, 0xfd]), "not text in UTF-8"],
    [new Uint8Array(2_000_000), "more than"],
    [null, "cannot read"],
  ] as const;
  for (const [content, words] of rows) {
    const path = `${folder}/${content === null ? "none" : "ca.pem"}`;
    if (content !== null) {
      await Deno.writeFile(path, typeof content === "string" ? utf8.encode(content) : content);
    }
    const { code, output, seen } = await attach(authority, { args: ["--ca-file", path] });
    assertEquals([code, seen], [1, 0], output);
    assertStringIncludes(output, "--ca-file (IF_CA_FILE): ");
    assertStringIncludes(output, words);
  }
  await Deno.remove(folder, { recursive: true });
});
