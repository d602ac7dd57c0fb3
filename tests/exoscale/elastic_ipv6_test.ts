// An Elastic IPv6 is a whole /96: all of its texts mean the same one, and requests use the cloud's own text.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { readValues } from "../../src/options/parse.ts";
import { configure } from "../../src/config/config.ts";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import { endsStart } from "./complaint.ts";
import { CloudFixture, PATIENT } from "../support/cloud/cloud_fixture.ts";
import { run } from "../support/fake_host.ts";

const LONG = "2001:db8:0:1:2::1";
/** Texts that a user or the cloud may write. */
const TEXTS = [
  LONG,
  "2001:db8:0:1:2::/96",
  "2001:db8:0:1:2::1/96",
  "2001:db8:0:1:2::abcd",
  "2001:DB8:0:1:2:0:0:1",
  "2001:0db8:0000:0001:0002:0000:0000:0001",
];

Deno.test("-xi takes every text of it", () => {
  for (const text of TEXTS) {
    const argv = ["-A", "-xk", "k", "-xs", "s", "-xi", text];
    const outcome = configure(readValues(argv, {}), {});
    assert(!("problems" in outcome), text);
    assertEquals(outcome.elasticIps, [{ elasticIp: LONG, priority: null }], text);
  }
});

/** A cloud that writes the address in that form, and machines with or without IPv6. */
function longFixture(text: string, dual = true) {
  const fixture = new CloudFixture();
  const address = fixture.model.addAddress(text);
  for (const machine of [fixture.self, fixture.peer]) machine.dual = dual;
  return { fixture, address, cloud: fixture.cloud("v2", { elasticIp: LONG }) };
}

for (const text of TEXTS.filter((each) => !each.includes("/"))) {
  Deno.test(`CloudV2 finds holders of an Elastic IP that the cloud writes as ${text}`, async () => {
    const { fixture, address, cloud } = longFixture(text);
    await using _ = fixture;
    await cloud.prepare(PATIENT);
    address.holders.add(fixture.peer.id);
    const { others } = await cloud.look({ others: true }, PATIENT);
    assertEquals(others, [{ instanceId: fixture.peer.id, name: fixture.peer.name, off: false }]);
    await cloud.attach(PATIENT);
    assert(address.holders.has(fixture.self.id));
  });
}

Deno.test("CloudV2 refuses an Elastic IPv6 for an instance without IPv6, and tells the cure", async () => {
  for (
    const [where, cure] of [["203.0.113.11", /exo api update-instance \S+ 'public-ip-as/], [
      "",
      /private/,
    ]] as const
  ) {
    const { fixture, address, cloud } = longFixture(LONG, false);
    await using _ = fixture;
    Object.assign(fixture.self, { address: where });
    const error = await assertRejects(() => cloud.prepare(PATIENT), CloudError);
    assertEquals([error.kind, endsStart(error)], ["no-ipv6", true]);
    // An instance that still holds it can be told to give it up.
    address.holders.add(fixture.self.id);
    await cloud.prepare(PATIENT);
    await cloud.detachSelf(PATIENT);
    assertEquals([...address.holders], []);
    assertMatch(error.message, cure);
  }
  await using plain = new CloudFixture();
  await plain.cloud("v2").prepare(PATIENT);
});

Deno.test("--print-iam-policy names an Elastic IPv6 in both spellings, and warns of more", async () => {
  const policy = async (text: string) => {
    const { out, err } = await run(["--print-iam-policy", "-xi", text], { env: {} });
    const [, list = ""] = /resources\.elastic_ip\.ip in \[(.*?)\]/.exec(out.join("\n")) ?? [];
    return { list, err };
  };
  assertEquals((await policy("198.51.100.50")).list, "'198.51.100.50'");
  assertEquals((await policy("2001:db8:0:1:2::/96")).list, `'${LONG}'`);
  const { list, err } = await policy("2001:DB8:0:1:2:0:0:1");
  assertEquals(list, `'${LONG}', '2001:DB8:0:1:2:0:0:1'`);
  assertMatch(err[0] ?? "", /a policy compares text/);
});

const PREFIXES: readonly (readonly [xi: string, refused: boolean])[] = [
  ["198.51.100.50/24", true],
  ["198.51.100.50/32", true],
  ["198.51.100.50/8", true],
  ["198.51.100.50/255.255.255.0", true],
  ["198.51.100.50/7", false],
  ["198.51.100.50/33", false],
  ["198.51.100.50/100", false],
  ["198.51.100.50/24,198.51.100.51/24", true],
  ["198.51.100.50/10,198.51.100.51/20", false],
  ["198.51.100.50/10,198.51.100.51", false],
  ["198.51.100.50/20,198.51.100.51/32", true],
  ["2001:db8::1/64", true],
  ["2001:db8::1/128", true],
  ["2001:db8::1/10", false],
  ["web/24", false],
];

for (const [xi, refused] of PREFIXES) {
  Deno.test(`-xi ${xi} is ${refused ? "refused" : "taken"}`, () => {
    const argv = ["-W", "-p", "192.0.2.2", "-xk", "k", "-xs", "s", "-xi", xi];
    const outcome = configure(readValues(argv, {}), {});
    const [problem = ""] = "problems" in outcome ? outcome.problems : [];
    assertEquals(problem !== "", refused, problem);
    if (refused) {
      assertMatch(problem, /^-xi \(IF_ADDRESS\): .*(-P \d+ \(IF_HOST_P|a netmask is not)/);
    }
  });
}
