// What is logged about an address that is missing on this machine, and when that makes a node unhealthy.
import { assertEquals } from "@std/assert";
import { type Look, lossOf, NOT_LOOKED, notePresence } from "../../src/core/presence.ts";

const THERE = { present: true, on: "lo" },
  MISSING = { present: false, on: null },
  UNSEEN = { present: null, on: null };

/** Observations at chosen instants; returns the lines. */
function fixture(device: string | null) {
  let presence = NOT_LOOKED;
  return {
    look(atMs: number, sight: Look["sight"], more: Partial<Look> = {}): string[] {
      const [after, reports] = notePresence(presence, {
        sight,
        atMs,
        device,
        restored: false,
        problem: null,
        holding: false,
        cure: "ip address add",
        blindness: "not permitted",
        ...more,
      });
      presence = after;
      return reports.map(({ severity, event, text }) => `${severity} ${event}: ${text}`);
    },
    get lost() {
      return lossOf(presence, device) !== null;
    },
    get problem() {
      return presence.problem;
    },
  };
}

Deno.test("an address that was put back is one line, and never made the node unhealthy", () => {
  const kept = fixture("lo");
  assertEquals(kept.look(0, THERE), []);
  assertEquals(kept.look(1_000, MISSING), []);
  assertEquals(kept.look(1_010, THERE, { restored: true, problem: "" }), [
    "warning interface: the address was taken off lo, and is put back",
  ]);
  assertEquals(kept.look(2_000, THERE), []);
  assertEquals(kept.lost, false);
});

Deno.test("an address must stay there for 0.3 s to count as there before an alarm", () => {
  const alarmed = (stayedUntilMs: number, atMs: number) => {
    const kept = fixture("lo");
    const looks = [[0, THERE], [1_000, MISSING], [1_010, THERE], [stayedUntilMs, THERE]] as const;
    for (const [lookAtMs, sight] of looks) kept.look(lookAtMs, sight);
    kept.look(1_320, MISSING, { problem: "x".repeat(200) });
    const said = kept.look(atMs, MISSING).length > 0;
    assertEquals(kept.problem, "x".repeat(200), "which is not too long");
    return said;
  };
  assertEquals([alarmed(1_309, 2_999), alarmed(1_309, 3_000)], [false, true]);
  assertEquals([alarmed(1_310, 3_319), alarmed(1_310, 3_320)], [false, true]);
});

Deno.test("an address that cannot be put back makes the node unhealthy after 2 s, with the reason, until it is there", () => {
  const kept = fixture("eth9");
  kept.look(0, THERE);
  kept.look(1_000, MISSING);
  const why = 'ip address show dev eth9: exit code 1: Device "eth9" does not exist.';
  assertEquals(kept.look(1_010, MISSING, { problem: why }), []);
  assertEquals(kept.look(2_999, MISSING), []);
  assertEquals(kept.lost, false);
  assertEquals(kept.look(3_000, MISSING), [
    `warning interface: the address is not on eth9: ${why}; this node is unhealthy until it is`,
  ]);
  assertEquals([kept.lost, kept.problem], [true, why]);
  assertEquals(kept.look(60_000, MISSING, { problem: "x".repeat(300) }), []);
  assertEquals(kept.problem.length, 203);
  assertEquals(kept.look(61_000, UNSEEN), [
    "info interface: whether this machine has the address cannot be seen: not permitted",
  ]);
  assertEquals(kept.lost, true, "what cannot be seen changes nothing");
  const back = { present: true, on: "eth9" };
  assertEquals(kept.look(64_000, back, { restored: true, problem: "" }), []);
  assertEquals(kept.look(64_900, back), []);
  assertEquals(kept.lost, true, "it must stay there for a second");
  assertEquals(kept.look(65_000, back), [
    "info interface: the address is on eth9 again, after 63.0 s without",
  ]);
  assertEquals([kept.lost, kept.problem], [false, ""]);
});

Deno.test("an address that is put back and taken off all the time makes the node unhealthy, too", () => {
  const kept = fixture("lo");
  kept.look(0, THERE);
  const why = "somebody takes it off again and again";
  const fight = (fromMs: number, toMs: number) => {
    const lines: string[] = [];
    for (let atMs = fromMs; atMs < toMs; atMs += 250) {
      lines.push(...kept.look(atMs, MISSING));
      lines.push(...kept.look(atMs + 10, THERE, { restored: true, problem: why }));
      lines.push(...kept.look(atMs + 200, THERE));
    }
    return lines;
  };
  const put = "warning interface: the address was taken off lo, and is put back";
  assertEquals(fight(1_000, 3_000), Array(8).fill(put));
  assertEquals(kept.lost, false);
  assertEquals(fight(3_000, 60_000), [
    `warning interface: the address is not on lo: ${why}; this node is unhealthy until it is`,
  ]);
  assertEquals([kept.lost, kept.problem], [true, why]);
  // It ends.
  assertEquals(kept.look(60_200, THERE), []);
  assertEquals(kept.look(61_200, THERE), [
    "info interface: the address is on lo again, after 58.8 s without",
  ]);
  assertEquals([kept.lost, kept.problem], [false, ""]);
});

Deno.test("an address that is taken off every second and put back at once leaves the node healthy", () => {
  const kept = fixture("lo");
  for (let atMs = 0; atMs < 60_000; atMs += 1_000) {
    kept.look(atMs, MISSING);
    kept.look(atMs + 10, THERE, { restored: true, problem: "taken" });
    for (let later = 100; later < 1_000; later += 100) kept.look(atMs + later, THERE);
    assertEquals([kept.lost, kept.problem], [false, ""]);
  }
});

Deno.test("a command that hangs is a reason, too", () => {
  const kept = fixture("lo");
  kept.look(0, MISSING);
  assertEquals(kept.look(2_000, MISSING), [
    "warning interface: the address is not on lo: ip has not answered yet; " +
    "this node is unhealthy until it is",
  ]);
});

Deno.test("without --address-on a holder without the address is told once, and when it is there", () => {
  const watched = fixture(null);
  assertEquals(watched.look(0, MISSING, { holding: null }), []);
  assertEquals(watched.look(9_000, MISSING), [], "a backup need not have it");
  const warning =
    "warning interface: this instance holds the Elastic IP, and no interface of the " +
    "machine has the address, so traffic to it is dropped: ip address add";
  assertEquals(watched.look(10_000, MISSING, { holding: true }), [warning]);
  assertEquals(watched.look(11_000, MISSING, { holding: true }), []);
  assertEquals(watched.lost, false, "that is not the watchdog's task");
  assertEquals(watched.look(12_000, THERE, { holding: true }), []);
  assertEquals(watched.look(13_000, THERE, { holding: true }), [
    "info interface: the address is on lo now, after 12.0 s without",
  ]);
  // Half a second without it does not matter; a second does.
  assertEquals(watched.look(20_000, MISSING, { holding: true }), []);
  assertEquals(watched.look(20_900, MISSING, { holding: true }), []);
  assertEquals(watched.look(21_000, MISSING, { holding: true }), [warning]);
  // Given up, and attached again.
  assertEquals(watched.look(22_000, MISSING), []);
  assertEquals(watched.look(23_000, MISSING, { holding: true }), [warning]);
  watched.look(24_000, { present: true, on: null }, { holding: true });
  assertEquals(watched.look(25_000, { present: true, on: null }, { holding: true }), [
    "info interface: this machine has the address now, after 4.0 s without",
  ]);
});

Deno.test("a machine that shows nothing is told of once, and nothing else follows", () => {
  const watched = fixture(null);
  const blind =
    "info interface: whether this machine has the address cannot be seen: not permitted";
  assertEquals(watched.look(0, UNSEEN, { holding: true }), [blind]);
  for (let second = 1; second < 100; second++) {
    assertEquals(watched.look(second * 1_000, UNSEEN, { holding: true }), []);
  }
});
