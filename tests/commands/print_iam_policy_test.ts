// --print-iam-policy: the policy is enough for a whole failover, and no part of it is superfluous.
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import { type IamPolicy, OPTIONAL_OPERATIONS } from "../../src/exoscale/iam_policy.ts";
import type { PeerSource } from "../../src/exoscale/peer_source.ts";
import { associate } from "../../src/commands/associate.ts";
import { allows, operationOf } from "../support/cloud/role.ts";
import { CloudFixture, ELASTIC_IP, GROUP, PATIENT } from "../support/cloud/cloud_fixture.ts";
import { run } from "../support/fake_host.ts";

/** Id of the first private network. */
const NETWORK = "00000008-0000-4000-8000-000000000001";

async function policyFor(argv: readonly string[]): Promise<IamPolicy> {
  const { code, out, calls } = await run(["--print-iam-policy", ...argv], { env: {} });
  assertEquals([code, out.length, calls], [0, 1, []]);
  return JSON.parse(out[0] ?? "");
}

/** The policy without one operation. */
function without(policy: IamPolicy, operation: string): IamPolicy {
  const text = JSON.stringify(policy).replace(`'${operation}', `, "").replace(
    `, '${operation}'`,
    "",
  )
    .replace(`['${operation}']`, "['']");
  assert(!text.includes(`'${operation}'`));
  return JSON.parse(text);
}

function operationsOf(policy: IamPolicy): string[] {
  const words = JSON.stringify(policy).matchAll(/'([a-z-]+)'/g);
  return [...words].map(([, word = ""]) => word);
}

/** All calls of a watchdog from its start to a handover; the peer holds and is dead. */
async function failOver(
  fixture: CloudFixture,
  peers: PeerSource,
  heartbeatNetworks: readonly string[] = ["public"],
): Promise<void> {
  const { self, peer } = fixture;
  const cloud = fixture.cloud("v2", { peers, heartbeatNetworks });
  await cloud.prepare(PATIENT);
  assertEquals((await cloud.members(PATIENT)).peers[0]?.instanceId, peer.id);
  await cloud.attach(PATIENT);
  assertEquals((await cloud.look({ others: true }, PATIENT)).others?.length, 1);
  assertEquals(await cloud.evict(peer.id, { onlyIfStopped: false }, PATIENT), "taken");
  assertEquals(await cloud.inspect(self.id, PATIENT), true);
  await cloud.detachSelf(PATIENT);
  assertEquals(fixture.holders, []);
}

/** A fixture in which the peer holds; the role is that policy. */
function fixtureWith(role: IamPolicy): CloudFixture {
  const fixture = new CloudFixture();
  const { self, peer, third, model } = fixture;
  model.role = role;
  model.addAddress("198.51.100.51");
  fixture.pool("c0ffee00-1234-4abc-8def-5566778899aa", [self, peer]);
  third.groups = ["other"];
  const network = model.addNetwork("backend");
  model.join(network, self, "10.0.0.11");
  model.join(network, peer, "10.0.0.12");
  fixture.hold(peer);
  return fixture;
}

const WATCHES: ReadonlyArray<readonly [what: string, argv: string[], PeerSource, string[]?]> = [
  ["discovered", [], { kind: "discovery" }],
  ["in a group", ["-G", GROUP], { kind: "groups", groups: [GROUP] }],
  ["given by address", ["-p", "203.0.113.12"], { kind: "static", addresses: ["203.0.113.12"] }],
  ["given by private address", ["-p", "10.0.0.12"], { kind: "static", addresses: ["10.0.0.12"] }],
  [
    "in a private network by name",
    ["--heartbeat-network", "public,backend"],
    { kind: "discovery" },
    [
      "public",
      "backend",
    ],
  ],
  ["in a private network by id", ["--heartbeat-network", NETWORK], { kind: "discovery" }, [
    NETWORK,
  ]],
];

for (const [what, argv, peers, networks] of WATCHES) {
  const options = ["-W", "-xi", ELASTIC_IP, ...argv];

  Deno.test(`--print-iam-policy allows a whole fail-over, with peers ${what}`, async () => {
    await using fixture = fixtureWith(await policyFor(options));
    await failOver(fixture, peers, networks);
  });

  Deno.test(`--print-iam-policy has nothing to spare but what it says, with peers ${what}`, async () => {
    const policy = await policyFor(options);
    const operations = operationsOf(policy);
    assert(operations.length >= 7, operations.join());
    for (const operation of operations) {
      await using fixture = fixtureWith(without(policy, operation));
      if (operation in OPTIONAL_OPERATIONS) await failOver(fixture, peers, networks);
      else {
        const error = await assertRejects(() => failOver(fixture, peers, networks), CloudError);
        assertEquals(error.kind, "forbidden", operation);
      }
    }
  });
}

for (
  const [flag, mode, change] of [
    ["-A", "associate", "attach-instance-to-elastic-ip"],
    ["-D", "dissociate", "detach-instance-from-elastic-ip"],
  ] as const
) {
  Deno.test(`--print-iam-policy with ${flag} allows that alone, and no operation less`, async () => {
    const policy = await policyFor([flag, "-xi", ELASTIC_IP]);
    const operations = operationsOf(policy);
    const needed = operations.filter((operation) => !(operation in OPTIONAL_OPERATIONS));
    assertEquals(needed, ["list-elastic-ips", "get-instance", change]);
    for (const spared of ["", ...operations]) {
      await using fixture = fixtureWith(spared === "" ? policy : without(policy, spared));
      fixture.hold(...flag === "-D" ? [fixture.self] : []);
      const code = await associate(mode, {
        cloud: fixture.cloud("v2"),
        clock: fixture.clock,
        log: { write() {} },
        signal: PATIENT,
        elasticIp: ELASTIC_IP,
      });
      assertEquals(code, needed.includes(spared) ? 1 : 0, `without ${spared}`);
    }
  });
}

Deno.test("--print-iam-policy of a shadow allows only readings", async () => {
  const argv = ["-W", "--shadow", "-xi", ELASTIC_IP, "-p", "203.0.113.12"];
  const policy = await policyFor(argv);
  assertEquals(operationsOf(policy).filter((each) => !/^(get|list)-/.test(each)), []);
  const operations = operationsOf(await policyFor(argv.filter((word) => word !== "--shadow")));
  assertEquals(operations.filter((each) => !operationsOf(policy).includes(each)), [
    "attach-instance-to-elastic-ip",
    "detach-instance-from-elastic-ip",
  ]);
  const { code, err } = await run(
    ["--print-iam-policy", "-A", "--shadow", "-xi", ELASTIC_IP],
    { env: {} },
  );
  assertEquals([code, err], [1, ["exoip: --shadow (IF_SHADOW): goes with -W only"]]);
});

Deno.test("--print-iam-policy lets no other Elastic IP be moved", async () => {
  await using fixture = fixtureWith(await policyFor(["-W", "-xi", ELASTIC_IP]));
  const cloud = fixture.cloud("v2", { elasticIp: "198.51.100.51" });
  await cloud.prepare(PATIENT);
  const error = await assertRejects(() => cloud.attach(PATIENT), CloudError);
  assertEquals(error.kind, "forbidden");
});

Deno.test("--print-iam-policy names all Elastic IPs, and joins the modes that are given", async () => {
  const [, both] = (await policyFor(["-A", "-D", "-xi", ELASTIC_IP])).services.compute?.rules ?? [];
  assertEquals(
    both?.expression,
    "operation in ['attach-instance-to-elastic-ip', 'detach-instance-from-elastic-ip'] && " +
      `resources.elastic_ip.ip in ['${ELASTIC_IP}']`,
  );
  const two = await policyFor(["-xi", `${ELASTIC_IP}/10,198.51.100.51`]);
  assertStringIncludes(JSON.stringify(two), `ip in ['${ELASTIC_IP}', '198.51.100.51']`);
  assertStringIncludes(JSON.stringify(two), "list-instances");
});

Deno.test("--print-iam-policy says what is optional, and what it cannot do", async () => {
  const { err } = await run(["--print-iam-policy", "-xi", ELASTIC_IP], { env: {} });
  assertEquals(err.map((line) => line.split(" ")[1]), Object.keys(OPTIONAL_OPERATIONS));
  const rows: ReadonlyArray<readonly [argv: string[], problem: RegExp]> = [
    [[], /^exoip: -xi \(IF_ADDRESS\): the Elastic IP is missing$/],
    [["-xi", "web"], /^exoip: -xi .*: the policy needs the address instead of "web"$/],
    [["-xi", ELASTIC_IP, "--api", "v1"], /^exoip: --api .*API v1, which is switched off/],
    [["-xi", ELASTIC_IP, "-xe", "https://c.test/v1"], /^exoip: --api .*: only API v2 knows/],
    [["-xi", ELASTIC_IP, "-p", "?"], /^exoip: -p /],
  ];
  for (const [argv, problem] of rows) {
    const trace = await run(["--print-iam-policy", ...argv], { env: {} });
    assertEquals([trace.code, trace.out, trace.err.length], [1, [], 1], argv.join(" "));
    assertMatch(trace.err[0] ?? "", problem);
  }
});

Deno.test("the policy in docs is the one that its command prints", async () => {
  const page = Deno.readTextFileSync(new URL("../../docs/reference/cloud.md", import.meta.url));
  const [, command = ""] = /exoip --print-iam-policy (.*?) \|/.exec(page) ?? [];
  const [, block = ""] = /```json\n(\{\s+"default-service-strategy".*?)```/s.exec(page) ?? [];
  assertEquals(JSON.parse(block), await policyFor(command.split(" ")));
});

Deno.test("the simulated role denies what no rule allows, and what it cannot evaluate", () => {
  const rules = (...expressions: string[]): IamPolicy => ({
    "default-service-strategy": "allow",
    services: {
      compute: {
        type: "rules",
        rules: expressions.map((expression) => ({
          action: expression.startsWith("!") ? "deny" : "allow",
          expression: expression.replace("!", ""),
        })),
      },
    },
  });
  const get = { operation: "get-instance", elasticIp: null };
  const attach = { operation: "attach-instance-to-elastic-ip", elasticIp: ELASTIC_IP };
  const some = "operation in ['get-instance', 'attach-instance-to-elastic-ip']";
  const ours = `${some} && resources.elastic_ip.ip in ['${ELASTIC_IP}']`;
  assertEquals([allows(rules(), get), allows(rules(some), get)], [false, true]);
  assertEquals([allows(rules(ours), get), allows(rules(ours), attach)], [false, true]);
  assertEquals(allows(rules(`!${some}`, some), get), false);
  assertEquals([allows(rules("true"), get), allows(rules("operation in []"), get)], [false, false]);
  assertEquals(operationOf("PUT", "/elastic-ip/1-2:attach"), "attach-instance-to-elastic-ip");
  assertEquals([operationOf("GET", "/instance"), operationOf("GET", "/instance/1")], [
    "list-instances",
    "get-instance",
  ]);
});
