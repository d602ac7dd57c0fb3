// Every failure that --doctor detects, one by one, with the simulated cloud.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { hasSignature } from "../../src/core/heartbeat.ts";
import type { PeerSource } from "../../src/exoscale/peer_source.ts";
import { iamPolicy } from "../../src/exoscale/iam_policy.ts";
import type { Fetch } from "../../src/exoscale/http.ts";
import { type Route, TransportFailure } from "../../src/transport/request.ts";
import {
  APIS,
  cloudFetch,
  type CloudFixture,
  ELASTIC_IP,
  GROUP,
} from "../support/cloud/cloud_fixture.ts";
import { examine, type Faults, healthyFixture, linesOf, OPEN, PORT, read } from "./examination.ts";

const NO_NAMES = { lookup: () => Promise.reject(new Error("no such name")) };

for (const api of APIS) {
  Deno.test(
    `--doctor on API ${api} finds nothing wrong where nothing is, and changes nothing`,
    async () => {
      await using fixture = healthyFixture();
      const { code, lines, of, sent } = await examine(fixture, { api });
      const marks = new Set(lines.slice(0, -1).map((line) => line.slice(0, 5).trim()));
      assertEquals([code, [...marks].sort()], [0, ["ok", "skip"]], lines.join("\n"));
      assertEquals(of("peers"), ["ok 2 found: node-2 (203.0.113.12), node-3 (203.0.113.13)"]);
      assertEquals(of("firewall"), [
        "ok the rules let UDP on port 12345 through to and from all peers",
      ]);
      assertEquals(of("heartbeats"), [
        "ok node-2 (203.0.113.12) answers: both ways work",
        "ok node-3 (203.0.113.13) answers: both ways work",
      ]);
      assertMatch(lines.at(-1) ?? "", /^nothing fails, 0 warned, \d+ ok, \d+ not checked$/);
      assertEquals(fixture.model.history, []);
      assertEquals(fixture.model.operations.size, 0, "no operation was ever begun");
      for (const { bytes } of sent) {
        const { priority, trailer } = read(bytes);
        assertEquals([priority, trailer?.leaving, trailer?.unable, trailer?.holds], [
          255,
          true,
          true,
          false,
        ]);
      }
    },
  );
}

Deno.test(
  "--doctor tells who says which instance this is, and when they disagree",
  async () => {
    const other = "00000001-0000-4000-8000-000000000002";
    const machine = (metadata: string | null, uuid: string | null, product = "") => ({
      root: "",
      fetch: () =>
        metadata ? Promise.resolve(new Response(metadata)) : Promise.reject(new Error("silent")),
      readTextFile: (path: string) =>
        path.endsWith("product_uuid") && uuid
          ? Promise.resolve(`${uuid}\n`)
          : path.endsWith("product_name") && product
          ? Promise.resolve(product)
          : Promise.reject(new Error("not there")),
      run: () => Promise.reject(new Error("no ip")),
    });
    const self = "00000001-0000-4000-8000-000000000001";
    const rows: [Faults, RegExp, number][] = [
      [{ identity: [], host: { machine: machine(self, null) } }, /^ok .*told by the metadata/, 0],
      [
        { identity: [], host: { machine: machine(null, self) } },
        /^ok .*told by the system UUID/,
        0,
      ],
      [
        { host: { machine: machine(other, null) } },
        /^FAIL -i says .*1, the metadata .*2: correct/,
        1,
      ],
      [{ identity: [], host: { machine: machine(null, null) } }, /^FAIL cannot find out which/, 1],
    ];
    for (const [faults, first, wanted] of rows) {
      const { code, lines } = await linesOf("identity", faults);
      assertMatch(lines[0] ?? "", first);
      assertEquals(code, wanted, lines.join("\n"));
    }
    const doubtful = await linesOf("identity", {
      host: { machine: machine(null, other, "Exoscale") },
    });
    assertMatch(doubtful.lines[1] ?? "", /^warn the system UUID is .*2: check that -i is right$/);
    const elsewhere = await linesOf("identity", {
      host: { machine: machine(null, other, "Azure") },
    });
    assertEquals(elsewhere.lines.filter((line) => line.startsWith("warn")), []);
  },
);

Deno.test("--doctor says when the cloud does not know the instance, or has it elsewhere", async () => {
  for (const api of APIS) {
    const identity = ["-i", "00000001-0000-4000-8000-0000000000ff"];
    const unknown = await linesOf("identity", { api, identity });
    assertMatch(unknown.lines[1] ?? "", /^FAIL the cloud has no instance .*ff here: check -i and/);
    assertEquals(unknown.code, 1);
    const interfaces = () => [{ name: "lo", address: ELASTIC_IP }];
    const elsewhere = await linesOf("identity", { api, host: { interfaces } });
    assertMatch(
      elsewhere.lines[1] ?? "",
      /^warn .* as node-1 at 203.0.113.11, an address that this machine does not have/,
    );
    assertEquals(elsewhere.code, 0);
  }
});

Deno.test(
  "--doctor compares the clocks",
  async () => {
    const rows: [number, RegExp, number][] = [
      [0, /^ok within [12] s of the cloud's \(at most 540 s behind/, 0],
      [120_000, /^warn 1(19|20|21) s behind the cloud's .*: set the clock$/, 0],
      [-120_000, /^warn 1(19|20|21) s ahead of the cloud's/, 0],
      [590_000, /^FAIL 5(89|90|91) s behind the cloud's, so that signatures expire: set the/, 1],
    ];
    for (const [aheadMs, line, wanted] of rows) {
      const { code, lines } = await linesOf("clock", {}, ({ server }) => server.aheadMs = aheadMs);
      assertMatch(lines.join("\n"), line);
      assertEquals(code, wanted);
    }
  },
);

Deno.test("--doctor tells name, certificate and connection apart", async () => {
  const rejecting = (message: string) => ({
    ...NO_NAMES,
    fetch: () =>
      Promise.reject(new TypeError("error sending request", { cause: new Error(message) })),
  });
  const endpoint = "https://cloud.test/v2";
  const known = () => Promise.resolve(["192.0.2.1"]);
  const name = await linesOf("cloud", { endpoint, host: rejecting("dns error: no record") });
  assertMatch(name.lines[0] ?? "", /^FAIL cloud.test has no address \(no such name\): check/);
  assertMatch(name.lines[1] ?? "", /^skip skipped: needs an address of cloud.test$/);
  const cert = { ...rejecting("invalid peer certificate: UnknownIssuer"), lookup: known };
  const untrusted = await linesOf("cloud", { endpoint, host: cert });
  assertMatch(untrusted.lines[0] ?? "", /^ok cloud.test has the address 192.0.2.1/);
  assertMatch(untrusted.lines[1] ?? "", /^FAIL the certificate of cloud.test is not accepted/);
  const closed = { ...rejecting("tcp connect error: Connection refused"), lookup: known };
  const refused = await linesOf("cloud", { endpoint, host: closed });
  assertMatch(refused.lines[1] ?? "", /^FAIL cloud.test is not reached: check /);
  assertMatch(refused.details.join("\n"), /connection refused/);
  assertEquals([name.code, untrusted.code, refused.code], [1, 1, 1]);
  const page = await linesOf("cloud", {}, ({ server }) => server.fault = () => "html");
  assertMatch(page.lines[2] ?? "", /^FAIL .* answers, but not as the API does: check -xe/);
});

Deno.test(
  "--doctor names the name servers, the proxy, and the protocol that was agreed upon",
  async () => {
    const servers = "192.0.2.53 (/etc/resolv.conf)";
    const named = { lookup: () => Promise.resolve(["192.0.2.1"]), nameServers: () => servers };
    const through = (route: Route) => async (fixture: CloudFixture) => {
      const fetch = Object.assign((...request: Parameters<Fetch>) => {
        const [url, init] = request;
        return cloudFetch(
          new URL(
            url.href.replace("https://cloud.test", new URL(fixture.server.endpoint("v2")).origin),
          ),
          init,
        );
      }, { routeTo: () => route });
      const endpoint = "https://cloud.test/v2";
      return (await examine(fixture, { endpoint, host: { ...named, fetch } })).of("cloud");
    };
    await using fixture = healthyFixture();
    const direct = { address: "192.0.2.1", protocol: "HTTP/1.1", tls: true, proxy: null } as const;
    const [name = "", , answers = ""] = await through(direct)(fixture);
    assertEquals(name, `ok cloud.test has the address 192.0.2.1; name servers: ${servers}`);
    assertMatch(answers, /^ok cloud.test answers after \d+ ms: HTTP\/1.1 at 192.0.2.1$/);
    const proxy = "the proxy proxy.test:3128 (HTTPS_PROXY)";
    const [, , far = ""] = await through({ ...direct, address: null, protocol: "HTTP/2", proxy })(
      fixture,
    );
    assert(far.endsWith(`: HTTP/2 through ${proxy}`), far);
  },
);

Deno.test("--doctor fails once where there is no name server, and says what to write", async () => {
  await using fixture = healthyFixture();
  const reason = "/etc/resolv.conf is not there, so that no name server is asked: cloud.test";
  const fetch = Object.assign(
    () => Promise.reject(new TransportFailure("name-resolution", reason)),
    { routeTo: () => null },
  );
  const named = { lookup: () => Promise.reject(new Error(reason)), nameServers: () => "" };
  const endpoint = "https://cloud.test/v2";
  const said = (await examine(fixture, { endpoint, host: { ...named, fetch } })).of("cloud");
  assertEquals(said, [
    `FAIL cloud.test has no address (${reason}): give that file lines such as nameserver ADDRESS`,
    "skip skipped: needs an address of cloud.test",
  ]);
});

Deno.test("--doctor names the variable of a proxy that refuses, and what to do", async () => {
  await using fixture = healthyFixture();
  const named = { lookup: () => Promise.reject(new Error("x")), nameServers: () => "" };
  const title = "the proxy proxy.test:3128 (HTTPS_PROXY)";
  const refused = async (message: string) => {
    const fetch = Object.assign(
      () => Promise.reject(new TransportFailure("unreachable", message)),
      {
        routeTo: () => null,
      },
    );
    const endpoint = "https://cloud.test/v2";
    return (await examine(fixture, { endpoint, host: { ...named, fetch } })).of("cloud").join("\n");
  };
  assertStringIncludes(
    await refused(`${title} refuses the connection: HTTP 407`),
    "skip cloud.test has no address here: something else, perhaps a proxy, looks it up\n" +
      "FAIL cloud.test is not reached: give the proxy's user and password in HTTPS_PROXY, " +
      "http://USER:PASSWORD@HOST:PORT",
  );
  for (
    const reason of [`${title} refuses the connection: HTTP 502`, `connection refused: ${title}`]
  ) {
    assertStringIncludes(
      await refused(reason),
      "FAIL cloud.test is not reached: correct HTTPS_PROXY, let the proxy connect to that place, or " +
        "except it with NO_PROXY",
    );
  }
  assertStringIncludes(
    await refused("no route"),
    "FAIL cloud.test has no address (x): check the endpoint or zone, and the name servers in",
  );
});

Deno.test("--doctor tells a wrong key from a role that forbids", async () => {
  for (const api of APIS) {
    const wrong = await linesOf("key", { api, env: { IF_EXOSCALE_API_SECRET: "wrong" } });
    assertMatch(wrong.lines.join("\n"), /^FAIL key or secret is not accepted: check -xk and -xs/);
    assertEquals([wrong.code, wrong.lines.length], [1, 1]);
  }
  const readings = ["get-instance", "list-elastic-ips", "list-instances", "get-operation"];
  const all = [...readings, "list-security-groups", "get-instance-pool", "attach", "detach"];
  all.push("get-security-group");
  for (const denied of all) {
    const { code, lines } = await linesOf("key", {}, ({ model }) => {
      const allow = iamPolicy({
        attaches: denied !== "attach",
        detaches: denied !== "detach",
        peers: { kind: "groups", groups: [GROUP] },
        elasticIps: [ELASTIC_IP],
      });
      const rules = allow.services.compute?.rules ?? [];
      const deny = { action: "deny", expression: `operation in ['${denied}']` } as const;
      model.role = {
        ...allow,
        services: { compute: { type: "rules", rules: [deny, ...rules] } },
      };
    });
    const optional = ["get-operation", "get-instance-pool", "get-security-group"].includes(denied);
    const line = lines.find((each) => each.includes(`may not ${denied}`)) ?? lines.join("\n");
    assertMatch(line, optional ? /^warn the key may not/ : /^FAIL the key may not .*allow it in/);
    assertEquals(code, optional ? 0 : 1, lines.join("\n"));
  }
  const { lines } = await linesOf("key", { api: "v1" }, ({ model }) => {
    model.deniedCommands.add("removeIpFromNic");
  });
  assertMatch(lines[1] ?? "", /^FAIL the key may not removeIpFromNic: allow it/);
});

Deno.test("--doctor does not say that a change is allowed which was only not refused", async () => {
  const { lines } = await linesOf("key");
  assertMatch(lines[0] ?? "", /^ok the key may get-instance, list-elastic-ips, list-instances/);
  assertMatch(lines[1] ?? "", /^skip not proved: attach-instance-to.*, detach-/);
});

Deno.test("--doctor of a shadow needs no right to change anything, and tries none", async () => {
  await using fixture = healthyFixture();
  const { of } = await examine(fixture, { argv: ["--shadow"] });
  assertEquals(of("key").filter((line) => /attach|detach/.test(line)), []);
  assertEquals(fixture.server.calls.filter(({ method }) => method !== "GET"), []);
});

Deno.test("--doctor says what is wrong with an Elastic IP, and who holds it", async () => {
  const missing = await linesOf("address", { argv: ["-xi", "198.51.100.51"] });
  assertMatch(missing.lines[0] ?? "", /^FAIL no Elastic IP 198.51.100.51 .* found 198.51.100.50: /);
  const named = await linesOf("address", { argv: ["-xi", "front door"] });
  assertMatch(named.lines[0] ?? "", /^FAIL front door: .*front door/);
  const managed = await linesOf("address", {}, ({ address }) => address.managed = true);
  assertMatch(
    managed.lines[0] ?? "",
    /^FAIL 198.51.100.50 is a managed Elastic IP: use one without/,
  );
  const pool = await linesOf("address", {}, ({ model, self, address }) => {
    self.poolId = "00000008-0000-4000-8000-000000000001";
    model.pools.set(self.poolId, [address.id]);
  });
  assertMatch(pool.lines[0] ?? "", /^FAIL the instance pool pool attaches 198.51.100.50 to every/);
  assertEquals([missing.code, named.code, managed.code, pool.code], [1, 1, 1, 1]);
  const held = await linesOf("address", {}, (fixture) => fixture.hold(fixture.self, fixture.peer));
  assertEquals(held.lines[1], "ok 198.51.100.50 is held by this instance (node-1), node-2 now");
  const strange = await linesOf("address", {}, (fixture) => {
    fixture.hold(fixture.model.addInstance(9, "203.0.113.19"));
  });
  assertMatch(strange.lines[1] ?? "", /^warn 198.51.100.50 is held by node-9 \(.*\), which is no/);
});

Deno.test(
  "--doctor says when no interface has the Elastic IP, and how to give it one",
  async () => {
    const interfaces = () => [{ name: "eth0", address: "203.0.113.11" }];
    const { code, lines } = await linesOf("interface", { host: { interfaces } });
    assertEquals(lines, [
      "FAIL 198.51.100.50 is on no interface, so traffic to it is dropped: " +
      "ip address add 198.51.100.50/32 dev lo, or --address-on lo",
    ]);
    assertEquals(code, 1);
    const there = await linesOf("interface");
    assertEquals(there.lines, ["ok 198.51.100.50 is on the interface lo"]);
    const isLocalAddress = () => true;
    const routed = await linesOf("interface", { host: { interfaces, isLocalAddress } });
    assertEquals(routed.lines, ["ok 198.51.100.50 is taken by a route of type local"]);
  },
);

Deno.test("--doctor says when peers are missing, or this instance among them", async () => {
  const outsidePeerList = await linesOf("peers", {}, ({ self }) => self.groups = []);
  assertMatch(
    outsidePeerList.lines[0] ?? "",
    /^FAIL security group edge has 2 others and not this inst/,
  );
  const alone = await linesOf("peers", {}, ({ peer, third }) => peer.groups = third.groups = []);
  assertMatch(alone.lines[0] ?? "", /^warn none: /);
  const wrong = await linesOf("peers", { source: ["-p", "203.0.113.99"] });
  assertMatch(wrong.lines[0] ?? "", /^FAIL .*203.0.113.99 \(0 found\)/);
  const name = await linesOf("peers", { source: ["-p", "web.test"] });
  assertMatch(name.lines[0] ?? "", /^FAIL .*cannot resolve web.test/);
  const group = await linesOf("peers", { source: ["-G", "other"] });
  assertMatch(group.lines[0] ?? "", /^FAIL .*other/);
  assertEquals([outsidePeerList.code, alone.code, wrong.code, name.code, group.code], [
    1,
    0,
    1,
    1,
    1,
  ]);
});

for (const api of APIS) {
  Deno.test(`--doctor on API ${api} says whom the security groups cut off`, async () => {
    const closed = await linesOf("firewall", { api }, ({ model }) => model.rules.clear());
    assertEquals([closed.code, closed.lines.length], [1, 2]);
    const both = "in from node-2 (203.0.113.12) to node-1 and from node-1 (203.0.113.11) to node-2";
    assertStringIncludes(
      closed.lines[0] ?? "",
      `FAIL no rule lets UDP on port ${PORT} ${both}: add`,
    );
    if (api === "v2") {
      const command = "exo compute security-group rule add edge --protocol udp --port 12345 " +
        "--security-group edge";
      assert(closed.details.includes(command), closed.details.join("\n"));
    } else {
      assertMatch(closed.details.join("\n"), /^authorizeSecurityGroupIngress securitygroup/);
    }
    const partly = await linesOf("firewall", { api }, ({ model }) => {
      model.rules.set(GROUP, [{ ...OPEN, network: "203.0.113.12/32", group: undefined as never }]);
    });
    assertMatch(partly.lines.join("\n"), /in from node-1 .* to node-2.*\n.*in from node-3/);
    const quiet = await linesOf("firewall", { api }, ({ model }) => {
      model.rules.set(GROUP, [OPEN, { ...OPEN, direction: "egress", protocol: "tcp" }]);
    });
    assertMatch(quiet.lines[0] ?? "", /^FAIL the egress rules stop UDP on port 12345 from node-2/);
  });
}

Deno.test("--doctor reads the rules with the role that it recommends, and from the list", async () => {
  const roleFor = (peers: PeerSource, without = "") => {
    const purpose = { attaches: true, detaches: true, peers, elasticIps: [ELASTIC_IP] };
    const text = JSON.stringify(iamPolicy(purpose));
    return JSON.parse(text.replace(without, "")) as ReturnType<typeof iamPolicy>;
  };
  const some = { kind: "static", addresses: [] } as const;
  const group = { kind: "groups", groups: [GROUP] } as const;
  const source = ["-p", "203.0.113.12"];
  const open = ["ok the rules let UDP on port 12345 through to and from all peers"];
  const told = await linesOf("firewall", { source }, ({ model }) => model.role = roleFor(some));
  assertEquals(told.lines, open);
  const unread = ", 'get-security-group'";
  const { lines } = await linesOf("firewall", {}, ({ model }) => {
    model.role = roleFor(group, unread);
  });
  assertEquals(lines, open);
  const blind = await linesOf("firewall", { source }, ({ model }) => {
    model.role = roleFor(some, unread);
  });
  assertEquals(blind.lines, [
    "skip skipped: needs a key that may read security groups, see key",
  ]);
});

Deno.test("--doctor does not judge an instance without a security group", async () => {
  const { lines } = await linesOf("firewall", { source: ["-p", "203.0.113.12"] }, ({ peer }) => {
    peer.groups = [];
  });
  assertMatch(lines.join("\n"), /skip node-2 has no security group that could be looked at/);
});

Deno.test(
  "--doctor says who has the port",
  async () => {
    const openSocket = () => {
      throw new Deno.errors.PermissionDenied("permission denied");
    };
    const { code, lines } = await linesOf("port", { host: { openSocket } });
    assertMatch(
      lines[0] ?? "",
      /^FAIL UDP 0.0.0.0:12345: cannot bind: permission denied: stop who/,
    );
    assertEquals(code, 1);
  },
);

Deno.test("--doctor tells silent peers, those that do not hear us and wrong ones apart", async () => {
  const rows: [NonNullable<Faults["peers"]>[0], RegExp, number][] = [
    [
      "silent",
      /^warn node-2 \(203.0.113.12\) is silent: no watchdog runs there, its peers lack this/,
      0,
    ],
    [
      "not-hearing-us",
      /^FAIL node-2 \(203.0.113.12\) is heard and does not hear us: name this machine among its/,
      1,
    ],
    ["original", /^ok node-2 \(203.0.113.12\) is heard; it speaks the original's format/, 0],
    [
      { elasticIp: "198.51.100.9" },
      /^FAIL node-2 \(203.0.113.12\) watches 198.51.100.9, not 198.51/,
      1,
    ],
    [
      { id: "00000001-0000-4000-8000-0000000000ff" },
      /^FAIL node-2 \(203.0.113.12\) says that it is .*ff, the cloud .*02: correct/,
      1,
    ],
  ];
  await Promise.all(rows.map(async ([behaviour, line, wanted]) => {
    const { code, lines } = await linesOf("heartbeats", { peers: [behaviour, "answers"] });
    assertMatch(lines[0] ?? "", line);
    assertEquals([code, lines[1]], [wanted, "ok node-3 (203.0.113.13) answers: both ways work"]);
  }));
});

Deno.test("--doctor signs its heartbeats, and believes those who have its secret", async () => {
  const secret = "a secret of the tests", env = { IF_SHARED_SECRET: secret };
  const other = "another secret of tests";
  const rows: [Faults, RegExp, number][] = [
    [{ env, peersSecret: secret }, /^ok node-2 \(203.0.113.12\) answers: both ways work$/, 0],
    [
      { env, peersSecret: other },
      /^FAIL node-2 \(203.0.113.12\) signs with a shared secret that is not/,
      1,
    ],
    [{ env }, /^FAIL node-2 \(203.0.113.12\) does not sign its heartbeats, and we do/, 1],
    [
      { env, argv: ["--accept-unsigned"] },
      /^ok node-2 \(203.0.113.12\) answers: both ways work$/,
      0,
    ],
    [{ peersSecret: secret }, /^ok node-2 \(203.0.113.12\) answers: both ways work$/, 0],
    [
      { peersSecret: secret, peers: ["not-hearing-us", "not-hearing-us"] },
      /^FAIL node-2 \(203.0.113.12\) signs its heartbeats and does not hear us: give this machine the secret/,
      1,
    ],
  ];
  for (const [faults, line, wanted] of rows) {
    await using fixture = healthyFixture();
    const { code, of, sent } = await examine(fixture, faults);
    assertMatch(of("heartbeats")[0] ?? "", line);
    assertEquals(code, wanted, JSON.stringify(faults));
    const signed = sent.map(({ bytes }) => hasSignature(bytes));
    assertEquals(new Set(signed), new Set([faults.env !== undefined]), JSON.stringify(faults));
  }
});

Deno.test("--doctor does not judge peers that speak more seldom than it listens", async () => {
  const { code, lines } = await linesOf("heartbeats", {
    argv: ["-t", "60"],
    peers: ["silent", "answers"],
  });
  assertEquals([code, lines], [0, [
    "skip node-2 (203.0.113.12): 10 s are too short to tell with an interval of 60000 ms",
    "ok node-3 (203.0.113.13) answers: both ways work",
  ]]);
});

Deno.test(
  "--doctor sends nothing for an Elastic IP that this instance holds or may hold",
  async () => {
    await using holding = healthyFixture();
    holding.hold(holding.self);
    const held = await examine(holding, { peers: ["original", "silent"] });
    assertMatch(
      held.of("heartbeats")[0] ?? "",
      /^skip 198.51.100.50: only listened, this instance/,
    );
    assertEquals(held.of("heartbeats")[1], "ok node-2 (203.0.113.12) is heard");
    assertEquals(held.sent, []);
    await using dark = healthyFixture();
    const count = () => dark.server.calls.filter(({ what }) => what === "/elastic-ip").length;
    // The membership is known before the cloud fails.
    dark.server.fault = ({ what }) => what === "/elastic-ip" && count() > 2 ? "500" : null;
    const unknown = await examine(dark);
    assertMatch(unknown.of("heartbeats")[0] ?? "", /only listened, whether this .* is not known: /);
    assertEquals(unknown.sent, []);
  },
);

Deno.test("--doctor --json prints one object with all findings", async () => {
  await using fixture = healthyFixture();
  fixture.address.managed = true;
  const { code, lines } = await examine(fixture, { argv: ["--json"] });
  const told = JSON.parse(lines.join("\n"));
  assertEquals([code, told.ok], [1, false]);
  const failed = told.findings.filter(({ mark }: { mark: string }) => mark === "fail");
  assertEquals(failed.map(({ check }: { check: string }) => check), ["address"]);
  assertStringIncludes(failed[0].text, "is a managed Elastic IP");
  const marks = new Set(told.findings.map(({ mark }: { mark: string }) => mark));
  assertEquals([...marks].sort(), ["fail", "ok", "skip"]);
});

Deno.test("--doctor looks at each of several Elastic IPs", async () => {
  await using fixture = healthyFixture();
  const other = fixture.model.addAddress("198.51.100.60");
  other.holders.add(fixture.self.id);
  const { of, sent } = await examine(fixture, { argv: ["-xi", `${ELASTIC_IP}/5,${other.ip}`] });
  assertEquals(of("address").map((line) => line.split(" ").slice(0, 4).join(" ")), [
    "ok 198.51.100.50 exists and",
    "ok 198.51.100.50 is held",
    "ok 198.51.100.60 exists and",
    "ok 198.51.100.60 is held",
  ]);
  assertMatch(of("interface").join("\n"), /^ok 198.51.100.50 .*\nFAIL 198.51.100.60 is on no/);
  // Heartbeats are sent only for the address that this instance does not hold.
  assertEquals(new Set(sent.map(({ bytes }) => read(bytes).elasticIp)), new Set([ELASTIC_IP]));
  assertMatch(of("heartbeats").join("\n"), /^skip 198.51.100.60: only listened, this instance/);
});

Deno.test("--doctor with -A or -D looks at what these need", async () => {
  await using fixture = healthyFixture();
  const { code, lines, of } = await examine(fixture, { argv: ["-A"], source: [] });
  assertEquals([code, of("peers"), of("heartbeats")], [0, [], []], lines.join("\n"));
  assert(!lines.join("\n").includes("detach-instance"), lines.join("\n"));
});
