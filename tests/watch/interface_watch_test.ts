// The checks of the interfaces in virtual time: how soon an address is put back, how often that is tried, what a
// conflict costs, and that each Elastic IP is handled separately.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { InterfaceWatch, LISTED_MAX } from "../../src/watch/interface_watch.ts";
import { VirtualClock } from "../support/clock.ts";

const OURS = "198.51.100.50", OTHER = "198.51.100.60";

interface Options {
  readonly elasticIps?: readonly string[];
  readonly device?: string | null;
}

/** A machine with one interface `lo`, whose addresses the test removes and adds. */
function fixture({ elasticIps = [OURS], device = "lo" }: Options = {}) {
  const clock = new VirtualClock();
  const on = new Set(elasticIps);
  const lines: string[] = [], told: string[] = [], attempts: number[] = [];
  const machine = {
    /** Why no address can be added. */
    trouble: null as string | null,
    /** Whether it never answers. */
    hangs: false,
    holding: true as boolean | null,
    listings: 0,
    /** Other addresses of the machine. */
    others: 0,
    listable: true,
    kernelTells: true,
  };
  const watch: InterfaceWatch = new InterfaceWatch({
    elasticIps,
    device,
    cureFor: (elasticIp) => `ip address add ${elasticIp}/32 dev lo`,
  }, {
    clock,
    log: {
      write: (severity, event, text, elasticIp) =>
        void lines.push(`${clock.nowMs()} ${severity} ${event}: ${elasticIp ?? "-"} ${text}`),
    },
    interfaces() {
      machine.listings += 1;
      if (!machine.listable) throw new Error("not permitted");
      const others = Array.from({ length: machine.others }, () => ({ name: "x", address: "::7" }));
      return [...others, ...[...on].map((address) => ({ name: "lo", address }))];
    },
    isLocal: (address) => machine.kernelTells ? on.has(address) : null,
    async restore(address) {
      attempts.push(clock.nowMs());
      if (machine.hangs) await new Promise(() => {});
      if (machine.trouble !== null) throw new Error(machine.trouble);
      if (on.has(address)) return false;
      on.add(address);
      return true;
    },
    holding: () => machine.holding,
    changed: () =>
      void told.push(
        `${clock.nowMs()} lost ${elasticIps.filter((each) => watch.loss(each) !== null)}`,
      ),
  });
  return { watch, on, lines, told, attempts, machine, pass: (ms: number) => clock.pass(ms), clock };
}

Deno.test("an address that is taken off is back at the next look, with one line", async () => {
  const { watch, on, lines, told, attempts, pass } = fixture();
  await pass(10_500);
  assertEquals([lines, attempts], [[], []], "while it is there, ip is not run");
  on.delete(OURS);
  await pass(600);
  assert(on.has(OURS));
  await pass(60_000);
  assertEquals(lines, ["11000 warning interface: - the address was taken off lo, and is put back"]);
  assertEquals([told, attempts], [[], [11_000]]);
  await watch.close();
});

Deno.test("an address that cannot be put back is tried for ever, told once, and back within 5 s of the cure", async () => {
  const { watch, on, lines, told, attempts, machine, pass, clock } = fixture();
  await pass(500);
  on.delete(OURS);
  machine.trouble = 'Device "lo" does not exist.';
  await pass(3_600_000);
  assertEquals(told, [`3000 lost ${OURS}`]);
  assertEquals(lines, [
    '3000 warning interface: - the address is not on lo: Device "lo" does not exist.; ' +
    "this node is unhealthy until it is",
  ]);
  assert(attempts.length < 3_600 / 2.9 + 20, `${attempts.length} attempts in an hour`);
  assertEquals(watch.presence(OURS)?.sight.present, false);
  machine.trouble = null;
  const curedAtMs = clock.nowMs();
  await pass(5_000);
  assert(on.has(OURS));
  assertMatch(told[1] ?? "", /^\d+ lost $/);
  assert(parseInt(told[1] ?? "") - curedAtMs <= 4_200, told[1]);
  assertMatch(lines[1] ?? "", /info interface: - the address is on lo again, after \d+ min/);
  assertEquals(lines.length, 2);
  await watch.close();
});

Deno.test("why an address is lost is told again when that changes, and not while it is just back", async () => {
  const { watch, on, told, machine, pass } = fixture();
  await pass(500);
  on.delete(OURS);
  machine.trouble = "no";
  await pass(5_000);
  machine.trouble = "never";
  await pass(5_000);
  assertEquals([told.length, watch.loss(OURS)], [2, "the address is not on lo: never"]);
  machine.trouble = null;
  while (!on.has(OURS)) await pass(10);
  assertEquals([told.length, watch.loss(OURS)], [2, "the address is not on lo: never"]);
  await pass(5_000);
  assertEquals([told.length, watch.loss(OURS)], [3, null]);
  await watch.close();
});

Deno.test("a fight every second costs a few lines and then one a minute, and the address is off for a tenth of it", async () => {
  const { watch, on, lines, pass } = fixture();
  let offMs = 0;
  for (let second = 0; second < 600; second++) {
    on.delete(OURS);
    for (let ms = 0; ms < 1_000; ms += 20) {
      await pass(20);
      offMs += on.has(OURS) ? 0 : 20;
    }
  }
  assert(lines.length >= 10 && lines.length <= 4 + 11, `${lines.length} lines in ten minutes`);
  assertMatch(lines.at(-1) ?? "", /is put back \(\d\d more within [^)]+\)$/);
  assert(offMs < 600_000 * 0.15, `off for ${offMs} ms of 600000`);
  await watch.close();
  const counts = lines.map((line) => Number(/\((\d+) more/.exec(line)?.[1] ?? 1));
  assertEquals(counts.reduce((sum, count) => sum + count), 600, "every one is counted");
});

Deno.test("an address that is taken off at once whenever it is put back makes the node unhealthy", async () => {
  const { watch, on, lines, told, attempts, pass } = fixture();
  await pass(500);
  const fight = async (seconds: number) => {
    for (let turn = 0; turn < seconds * 20; turn++) {
      on.delete(OURS);
      await pass(50);
    }
  };
  await fight(60);
  assertEquals(told.length, 1, "and it stays so");
  assertMatch(told[0] ?? "", /^[34]\d\d\d lost/);
  assertMatch(lines.join("\n"), /is not on lo: somebody takes it off again and again; this node/);
  assert(attempts.length < 110, `${attempts.length} attempts in a minute`);
  assert(lines.length <= 2 * 5, lines.join("\n"));
  await pass(5_000);
  assertEquals(told.length, 2);
  await watch.close();
});

Deno.test("a state that flips all the time is bounded, too", async () => {
  const { watch, on, lines, machine, pass } = fixture();
  for (let turn = 0; turn < 100; turn++) {
    on.delete(OURS);
    machine.trouble = "no";
    await pass(3_000);
    machine.trouble = null;
    await pass(3_000);
  }
  assert(lines.length > 20 && lines.length <= 2 * (4 + 11), `${lines.length} lines in ten minutes`);
  await watch.close();
});

Deno.test("an ip that hangs delays no look, and the node is unhealthy meanwhile", async () => {
  const { watch, on, told, attempts, machine, pass } = fixture();
  await pass(500);
  machine.hangs = true;
  on.delete(OURS);
  await pass(20_000);
  assertEquals(attempts.length, 1, "never two at a time");
  assertEquals(told, [`3000 lost ${OURS}`]);
  on.add(OURS);
  await pass(2_000);
  assertEquals(told[1], "22000 lost ");
  assertEquals(watch.presence(OURS)?.lookedAtMs, 22_000);
});

Deno.test("with several Elastic IPs each counts for itself, and its lines name it", async () => {
  const { watch, on, lines, told, machine, pass } = fixture({ elasticIps: [OURS, OTHER] });
  await pass(500);
  machine.trouble = "no";
  on.delete(OTHER);
  await pass(4_000);
  assertEquals([watch.loss(OURS), watch.loss(OTHER)], [null, "the address is not on lo: no"]);
  assertEquals(told, [`3000 lost ${OTHER}`]);
  assertMatch(lines.join("\n"), new RegExp(`^3000 .*: ${OTHER} the address is not on lo: no; `));
  await watch.close();
});

Deno.test("without --address-on nothing is put anywhere: a holder is warned once, and told when it is there", async () => {
  const { watch, on, lines, told, attempts, machine, pass } = fixture({ device: null });
  machine.holding = false;
  on.delete(OURS);
  await pass(10_000);
  assertEquals(lines, []);
  machine.holding = true;
  await pass(60_000);
  assertEquals(lines.length, 1);
  assertMatch(
    lines[0] ?? "",
    /holds the Elastic IP.*: ip address add 198\.51\.100\.50\/32 dev lo$/,
  );
  on.add(OURS);
  await pass(60_000);
  assertMatch(lines[1] ?? "", /info interface: - the address is on lo now/);
  assertEquals([lines.length, told, attempts], [2, [], []]);
  await watch.close();
});

Deno.test("a machine that can tell nothing is said to be so once, and unknown is what it stays", async () => {
  const { watch, on, lines, machine, pass } = fixture({ device: null });
  machine.listable = machine.kernelTells = false;
  on.delete(OURS);
  await pass(600_000);
  assertEquals(lines, [
    "1000 info interface: - whether this machine has the address cannot be seen: " +
    "the interfaces cannot be listed: not permitted",
  ]);
  assertEquals(watch.presence(OURS)?.sight.present, null);
  await watch.close();
});

Deno.test("where nothing can be seen, ip has the last word on what it keeps", async () => {
  const { watch, on, lines, told, machine, pass } = fixture();
  machine.listable = machine.kernelTells = false;
  await pass(10_000);
  assertEquals([watch.presence(OURS)?.sight.present, lines], [true, []]);
  on.delete(OURS);
  await pass(5_000);
  assert(on.has(OURS));
  machine.trouble = "no";
  on.delete(OURS);
  await pass(10_000);
  assertEquals(told.length, 1);
  assertEquals(watch.loss(OURS), "the address is not on lo: no");
  await watch.close();
});

Deno.test("a list that takes long is not made again: the kernel is asked for the Elastic IP alone", async () => {
  const { watch, on, machine, pass } = fixture();
  machine.others = LISTED_MAX;
  await pass(60_000);
  assertEquals(machine.listings, 2, "the one before, and the first long one");
  on.delete(OURS);
  await pass(1_000);
  assert(on.has(OURS));
  assertEquals(watch.presence(OURS)?.sight, { present: true, on: null });
  await watch.close();
});
