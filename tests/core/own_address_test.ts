// Whether a machine has an Elastic IP: with fake lists of interfaces, and with the kernel on real addresses.
import { assertEquals } from "@std/assert";
import { isOnDevice, type MachineView, sightOf } from "../../src/core/own_address.ts";
import { isLocalAddress } from "../../src/host/local_address.ts";
import { skippableTest } from "../support/skippable.ts";

const OURS = "198.51.100.50", OURS6 = "2001:db8:0:1:2::1";

/** A machine with these addresses (`lo 127.0.0.1`); its kernel also accepts the others, or does not tell. */
function machine(listed: readonly string[] | null, kernel: readonly string[] | null): MachineView {
  const entries = listed?.map((entry) => {
    const [name = "", address = ""] = entry.split(" ");
    return { name, address };
  }) ?? null;
  return { listed: entries, local: (address) => kernel?.includes(address) ?? null };
}

Deno.test("an IPv4 address counts on any interface, under any label, and by a local route", () => {
  const sight = (listed: string[] | null, kernel: string[] | null) =>
    sightOf(OURS, machine(listed, kernel));
  assertEquals(sight(["lo 127.0.0.1", `lo ${OURS}`], []), { present: true, on: "lo" });
  assertEquals(sight([`lo:1 ${OURS}`], null), { present: true, on: "lo:1" });
  assertEquals(sight(["eth0 203.0.113.1", "lo 198.51.100.5"], []), { present: false, on: null });
  assertEquals(sight(["eth0 203.0.113.1"], [OURS]), { present: true, on: null });
  assertEquals(sight(null, [OURS]), { present: true, on: null });
  assertEquals(sight(null, []), { present: false, on: null });
});

Deno.test("where the kernel lets any address be bound, the list alone counts, and without one nothing is known", () => {
  assertEquals(sightOf(OURS, machine(["lo 127.0.0.1"], null)), { present: false, on: null });
  assertEquals(sightOf(OURS, machine(null, null)), { present: null, on: null });
  assertEquals(sightOf(OURS6, machine(null, null)), { present: null, on: null });
});

Deno.test("of an Elastic IPv6 any address of its /96 counts, in any spelling, if the kernel takes it", () => {
  const sight = (listed: string[] | null, kernel: string[] | null) =>
    sightOf(OURS6, machine(listed, kernel));
  const there = { present: true, on: "lo" }, missing = { present: false, on: null };
  assertEquals(sight([`lo ${OURS6}`], [OURS6]), there);
  assertEquals(sight(["lo 2001:db8:0:1:2:0:abcd:7"], ["2001:db8:0:1:2:0:abcd:7"]), there);
  assertEquals(sight(["lo 2001:0DB8:0:1:2::9"], null), there);
  assertEquals(sight(["lo 2001:db8:0:1:2:1::1", "eth0 fe80::1%eth0"], []), missing);
  assertEquals(sight(["lo 2001:db8:0:1:2:1::1"], null), missing, "the 96th bit differs");
  assertEquals(sight([`lo ${OURS6}`], []), missing, "duplicate address detection has refused it");
  assertEquals(sight([`lo ${OURS6}`, "lo 2001:db8:0:1:2::2"], ["2001:db8:0:1:2::2"]), there);
  assertEquals(sight([], [OURS6]), { present: true, on: null });
  assertEquals(sightOf("::7:0:1", machine(["lo ::7:0:2"], null)).present, true);
  // Without a list, another address of the prefix may exist.
  assertEquals(sight(null, []), { present: null, on: null });
});

Deno.test("for --address-on only the address itself counts, on that interface", () => {
  const on = (listed: string[] | null, kernel: string[] | null, address = OURS) =>
    isOnDevice(address, "lo", machine(listed, kernel));
  assertEquals(on([`lo ${OURS}`], []), true);
  assertEquals(on([`lo:web ${OURS}`], []), true);
  assertEquals(on([`lo1 ${OURS}`, `eth0 ${OURS}`], [OURS]), false);
  assertEquals(on(["lo 2001:DB8:0:1:2::1"], [OURS6], OURS6), true);
  assertEquals(on([`lo ${OURS6}`], [], OURS6), false, "the kernel does not take it");
  assertEquals(on(["lo 2001:db8:0:1:2::2"], ["2001:db8:0:1:2::2"], OURS6), false);
  assertEquals([on(null, [OURS]), on(null, []), on(null, null)], [true, false, false]);
});

/** Whether this kernel lets a program bind any address. */
function bindsAll(): boolean {
  try {
    return Deno.readTextFileSync("/proc/sys/net/ipv4/ip_nonlocal_bind").trim() === "1";
  } catch {
    return false;
  }
}

skippableTest(
  "the kernel tells its own addresses from others",
  bindsAll() ? "needs net.ipv4.ip_nonlocal_bind=0" : null,
  () => {
    assertEquals(isLocalAddress("127.0.0.1"), true);
    assertEquals(isLocalAddress("127.99.98.97"), Deno.build.os === "linux");
    assertEquals(isLocalAddress("240.11.12.13"), false);
    assertEquals(isLocalAddress("100::77") === true, false);
    assertEquals(isLocalAddress("no address"), null);
  },
);
