// Security-group rules, one by one.
import { assertEquals } from "@std/assert";
import {
  type Group,
  letsIn,
  letsOut,
  openingCommand,
  type Party,
  type Rule,
} from "../../src/doctor/rules.ts";

const INGRESS: Rule = {
  direction: "ingress",
  protocol: "udp",
  ports: [12_345, 12_345],
  network: "0.0.0.0/0",
  group: null,
};

function group(key: string, rules: readonly Rule[] = [], externalSources: string[] = []): Group {
  return { key, name: key, rules, externalSources };
}

function party(address: string, groups: readonly Group[]): Party {
  return { name: address, address, groups };
}

Deno.test("letsIn() wants protocol, port and source of one ingress rule of any group", () => {
  const from = party("203.0.113.9", [group("edge")]);
  const rows: [Partial<Rule>, boolean][] = [
    [{}, true],
    [{ ports: [1, 65_535] }, true],
    [{ ports: null }, true],
    [{ ports: [12_346, 65_535] }, false],
    [{ ports: [1, 12_344] }, false],
    [{ protocol: "tcp" }, false],
    [{ protocol: "all" }, true],
    [{ direction: "egress" }, false],
    [{ network: "198.51.100.0/24" }, false],
    [{ network: null, group: "edge" }, true],
    [{ network: null, group: "other" }, false],
    [{ network: null }, false],
  ];
  for (const [change, open] of rows) {
    const to = party("203.0.113.8", [group("bare"), group("main", [{ ...INGRESS, ...change }])]);
    assertEquals(letsIn({ from, to, port: 12_345 }, to.groups), open, JSON.stringify(change));
  }
});

Deno.test("letsIn() counts the external sources of a group as its members", () => {
  const outside = group("outside", [], ["203.0.113.9/32"]);
  const to = party("203.0.113.8", [
    group("main", [{ ...INGRESS, network: null, group: "outside" }]),
  ]);
  for (const [address, open] of [["203.0.113.9", true], ["203.0.113.7", false]] as const) {
    const from = party(address, []);
    assertEquals(letsIn({ from, to, port: 12_345 }, [...to.groups, outside]), open);
  }
});

Deno.test("letsOut() allows everything until one egress rule is there", () => {
  const to = party("203.0.113.8", [group("edge")]);
  const out = (...rules: Rule[]) =>
    letsOut({ from: party("203.0.113.9", [group("edge", rules)]), to, port: 12_345 }, to.groups);
  assertEquals(out(), true);
  assertEquals(out(INGRESS), true);
  assertEquals(out({ ...INGRESS, direction: "egress", protocol: "tcp" }), false);
  assertEquals(out({ ...INGRESS, direction: "egress" }), true);
});

Deno.test("openingCommand() opens a shared group for its members, else for the one address", () => {
  const edge = group("edge"), web = group("web"), odd = { ...group("4711"), name: "my group's" };
  const from = (address: string, ...groups: Group[]) => party(address, groups);
  const command = (sender: Party, ...groups: Group[]) =>
    openingCommand({ from: sender, to: party("203.0.113.8", groups), port: 12_345 });
  const begin = "exo compute security-group rule add";
  assertEquals(
    command(from("203.0.113.9", edge), web, edge),
    `${begin} edge --protocol udp --port 12345 --security-group edge`,
  );
  assertEquals(
    command(from("203.0.113.9", edge), web),
    `${begin} web --protocol udp --port 12345 --network 203.0.113.9/32`,
  );
  assertEquals(
    command(from("2001:db8::9"), web),
    `${begin} web --protocol udp --port 12345 --network 2001:db8::9/128`,
  );
  // A name that a shell would split is replaced by its id.
  assertEquals(
    command(from("203.0.113.9", odd), odd),
    `${begin} 4711 --protocol udp --port 12345 --security-group 4711`,
  );
  assertEquals(command(from("203.0.113.9", edge)), null);
});
