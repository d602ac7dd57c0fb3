// Addresses of either family: one text for each, its bytes, and the networks they are in.
import { assert, assertEquals } from "@std/assert";
import {
  canonicalElasticIp,
  canonicalIp,
  familyOf,
  formatIpv6,
  hostText,
  inNetwork,
  isIpv6,
  networkOf,
  parseIpv6,
  sameElasticIp,
} from "../../src/core/ip.ts";
import fc from "../support/fast_check.ts";

Deno.test("canonicalIp() gives one text for each address, and IPv4 back from its mapped form", () => {
  const rows: ReadonlyArray<readonly [text: string, canonical: string | null]> = [
    ["192.0.2.1", "192.0.2.1"],
    ["2001:DB8:0:0::1", "2001:db8::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::ffff:c000:201", "192.0.2.1"],
    // Almost the mapped form.
    ["100::ffff:c000:201", "100::ffff:c000:201"],
    ["0:1::ffff:c000:201", "0:1::ffff:c000:201"],
    ["::1:ffff:c000:201", "::1:ffff:c000:201"],
    ["::100:ffff:c000:201", "::100:ffff:c000:201"],
    ["::ff00:c000:201", "::ff00:c000:201"],
    ["::ff:c000:201", "::ff:c000:201"],
    ["::", "::"],
    ["fe80::1%eth0", null],
    ["[::1]", null],
    ["1:2:3:4:5:6:7::8", null],
    ["web", null],
    ["", null],
  ];
  for (const [text, canonical] of rows) assertEquals(canonicalIp(text), canonical, text);
  assertEquals([isIpv6("::1"), isIpv6("127.0.0.1")], [true, false]);
  assertEquals([familyOf("::1"), familyOf("127.0.0.1")], ["IPv6", "IPv4"]);
  assertEquals([hostText("::1"), hostText("127.0.0.1")], ["[::1]", "127.0.0.1"]);
});

Deno.test("inNetwork() compares the first bits of addresses of the same family", () => {
  const rows: [string, string, boolean][] = [
    ["203.0.113.9", "203.0.113.0/24", true],
    ["203.0.114.9", "203.0.113.0/24", false],
    ["203.0.113.9", "203.0.113.8/31", true],
    ["203.0.113.10", "203.0.113.8/31", false],
    ["203.0.113.9", "0.0.0.0/0", true],
    ["203.0.113.9", "203.0.113.9", true],
    ["203.0.113.9", "203.0.113.10", false],
    ["203.0.113.9", "::/0", false],
    ["2001:db8::9", "2001:DB8:0::/48", true],
    ["2001:db8:1::9", "2001:db8::/48", false],
    ["203.0.113.9", "203.0.113.9/32", true],
    ["203.0.113.8", "203.0.113.9/32", false],
    ["::ffff:203.0.113.9", "203.0.113.0/24", true],
    ["2001:db8::9", "2001:db8::9/128", true],
    ["2001:db8::9", "2001:db8::9/129", false],
    ["203.0.113.9", "203.0.113.9/33", false],
    ["203.0.113.9", "203.0.113.9/0032", false],
    ["203.0.113.9", "203.0.113.0/x", false],
    ["203.0.113.9", "nonsense", false],
    ["nonsense", "0.0.0.0/0", false],
  ];
  for (const [address, network, inside] of rows) {
    assertEquals(inNetwork(address, network), inside, `${address} in ${network}`);
  }
});

Deno.test("every address of an Elastic IPv6, and its prefix, stand for the one that the API names", () => {
  const named = "2001:db8:0:1:2::1";
  const texts = [
    named,
    "2001:db8:0:1:2::/96",
    "2001:db8:0:1:2::1/96",
    "2001:db8:0:1:2::abcd",
    "2001:DB8:0:1:2:0:0:1",
    "2001:0db8:0000:0001:0002:0000:0000:0001",
  ];
  for (const text of texts) {
    assertEquals(canonicalElasticIp(text), named, text);
    assert(sameElasticIp(text, "2001:db8:0:1:2::9"), text);
  }
  assertEquals(canonicalElasticIp("198.51.100.50"), "198.51.100.50");
  assertEquals(canonicalElasticIp("::ffff:198.51.100.50"), "198.51.100.50");
  for (const text of ["198.51.100.50/96", "2001:db8::/64", "2001:db8::1/96/96", "web", "/96", ""]) {
    assertEquals(canonicalElasticIp(text), null, text);
  }
  assert(!sameElasticIp(named, "2001:db8:0:1:3::1") && !sameElasticIp("web", "web"));
  assertEquals([networkOf(named), networkOf("192.0.2.1")], ["2001:db8:0:1:2::/96", "192.0.2.1/32"]);
});

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
