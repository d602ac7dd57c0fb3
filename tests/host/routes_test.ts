// The default gateway, from the kernel's table and from `ip route`.
import { assert, assertEquals } from "@std/assert";
import { isIpv4 } from "../../src/core/ip.ts";
import { gatewayFromIpRoute, gatewayFromTable } from "../../src/host/routes.ts";
import fc from "../support/fast_check.ts";

const HEAD =
  "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
const LOCAL = "eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n";
const route = (gateway: string, { flags = "0003", metric = "100", mask = "00000000" } = {}) =>
  `eth0\t00000000\t${gateway}\t${flags}\t0\t0\t${metric}\t${mask}\t0\t0\t0\n`;

Deno.test("gatewayFromTable() finds the default route, in the machine's byte order", () => {
  const rows: ReadonlyArray<readonly [title: string, text: string, gateway: string | null]> = [
    ["as on an instance", HEAD + route("0142A8C0") + LOCAL, "192.168.66.1"],
    ["after another route", HEAD + LOCAL + route("FE00020a"), "10.2.0.254"],
    ["host route flags", HEAD + route("0101A8C0", { flags: "0007" }), "192.168.1.1"],
    [
      "lowest metric",
      HEAD + route("0101A8C0", { metric: "1024" }) + route("0201A8C0", { metric: "100" }),
      "192.168.1.2",
    ],
    ["no file content", "", null],
    ["no routes", HEAD, null],
    ["no default route", HEAD + LOCAL, null],
    ["default route without gateway", HEAD + route("00000000", { flags: "0001" }), null],
    ["route that is down", HEAD + route("0101A8C0", { flags: "0002" }), null],
    ["half the address space", HEAD + route("0101A8C0", { mask: "00000080" }), null],
    ["short gateway", HEAD + route("0101A8"), null],
    ["gateway that is no number", HEAD + route("0101A8CX"), null],
    ["the heading is no route", route("0101A8C0"), null],
    ["line that breaks off", HEAD + "eth0\t00000000\t0101A8C0\t0003\n", null],
  ];
  for (const [title, text, gateway] of rows) assertEquals(gatewayFromTable(text), gateway, title);
});

Deno.test("gatewayFromIpRoute() finds the gateway of the first default route", () => {
  const rows: ReadonlyArray<readonly [text: string, gateway: string | null]> = [
    ["default via 192.0.2.1 dev eth0 proto dhcp src 192.0.2.7 metric 100 \n", "192.0.2.1"],
    ["default via 192.0.2.1 dev eth0\ndefault via 192.0.2.2 dev eth1 metric 9\n", "192.0.2.1"],
    ["192.0.2.0/24 dev eth0\ndefault via 192.0.2.3 dev eth0", "192.0.2.3"],
    ["", null],
    ["default dev ppp0 scope link\n", null],
    ["default via inet6 fe80::1 dev eth0\n", null],
    ["default via fe80::1 dev eth0\n", null],
    ["default via 192.0.2.256 dev eth0\n", null],
    ["default via 192.0.2.1/24 dev eth0\n", null],
    ["unreachable default via 192.0.2.1\n", null],
    ['Object "route" is unknown, try "ip help".\n', null],
  ];
  for (const [text, gateway] of rows) assertEquals(gatewayFromIpRoute(text), gateway, text);
});

/** Texts that resemble either source. */
const nearlyRoutes = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(
    fc.constantFrom(
      "default via ",
      "default",
      "192.0.2.1",
      "00000000",
      "0101A8C0",
      "0003",
      "FFFFFFFF",
      "-1",
      "\t",
      " ",
      "\n",
      "eth0",
    ),
    { maxLength: 60 },
  ).map((parts) => HEAD + parts.join("")),
  fc.array(
    fc.array(fc.string({ unit: fc.constantFrom(..."0123456789ABCDEFG") }), {
      minLength: 8,
      maxLength: 8,
    }),
  ).map((lines) => HEAD + lines.map((fields) => fields.join("\t")).join("\n")),
);

Deno.test("gatewayFrom...() give an IPv4 address or null for any text", () => {
  fc.assert(fc.property(nearlyRoutes, (text) => {
    for (const gateway of [gatewayFromTable(text), gatewayFromIpRoute(text)]) {
      assert(gateway === null || isIpv4(gateway), `${gateway}`);
    }
  }));
});

Deno.test("gatewayFrom...() give back any gateway that was written", () => {
  fc.assert(fc.property(fc.ipV4(), (gateway) => {
    const bytes = gateway.split(".").map(Number).reverse();
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("").toUpperCase();
    assertEquals(gatewayFromTable(HEAD + LOCAL + route(hex)), gateway);
    assertEquals(gatewayFromIpRoute(`default via ${gateway} dev eth0\n`), gateway);
  }));
});
