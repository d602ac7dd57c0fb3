// --doctor and private networks: whether this instance and its peers can use them.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { iamPolicy } from "../../src/exoscale/iam_policy.ts";
import { type CloudFixture, ELASTIC_IP } from "../support/cloud/cloud_fixture.ts";
import { examine, healthyFixture } from "./examination.ts";
import { MemorySocket } from "../support/memory_socket.ts";

/** A zone with all machines in the network `backend`, and the addresses of this one. */
function zone() {
  const fixture = healthyFixture(), { model, self, peer, third } = fixture;
  const network = model.addNetwork("backend");
  for (const [index, each] of [self, peer, third].entries()) {
    model.join(network, each, `10.0.0.${11 + index}`);
  }
  return { fixture, network };
}

function look(
  fixture: CloudFixture,
  { networks = ["public,backend"], inside = "10.0.0.11" }: {
    networks?: string[];
    inside?: string | null;
  } = {},
) {
  const own = inside === null ? [] : [{ name: "eth1", address: inside }];
  const interfaces = () => [
    { name: "lo", address: ELASTIC_IP },
    { name: "eth0", address: fixture.self.address },
    ...own,
  ];
  const argv = networks.flatMap((each) => ["--heartbeat-network", each]);
  return examine(fixture, { argv, host: { interfaces } });
}

Deno.test("--doctor says where this instance is in a private network, and with how many peers", async () => {
  const { fixture } = zone();
  await using _ = fixture;
  const { code, of } = await look(fixture);
  assertEquals(of("network"), [
    "ok backend: this instance is 10.0.0.11 on eth1, 2 of 2 peers have an address there; " +
    "security groups do not apply there",
  ]);
  assertEquals(of("peers"), [
    "ok 2 found: node-2 (203.0.113.12, backend 10.0.0.12), node-3 (203.0.113.13, backend 10.0.0.13)",
  ]);
  assertEquals(of("source"), [
    "ok IPv4 heartbeats leave from 203.0.113.11",
    "ok IPv4 heartbeats leave from 10.0.0.11",
  ]);
  assertEquals(code, 0);
});

Deno.test("--doctor says nothing of private networks where none is used", async () => {
  const { fixture } = zone();
  await using _ = fixture;
  assertEquals((await look(fixture, { networks: [] })).of("network"), []);
});

Deno.test("--doctor says what is missing in a private network", async () => {
  const { fixture, network } = zone();
  await using _ = fixture;
  const { self, third } = fixture;
  const away = await look(fixture, { inside: null });
  assertMatch(away.of("network")[0] ?? "", /^FAIL backend: no interface .* has 10\.0\.0\.11/);
  assertEquals(away.code, 1);
  network.leases.delete(third.id);
  const lost = await look(fixture);
  assertMatch(
    lost.of("network")[1] ?? "",
    /^warn backend: no address there for 00000001-.*3 \(203/,
  );
  assertEquals(lost.code, 0);
  network.leases.delete(self.id);
  const leaseless = await look(fixture);
  assertMatch(leaseless.of("network")[0] ?? "", /^FAIL backend: the network has no lease for this/);
  network.leases.clear();
  network.managed = true;
  assertMatch(
    (await look(fixture)).of("network")[0] ?? "",
    /^FAIL neither this instance nor a peer/,
  );
  network.managed = false;
  assertMatch(
    (await look(fixture)).of("peers")[0] ?? "",
    /^FAIL the private network backend .* no DHCP/,
  );
  network.managed = true;
  network.attached.delete(self.id);
  assertMatch(
    (await look(fixture)).of("peers")[0] ?? "",
    /^FAIL this instance is not in the private/,
  );
});

Deno.test("--doctor does not look for firewall rules in a private network alone", async () => {
  const { fixture } = zone();
  await using _ = fixture;
  fixture.model.rules.clear();
  const { of } = await look(fixture, { networks: ["backend"] });
  assertEquals(of("firewall"), ["ok security groups do not apply to private networks"]);
  const both = await look(fixture);
  assert(
    both.of("firewall").every((line) => !line.includes("10.0.0.")),
    both.of("firewall").join(),
  );
  assertMatch(both.of("firewall")[0] ?? "", /^FAIL no rule lets UDP on port 12345 in from/);
});

Deno.test("--doctor speaks to private peers from the private address", async () => {
  const { fixture } = zone();
  await using _ = fixture;
  const sources = new Map<string, unknown>();
  const socket = new MemorySocket();
  const { send } = socket;
  socket.send = (bytes, to, port, source?: string | null) => {
    sources.set(to, source);
    send.call(socket, bytes, to, port);
  };
  const interfaces = () => [
    { name: "eth0", address: fixture.self.address },
    { name: "eth1", address: "10.0.0.11" },
  ];
  await examine(fixture, {
    argv: ["--heartbeat-network", "public,backend"],
    host: { interfaces, openSocket: (_, port) => port === 0 ? new MemorySocket() : socket },
  });
  assertEquals([sources.get("10.0.0.12"), sources.get("203.0.113.12")], ["10.0.0.11", undefined]);
});

Deno.test("--doctor names the rights that private networks need", async () => {
  const { fixture } = zone();
  await using _ = fixture;
  const role = (heartbeatNetworks: string[]) =>
    iamPolicy({
      attaches: true,
      detaches: true,
      peers: { kind: "groups", groups: ["edge"] },
      heartbeatNetworks,
      elasticIps: ["198.51.100.50"],
    });
  fixture.model.role = role(["public", "backend"]);
  assertMatch(
    (await look(fixture)).of("key")[0] ?? "",
    /list-private-networks, get-private-network/,
  );
  fixture.model.role = role(["public"]);
  assertMatch((await look(fixture)).of("key").join("\n"), /FAIL .*private-network/);
});
