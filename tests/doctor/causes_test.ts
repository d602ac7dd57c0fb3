// --doctor names the cause, once: the right one of two faults, and what to do about it.
import { assertEquals, assertMatch } from "@std/assert";
import { summaryOf } from "../../src/doctor/result.ts";
import { APIS, ELASTIC_IP } from "../support/cloud/cloud_fixture.ts";
import { examine, healthyStage } from "./examination.ts";

/** The checks that fail, in order. */
function failing(lines: readonly string[]): string[] {
  return lines.filter((line) => line.startsWith("FAIL")).map((line) => line.split(/\s+/)[1] ?? "");
}

Deno.test("--doctor tells another secret from another Elastic IP where peers watch several", {
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  await using stage = healthyStage();
  const also = stage.model.addAddress("198.51.100.60").ip;
  const { of } = await examine(stage, {
    argv: ["-xi", `${ELASTIC_IP},${also}`],
    env: { IF_SHARED_SECRET: "a secret of the tests" },
    peersSecret: "another secret of tests",
    peers: [{ also }, { elasticIp: also }],
  });
  const secret = "signs with a shared secret that is not ours: correct its configuration or ours";
  const other = `watches ${also}, not ${ELASTIC_IP}: correct its configuration or ours`;
  assertEquals(of("heartbeats"), [
    `FAIL 203.0.113.12 (${ELASTIC_IP}) ${secret}`,
    `FAIL 203.0.113.13 (${ELASTIC_IP}) ${other}`,
    `FAIL 203.0.113.12 (${also}) ${secret}`,
    `FAIL 203.0.113.13 (${also}) ${secret}`,
  ]);
});

for (const api of APIS) {
  Deno.test(`--doctor on API ${api} does not blame the key for a cloud that is not reached`, {
    sanitizeOps: false,
    sanitizeResources: false,
  }, async () => {
    await using stage = healthyStage();
    const host = {
      fetch: () => Promise.reject(new TypeError("tcp connect error: Connection refused")),
    };
    const { code, lines, of } = await examine(stage, { api, host });
    assertEquals([code, failing(lines)], [1, ["cloud"]], lines.join("\n"));
    assertEquals(of("key"), ["skip what the key may is not known: unreachable"]);
  });
}

Deno.test("--doctor fails once for an Elastic IP that does not exist", {
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  await using stage = healthyStage();
  const argv = ["-xi", "198.51.100.51"];
  const interfaces = () => [{ name: "lo", address: "198.51.100.51" }];
  const { code, lines, of } = await examine(stage, { argv, host: { interfaces } });
  assertEquals([code, failing(lines)], [1, ["address"]], lines.join("\n"));
  assertEquals(
    of("key").at(-1),
    "skip attach-instance-to-elastic-ip, detach-instance-from-elastic-ip: " +
      "not tried without the Elastic IP",
  );
  assertMatch(of("peers").join("\n"), /^skip not looked for: no Elastic IP 198.51.100.51/);
});

Deno.test("--doctor fails once for a key that is not accepted", {
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  for (const api of APIS) {
    await using stage = healthyStage();
    const env = { IF_EXOSCALE_API_SECRET: "wrong" };
    const { lines } = await examine(stage, { api, env });
    assertEquals(failing(lines), ["key"], lines.join("\n"));
  }
});

Deno.test("--doctor says of an operation that alone does not work to try it again", {
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  await using stage = healthyStage();
  stage.server.fault = ({ what }) => /:(at|de)tach$/.test(what) ? "500" : null;
  const { of } = await examine(stage);
  assertMatch(
    of("key").at(-1) ?? "",
    /^FAIL detach-instance-from-elastic-ip gets no answer that tells: try again later \(.*HTTP 500/,
  );
});

Deno.test("--doctor says what to do about a group or a peer that does not exist", {
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  const rows = [
    [["-G", "nosuch"], /^FAIL no security group "nosuch" .*: correct -G .*, or make that group/],
    [["-p", "203.0.113.99"], /^FAIL .*203.0.113.99 \(0 found\).*: correct -p .* or the zone; each/],
    [["-p", "web.test"], /^FAIL .*cannot resolve web.test.*: correct -p /],
  ] as const;
  for (const [source, line] of rows) {
    await using stage = healthyStage();
    const { lines, of } = await examine(stage, { source });
    assertMatch(of("peers").join("\n"), line);
    assertEquals(failing(lines), ["peers"], lines.join("\n"));
  }
});

Deno.test("--doctor fails once for an instance that does not exist", {
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  for (const api of APIS) {
    await using stage = healthyStage();
    const identity = ["-i", "00000001-0000-4000-8000-0000000000ff"];
    const { lines } = await examine(stage, { api, identity });
    assertEquals(failing(lines), ["identity"], lines.join("\n"));
  }
});

Deno.test("--doctor looks for an Elastic IP that is given by its description on the interfaces", {
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  await using stage = healthyStage();
  stage.address.description = "front door";
  const { of } = await examine(stage, { argv: ["-xi", "front door"] });
  assertEquals(of("interface"), [`ok ${ELASTIC_IP} is on the interface lo`]);
});

Deno.test("the sample of --doctor in docs counts its lines rightly", {
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  const page = await Deno.readTextFile(new URL("../../docs/operation/doctor.md", import.meta.url));
  const [, sample = ""] = /\n```\n([^]*?)\n```\n/.exec(page) ?? [];
  const lines = sample.split("\n");
  const findings = lines.slice(0, -1).map((line) => {
    const [, mark, check = "", text = ""] = /^(ok|warn|FAIL|skip) +(\w+) +(.+)$/.exec(line) ?? [];
    if (mark !== "ok" && mark !== "warn" && mark !== "FAIL" && mark !== "skip") {
      throw new Error(line);
    }
    return { mark, check, text } as const;
  });
  assertEquals(lines.at(-1), summaryOf(findings));
});
