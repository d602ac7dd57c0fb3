// IPv6: addresses as text and bytes, heartbeats for an IPv6 Elastic IP, and one socket for both families.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { readValues } from "../../src/options/parse.ts";
import { configure } from "../../src/config/config.ts";
import { decode, encode, type Heartbeat, standInFor } from "../../src/core/heartbeat.ts";
import { formatIpv6, parseIpv6 } from "../../src/core/ip.ts";
import { openSocket } from "../../src/host/udp_socket.ts";
import type { Datagram } from "../../src/world.ts";
import { HEALTHY_TRAILER } from "../support/node_settings.ts";
import { freeUdpPort } from "../support/ports.ts";
import fc from "../support/fast_check.ts";

Deno.test("formatIpv6() and parseIpv6() agree with the runtime's URL parser on every address", () => {
  const bytes = fc.array(fc.constantFrom(0, 0, 1, 171, 255), { minLength: 16, maxLength: 16 });
  fc.assert(fc.property(bytes, (list) => {
    const address = Uint8Array.from(list);
    const text = formatIpv6(address);
    assertEquals(`[${text}]`, new URL(`http://[${text}]/`).hostname);
    assertEquals(parseIpv6(text), address);
  }));
});

Deno.test("parseIpv6() reads what the runtime's URL parser reads, and refuses what it refuses", () => {
  const unit = fc.constantFrom("0", "1", "f", "F", "c0a8", ":", "::", ".", "1.2.3.4", "g");
  const text = fc.string({ unit });
  const plausible = fc.array(fc.constantFrom("0", "1f", "FFFF", "12345", "", "1.2.3.4", "1.2.3"), {
    minLength: 1,
    maxLength: 9,
  }).map((groups) => groups.join(":"));
  fc.assert(
    fc.property(fc.oneof(text, plausible), (some) => {
      const known = URL.canParse(`http://[${some}]/`) && some !== "";
      assertEquals(parseIpv6(some) !== null, known, some);
      if (!known) return;
      assertEquals(`[${formatIpv6(parseIpv6(some) ?? new Uint8Array())}]`, hostOf(some));
    }),
    { numRuns: 3_000 },
  );
});

const hostOf = (text: string) => new URL(`http://[${text}]/`).hostname;

const ID = "3f8a2b64-9c1d-4e7f-a5b0-6d2c8e4f1a93";
const LONG = "2001:db8:0:1:2::1";
const TRAILER = { ...HEALTHY_TRAILER, holds: true, sequence: 1 };
const HEARTBEAT: Heartbeat = { priority: 10, elasticIp: LONG, id: ID, trailer: TRAILER };

Deno.test("encode() carries an IPv6 address behind the sequence, and a stand-in in the original's place", () => {
  const bytes = encode(HEARTBEAT);
  assertEquals(bytes.length, 56);
  assertEquals(bytes[4], 240);
  assertEquals(encodeHex(bytes.subarray(40)), "20010db8000000010002000000000001");
  assertEquals(decode(bytes), HEARTBEAT);
});

Deno.test("decode() refuses an IPv6 address that its stand-in does not stand for", () => {
  const bytes = encode(HEARTBEAT);
  bytes[55] = 2;
  assertEquals(decode(bytes), { refused: "address-mismatch" });
});

Deno.test("standInFor() tells addresses of one prefix apart", () => {
  const of = (text: string) => [...standInFor(parseIpv6(text) ?? new Uint8Array())];
  assert(`${of("2001:db8::1")}` !== `${of("2001:db8::2")}`);
  assertEquals(of("2001:db8::1")[0], 240);
});

Deno.test("standInFor() gives the known bytes for each of these addresses", () => {
  // FNV-1a of the 16 bytes, its upper 8 bits folded into the lower 24; computed by another program.
  const rows: ReadonlyArray<readonly [text: string, bytes: readonly number[]]> = [
    ["::", [240, 105, 25, 108]],
    ["2001:db8::1", [240, 91, 4, 154]],
    ["2001:db8:0:1:2::1", [240, 189, 1, 170]],
    ["2a04:c43:e00:1::b", [240, 43, 144, 100]],
    ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", [240, 7, 121, 195]],
  ];
  for (const [text, bytes] of rows) {
    assertEquals([...standInFor(parseIpv6(text) ?? new Uint8Array())], bytes, text);
  }
});

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

Deno.test({
  name: "openSocket() on [::] hears and answers both families",
  ignore: !Deno.networkInterfaces().some(({ address }) => address === "::1"),
  async fn() {
    const port = freeUdpPort("::");
    const socket = openSocket("::", port);
    const heard: Datagram[] = [];
    const listening = (async () => {
      for await (const datagram of socket) {
        heard.push({ ...datagram, bytes: datagram.bytes.slice() });
        socket.send(datagram.bytes, datagram.from, datagram.fromPort);
      }
    })();
    for (const [local, target] of [["127.0.0.1", "127.0.0.1"], ["::1", "::1"]] as const) {
      const socket = Deno.listenDatagram({ transport: "udp", hostname: local, port: 0 });
      await socket.send(Uint8Array.of(7), { transport: "udp", hostname: target, port });
      const [bytes] = await socket.receive();
      assertEquals([...bytes], [7]);
      socket.close();
    }
    await socket.close();
    await listening;
    assertEquals(heard.map(({ from }) => from), ["127.0.0.1", "::1"]);
    assert(socket.localAddresses.includes("::1") && socket.localAddresses.includes("127.0.0.1"));
  },
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
