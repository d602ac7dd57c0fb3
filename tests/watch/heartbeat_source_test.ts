// The source address of heartbeats in the watchdog: what it passes to the socket, and what it logs.
import { assertEquals, assertMatch } from "@std/assert";
import { encode } from "../../src/core/heartbeat.ts";
import { QUIET_MS } from "../../src/log/rate_limited_log.ts";
import { likelyOwn, sourceLine } from "../../src/watch/heartbeat_source.ts";
import type { HeartbeatSource } from "../../src/world.ts";
import { PEER, PEER_ADDRESS, SimulatedMachine } from "../support/simulated_machine.ts";

Deno.test("sourceLine() says what is wrong, and when that ends", () => {
  assertEquals(sourceLine({ family: "IPv4", own: "203.0.113.11", trouble: "no: do" }), [
    "warning",
    "source",
    "IPv4 heartbeats do not leave from 203.0.113.11, where the peers know this instance: no: do; " +
    "peers refuse them unless the network translates their source",
  ]);
  assertMatch(
    sourceLine({ family: "IPv6", own: null, trouble: "none" })[2],
    /^IPv6 heartbeats do not leave: none; /,
  );
  assertEquals(sourceLine({ family: "IPv4", own: "203.0.113.11", trouble: null }), [
    "info",
    "source",
    "heartbeats leave from 203.0.113.11 again",
  ]);
});

Deno.test("likelyOwn() guesses the own address, and none where several are as likely", () => {
  const around = { elasticIps: ["198.51.100.50", "2001:db8:0:1:2::1"], named: [] as string[] };
  const lo = [
    { name: "lo", address: "127.0.0.1" },
    { name: "lo", address: "::1" },
    { name: "lo", address: "198.51.100.60" },
  ];
  const on = (...addresses: string[]) =>
    addresses.map((address, index) => ({ name: `eth${index}`, address }));
  const rows: ReadonlyArray<readonly [addresses: string[], named: string[], own: string[]]> = [
    [["203.0.113.11"], [], ["203.0.113.11"]],
    [["198.51.100.50", "203.0.113.11", "169.254.3.4", "fe80::1"], [], ["203.0.113.11"]],
    [["203.0.113.11", "10.0.0.1", "172.17.0.1", "192.168.1.1"], [], ["203.0.113.11"]],
    [["203.0.113.11", "100.64.0.1", "198.18.0.1"], [], ["203.0.113.11"]],
    [["203.0.113.11", "192.0.2.11"], [], []],
    [["203.0.113.11", "192.0.2.11"], ["192.0.2.11", "192.0.2.12"], ["192.0.2.11"]],
    [["10.0.0.1"], [], ["10.0.0.1"]],
    [["10.0.0.1", "172.31.0.1"], [], []],
    [["10.0.0.1", "172.32.0.1"], [], ["172.32.0.1"]],
    [["2001:DB8:0:0::11", "203.0.113.11"], [], ["203.0.113.11", "2001:db8::11"]],
    [["2001:db8::11", "fd00::11", "2001:db8:0:1:2::1"], [], ["2001:db8::11"]],
    [["2001:db8::11", "2001:db8::12"], [], []],
    // Peers in a private network, in another family, and in both networks.
    [["203.0.113.11", "10.0.0.1"], ["10.0.0.2"], ["10.0.0.1"]],
    [["203.0.113.11", "10.0.0.1"], ["10.0.0.1", "203.0.113.12"], []],
    [["203.0.113.11", "fd00::11"], ["fd00::12"], ["203.0.113.11", "fd00::11"]],
    [["203.0.113.11"], ["10.0.0.2"], ["203.0.113.11"]],
    [[], [], []],
  ];
  for (const [addresses, named, own] of rows) {
    const found = likelyOwn([...lo, ...on(...addresses)], { ...around, named });
    assertEquals(found, own, addresses.join());
  }
});

Deno.test("Watchdog tells the socket the addresses that the cloud knows, and says each change once a minute", async () => {
  const world = new SimulatedMachine();
  const told: { addresses: readonly string[]; report: (source: HeartbeatSource) => void }[] = [];
  world.socket.sendFrom = (addresses, report) => void told.push({ addresses, report });
  await world.pass(2_000);
  assertEquals(told.map(({ addresses }) => addresses), [["192.0.2.1"]]);
  const said = () => world.lines.filter((line) => / source: /.test(line));
  const [{ report }] = told as [typeof told[0]];
  for (let flap = 0; flap < 3; flap++) {
    report({ family: "IPv4", own: "192.0.2.1", trouble: "gone" });
    report({ family: "IPv4", own: "192.0.2.1", trouble: null });
  }
  assertEquals(said().length, 2, world.lines.join("\n"));
  assertMatch(said().join("\n"), /^2s warning source: .*: gone; .*\n2s info source: .* again$/);
  await world.pass(QUIET_MS + 2_000);
  assertMatch(said().at(-1) ?? "", /\(2 more within [^)]+\)$/);
  assertEquals(said().length, 4);
  world.tell("stop");
  world.tell("stop");
  await world.pass(60_000);
});

Deno.test("Watchdog says how a refused heartbeat came: from the Elastic IP, or from elsewhere with a peer's id", async () => {
  const world = new SimulatedMachine();
  await world.pass(2_000);
  const { elasticIp } = world.watchdog.watches[0]!.node.election.settings;
  const hear = (from: string, id: string) =>
    world.socket.receive({
      bytes: encode({ priority: 20, elasticIp, id, trailer: null }),
      from,
      fromPort: 4_242,
    });
  hear(elasticIp, PEER);
  // A report without a cause does not suppress a later one with a cause.
  hear("10.0.0.2", "00000001-0000-4000-8000-0000000000ff");
  hear("10.0.0.2", PEER);
  hear("10.0.0.2", PEER);
  await world.pass(100);
  const lines = world.lines.filter((line) => / refused: /.test(line))
    .map((line) => line.replace(/^.*? refused: /, ""));
  assertEquals(lines, [
    `datagram from ${elasticIp}: unknown-source: it comes from the Elastic IP itself, which the ` +
    "routes of its sender choose as source: run --doctor there",
    "datagram from 10.0.0.2: unknown-source",
    `datagram from 10.0.0.2: unknown-source: it says that it is ${PEER_ADDRESS}, whose ` +
    "heartbeats must come from there: run --doctor there",
  ]);
  world.tell("stop");
  world.tell("stop");
  await world.pass(60_000);
});
