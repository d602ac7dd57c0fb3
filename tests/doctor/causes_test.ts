// --doctor names the cause once: the right one of two faults, with the remedy.
import { assertEquals, assertMatch } from "@std/assert";
import { summaryOf } from "../../src/doctor/result.ts";
import { APIS, ELASTIC_IP } from "../support/cloud/cloud_fixture.ts";
import { examine, healthyFixture } from "./examination.ts";

/** The checks that fail, in order. */
function failing(lines: readonly string[]): string[] {
  return lines.filter((line) => line.startsWith("FAIL")).map((line) => line.split(/\s+/)[1] ?? "");
}

Deno.test(
  "--doctor tells another secret from another Elastic IP where peers watch several",
  async () => {
    await using fixture = healthyFixture();
    const also = fixture.model.addAddress("198.51.100.60").ip;
    const { of } = await examine(fixture, {
      argv: ["-xi", `${ELASTIC_IP},${also}`],
      env: { IF_SHARED_SECRET: "a secret of the tests" },
      peersSecret: "another secret of tests",
      peers: [{ also }, { elasticIp: also }],
    });
    const secret = "signs with a shared secret that is not ours: correct its configuration or ours";
    const other = `watches ${also}, not ${ELASTIC_IP}: correct its configuration or ours`;
    assertEquals(of("heartbeats"), [
      `FAIL node-2 (203.0.113.12) for ${ELASTIC_IP} ${secret}`,
      `FAIL node-3 (203.0.113.13) for ${ELASTIC_IP} ${other}`,
      `FAIL node-2 (203.0.113.12) for ${also} ${secret}`,
      `FAIL node-3 (203.0.113.13) for ${also} ${secret}`,
    ]);
  },
);

for (const api of APIS) {
  Deno.test(`--doctor on API ${api} does not blame the key for a cloud that is not reached`, async () => {
    await using fixture = healthyFixture();
    const host = {
      fetch: () => Promise.reject(new TypeError("tcp connect error: Connection refused")),
    };
    const { code, lines, of } = await examine(fixture, { api, host });
    assertEquals([code, failing(lines)], [1, ["cloud"]], lines.join("\n"));
    assertEquals(of("key"), ["skip skipped: needs the cloud, see cloud"]);
  });
}

Deno.test("--doctor fails once for a name that has no address, and the rest needs the cloud", async () => {
  await using fixture = healthyFixture();
  const reason = "dns error: failed to lookup address information: Name or service not known";
  const fetch = () => Promise.reject(new TypeError("error sending", { cause: new Error(reason) }));
  const endpoint = "https://cloud.test/v2";
  const { code, lines, of } = await examine(fixture, { endpoint, host: { fetch } });
  assertEquals([code, failing(lines)], [1, ["cloud"]], lines.join("\n"));
  for (const check of ["identity", "clock", "key", "address", "peers", "source", "firewall"]) {
    assertEquals(of(check).at(-1), "skip skipped: needs the cloud, see cloud", check);
  }
  assertEquals(of("heartbeats"), ["skip skipped: needs the cloud, see cloud"]);
});

Deno.test("--doctor fails once for a role that allows nothing, and names all that it lacks", async () => {
  await using fixture = healthyFixture();
  fixture.model.role = { "default-service-strategy": "deny", services: {} };
  const { lines, of } = await examine(fixture);
  assertEquals(failing(lines), ["key"], lines.join("\n"));
  assertMatch(of("key")[0] ?? "", /get-instance, list-elastic-ips.*attach-instance-to-elastic-ip/);
  assertEquals(of("peers"), ["skip skipped: needs a key that may do this, see key"]);
});

Deno.test("--doctor breaks its lines on a screen, and keeps one line for each finding in a pipe", async () => {
  for (const terminal of [true, false]) {
    await using fixture = healthyFixture();
    fixture.model.role = { "default-service-strategy": "deny", services: {} };
    const { lines, of } = await examine(fixture, { host: { terminal } });
    const longest = Math.max(...lines.map(({ length }) => length));
    assertEquals(longest <= 160, terminal, `${longest}`);
    assertEquals(of("key").filter((line) => line.startsWith("FAIL")).length, 1);
  }
});

Deno.test("--doctor shows what stands behind a line that is fine with -v only", async () => {
  for (const verbose of [true, false]) {
    await using fixture = healthyFixture();
    const { lines } = await examine(fixture, { argv: verbose ? ["-v"] : [] });
    const detail = lines.some((line) => /^ {16}the cloud did not refuse them/.test(line));
    assertEquals(detail, verbose);
  }
});

Deno.test("--doctor fails once for an Elastic IP that does not exist", async () => {
  await using fixture = healthyFixture();
  const argv = ["-xi", "198.51.100.51"];
  const interfaces = () => [{ name: "lo", address: "198.51.100.51" }];
  const { code, lines, of } = await examine(fixture, { argv, host: { interfaces } });
  assertEquals([code, failing(lines)], [1, ["address"]], lines.join("\n"));
  assertEquals(
    of("key").at(-1),
    "skip skipped: needs the Elastic IP, see address: " +
      "attach-instance-to-elastic-ip, detach-instance-from-elastic-ip",
  );
  assertMatch(of("peers").join("\n"), /^skip skipped: needs the Elastic IP, see address$/);
});

Deno.test("--doctor fails once for a key that is not accepted", async () => {
  for (const api of APIS) {
    await using fixture = healthyFixture();
    const env = { IF_EXOSCALE_API_SECRET: "wrong" };
    const { lines } = await examine(fixture, { api, env });
    assertEquals(failing(lines), ["key"], lines.join("\n"));
  }
});

Deno.test("--doctor says of an operation that alone does not work to try it again", async () => {
  await using fixture = healthyFixture();
  fixture.server.fault = ({ what }) => /:(at|de)tach$/.test(what) ? "500" : null;
  const { lines, of } = await examine(fixture);
  const said =
    "FAIL the cloud has no clear answer to detach-instance-from-elastic-ip: try again later";
  assertEquals(of("key").at(-1), said);
  assertMatch(lines.join("\n"), new RegExp(`${said.slice(5)}\n +.*HTTP 500`));
});

Deno.test("--doctor says what to do about a group or a peer that does not exist", async () => {
  const rows = [
    [["-G", "nosuch"], /^FAIL no security group "nosuch" .*: correct -G .*, or make that group/],
    [["-p", "203.0.113.99"], /^FAIL .*203.0.113.99 \(0 found\).*: correct -p .* or the zone; each/],
    [["-p", "web.test"], /^FAIL .*cannot resolve web.test.*: correct -p /],
  ] as const;
  for (const [source, line] of rows) {
    await using fixture = healthyFixture();
    const { lines, of } = await examine(fixture, { source });
    assertMatch(of("peers").join("\n"), line);
    assertEquals(failing(lines), ["peers"], lines.join("\n"));
  }
});

Deno.test("--doctor fails once for an instance that does not exist", async () => {
  for (const api of APIS) {
    await using fixture = healthyFixture();
    const identity = ["-i", "00000001-0000-4000-8000-0000000000ff"];
    const { lines } = await examine(fixture, { api, identity });
    assertEquals(failing(lines), ["identity"], lines.join("\n"));
  }
});

Deno.test(
  "--doctor looks for an Elastic IP that is given by its description on the interfaces",
  async () => {
    await using fixture = healthyFixture();
    fixture.address.description = "front door";
    const { of } = await examine(fixture, { argv: ["-xi", "front door"] });
    assertEquals(of("interface"), [`ok ${ELASTIC_IP} is on the interface lo`]);
  },
);

Deno.test("the sample of --doctor in docs counts its lines rightly", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/operation/doctor.md", import.meta.url));
  const [, sample = ""] = /\n```\n([^]*?)\n```\n/.exec(page) ?? [];
  // Indented lines are details of the line before.
  const lines = sample.split("\n").filter((line) => !line.startsWith(" "));
  const findings = lines.slice(0, -1).map((line) => {
    const [, mark, check = "", text = ""] = /^(ok|warn|FAIL|skip) +(\w+) +(.+)$/.exec(line) ?? [];
    if (mark !== "ok" && mark !== "warn" && mark !== "FAIL" && mark !== "skip") {
      throw new Error(line);
    }
    return { mark, check, text } as const;
  });
  assertEquals(lines.at(-1), summaryOf(findings));
});
