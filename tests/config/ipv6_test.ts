// IPv6 in the configuration: where it is taken, and where there is no room for it.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { configure } from "../../src/config/config.ts";
import { readValues } from "../../src/options/parse.ts";

const LONG = "2001:db8:0:1:2::1";

Deno.test("configure() takes IPv6 for the Elastic IP, the peers and the socket", () => {
  const argv = ["-W", "-xk", "k", "-xs", "s", "-xi", `2001:DB8:0:1:2:0:0:1/20`, "-l", "[::]:999"];
  const config = configure(readValues([...argv, "-p", "2001:db8::7,[2001:db8::8]"], {}), {});
  assert(!("problems" in config), JSON.stringify(config));
  assertEquals(config.elasticIps, [{ elasticIp: LONG, priority: 20 }]);
  assertEquals(config.listen, { hostname: "::", port: 999 });
  assertEquals(config.peers, { kind: "static", addresses: ["2001:db8::7", "2001:db8::8"] });
});

Deno.test("configure() refuses IPv6 where the original's bytes or API v1 have no room for it", () => {
  const argv = ["-W", "-p", "192.0.2.2", "-xk", "k", "-xs", "s", "-xi", LONG];
  const rows: ReadonlyArray<readonly [more: string[], problem: RegExp]> = [
    [
      ["--heartbeat-format", "original"],
      /^--heartbeat-format \(IF_HEARTBEAT_FORMAT\): the original's 24 bytes have no room for 2001:/,
    ],
    [
      ["-xe", "https://c.test/compute"],
      /^-xi \(IF_ADDRESS\): 2001:db8:0:1:2::1: API v1 has no IPv6 Elastic IPs$/,
    ],
  ];
  for (const [more, problem] of rows) {
    const outcome = configure(readValues([...argv, ...more], {}), {});
    assert("problems" in outcome);
    assertMatch(outcome.problems.join("\n"), problem);
  }
});

Deno.test("configure() refuses peers of a family that the socket does not speak, and prefix lengths", () => {
  const argv = ["-W", "-xk", "k", "-xs", "s", "-xi", LONG];
  const rows: ReadonlyArray<readonly [more: string[], problem: RegExp]> = [
    [["-p", "2001:db8::7"], /^-p .*: 2001:db8::7 is IPv6, but -l .* give it \[::\]:PORT$/],
    [["-p", "192.0.2.7", "-l", "[::1]:99"], /^-p .*: 192\.0\.2\.7 is IPv4, but -l /],
    [["-p", "192.0.2.7", "-xi", "198.51.100.50/32"], /is a priority, not a prefix length/],
    [["-p", "192.0.2.7", "-xi", `${LONG}/64`], /is a priority, not a prefix length/],
    [["-p", "192.0.2.7", "-xi", `${LONG},2001:db8:0:1:2::/96`], /2001:db8:0:1:2::1 is given twice/],
  ];
  for (const [more, problem] of rows) {
    const outcome = configure(readValues([...argv, ...more], {}), {});
    assert("problems" in outcome, more.join(" "));
    assertMatch(outcome.problems.join("\n"), problem);
  }
});
