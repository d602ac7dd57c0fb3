// Addresses that cannot be an Elastic IP, at both ends of each network.
import { assertEquals } from "@std/assert";
import { scopeOf } from "../../src/core/address_scope.ts";

Deno.test("scopeOf() names what the internet cannot reach", () => {
  const rows: ReadonlyArray<readonly [address: string, network: string | null]> = [
    ["0.0.0.0", "0.0.0.0/8"],
    ["1.0.0.0", null],
    ["9.255.255.255", null],
    ["10.0.0.0", "10.0.0.0/8"],
    ["10.255.255.255", "10.0.0.0/8"],
    ["11.0.0.0", null],
    ["100.63.255.255", null],
    ["100.64.0.0", "100.64.0.0/10"],
    ["100.127.255.255", "100.64.0.0/10"],
    ["100.128.0.0", null],
    ["127.0.0.1", "127.0.0.0/8"],
    ["128.0.0.0", null],
    ["169.254.169.254", "169.254.0.0/16"],
    ["169.255.0.0", null],
    ["172.15.255.255", null],
    ["172.16.0.0", "172.16.0.0/12"],
    ["172.31.255.255", "172.16.0.0/12"],
    ["172.32.0.0", null],
    ["192.168.0.1", "192.168.0.0/16"],
    ["192.169.0.0", null],
    ["223.255.255.255", null],
    ["224.0.0.1", "224.0.0.0/4"],
    ["239.255.255.255", "224.0.0.0/4"],
    ["240.0.0.0", "240.0.0.0/4"],
    ["255.255.255.255", "240.0.0.0/4"],
    ["198.51.100.50", null],
    ["::", "::/128"],
    ["::1", "::1/128"],
    ["::2", null],
    ["fbff::1", null],
    ["fc00::1", "fc00::/7"],
    ["fdff::1", "fc00::/7"],
    ["fe00::1", null],
    ["fe80::1", "fe80::/10"],
    ["febf::1", "fe80::/10"],
    ["fec0::1", null],
    ["ff02::1", "ff00::/8"],
    ["2001:db8::1", null],
    ["::ffff:10.0.0.1", "10.0.0.0/8"],
    ["::ffff:198.51.100.50", null],
    ["front door", null],
    ["", null],
  ];
  for (const [address, network] of rows) {
    assertEquals([address, scopeOf(address)?.network ?? null], [address, network]);
  }
});

Deno.test("scopeOf() knows which a private cloud may call public", () => {
  assertEquals(scopeOf("10.0.0.1")?.isPrivate, true);
  assertEquals(scopeOf("127.0.0.1")?.isPrivate, false);
  assertEquals(scopeOf("fd00::1")?.isPrivate, true);
});
