// The real ifup and ifdown with stanzas that run a watchdog.
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ELASTIC_IP } from "../support/cluster.ts";
import { until } from "../support/until.ts";
import { IfupdownMachine, MACHINE } from "./ifupdown_machine.ts";
import { machineTest, mustRun, shipped } from "./requirements.ts";

/** The stanza of the original's README, without its remarks `# change me`, which ifupdown takes for values. */
const ORIGINAL = `auto lo:1
iface lo:1 inet static
  address 198.51.100.50
  netmask 255.255.255.255
  exoscale-peer-group load-balancer
  exoscale-api-key EXO....
  exoscale-api-secret LZ...
  up /usr/local/bin/exoip -W &
  down killall exoip
`;
/** The minimal stanza: the hooks do the rest. */
const BARE = ORIGINAL.split("\n").filter((line) => !/^ {2}(up|down) /.test(line)).join("\n");

/** An unrelated watchdog. It counts once the shell's child has become it. */
const OTHER =
  "setsid exoip -W -O -xi 198.51.100.51 -xk EXOother -xs other -p 127.0.0.9 -l :23456 " +
  "-i 00000009-0000-4000-8000-000000000009 -xe http://127.0.0.1:9/v2 >/dev/null 2>&1 </dev/null & " +
  "for try in $(seq 600); do pgrep -x exoip && break; sleep 0.1; done";

function ifupdownTest(
  name: string,
  { hooks }: { hooks: boolean },
  body: (machine: IfupdownMachine) => Promise<void>,
): void {
  machineTest(name, MACHINE, async () => {
    const machine = await IfupdownMachine.create({ hooks });
    try {
      await body(machine);
    } finally {
      await machine.close();
    }
  });
}

/** Waits until that watchdog is the only one: the file of another one is free a moment before its process has ended. */
async function leaves(machine: IfupdownMachine, other: string): Promise<void> {
  const alone = async () => (await machine.watchdogs()).join() === other;
  await until(alone, { title: `only watchdog ${other} runs`, everyMs: 50 });
}

/**
 * Up, and immediately down: ifdown finds even a very young watchdog. It waits a second for it, so a round in which a
 * busy machine takes longer to start it shows nothing, and is repeated.
 */
async function rapidly(machine: IfupdownMachine, other: string, pidFile: string): Promise<void> {
  const stop = `exoip --stop --pid-file ${pidFile}`;
  let found = 0;
  const round = async () => {
    const said = await machine.run("ifup lo:1 && ifdown lo:1");
    if (/ has ended$/m.test(said)) found += 1;
    else await machine.run(`for try in $(seq 60); do ${stop} | grep ended && break; done`);
    await leaves(machine, other);
    return found === 3;
  };
  await until(round, { title: "ifdown finds a very young watchdog three times" });
}

/** Waits until the node holds the Elastic IP in the cloud, or does not. */
async function holds(machine: IfupdownMachine, holders: number): Promise<void> {
  const title = `${holders} holders`;
  await until(() => machine.cluster.address.holders.size === holders, { title });
}

for (const hooks of [false, true]) {
  const where = hooks ? "beside our hooks, too" : "as it is";
  ifupdownTest(
    `the original's stanza works with ifup and ifdown, ${where}`,
    { hooks },
    async (machine) => {
      await machine.configure(ORIGINAL);
      await machine.run("ifup lo:1");
      await holds(machine, 1);
      assertEquals(await machine.addresses(), [`${ELASTIC_IP}/32`]);
      assertEquals((await machine.watchdogs()).length, 1);
      // Only the folder of the control socket, which the watchdog itself makes.
      const names = (await machine.run("ls /run")).split("\n").filter((name) => /exoip/.test(name));
      assertEquals(names, ["exoip"], "our hooks did nothing");
      await machine.run("ifdown lo:1");
      await holds(machine, 0);
      await machine.allEnded();
      assertEquals(await machine.addresses(), []);
    },
  );
}

ifupdownTest("our stanza ends its own watchdog and no other", { hooks: false }, async (machine) => {
  await machine.configure(await Deno.readTextFile(shipped("ifupdown/51-exoip.cfg")));
  const other = await machine.run(OTHER);
  await machine.run("ifup lo:1");
  await holds(machine, 1);
  assertEquals(await machine.addresses(), [`${ELASTIC_IP}/32`]);
  const pid = await machine.run("head -n 1 /run/exoip.pid");
  assertEquals((await machine.watchdogs()).sort(), [other, pid].sort());
  // The watchdog learns a moment after the cloud that it holds.
  const status = () => machine.run("exoip --status || true");
  const told = /^(OK|WARNING): this node holds 198\.51\.100\.50, /;
  await until(async () => told.test(await status()), { title: "it says so", everyMs: 100 });
  const said = await machine.run("ifdown lo:1");
  assertMatch(said, new RegExp(`watchdog of /run/exoip.pid \\(process ${pid}\\) has ended`));
  assertEquals(machine.cluster.address.holders.size, 0, "ifdown waits for the end");
  await leaves(machine, other);
  assertEquals(await machine.addresses(), []);
  assertEquals(
    await machine.run("ls /run/*.pid || true").then((text) => /No such/.test(text)),
    true,
  );
  await rapidly(machine, other, "/run/exoip.pid");
});

ifupdownTest(
  "with our hooks a stanza needs no up line, and others are left alone",
  { hooks: true },
  async (machine) => {
    const plain = "iface lo:2 inet static\n  address 198.51.100.52/32\n  host-priority 3\n";
    await machine.configure(BARE + plain);
    const other = await machine.run(OTHER);
    await machine.run("ifup lo:2");
    assertEquals(await machine.watchdogs(), [other], "no exoscale- option, no watchdog");
    await machine.run("ifup lo:1");
    const pid = await machine.run("head -n 1 /run/exoip/lo:1.pid");
    assertEquals((await machine.watchdogs()).sort(), [other, pid].sort());
    await holds(machine, 1);
    await machine.run("ifdown lo:2");
    assertEquals((await machine.watchdogs()).length, 2);
    await machine.run("ifdown lo:1");
    await leaves(machine, other);
    assertEquals(await machine.addresses(), []);
    assertEquals(machine.cluster.address.holders.size, 0);
    await rapidly(machine, other, "/run/exoip/lo:1.pid");
  },
);

ifupdownTest(
  "with our hooks ifup says what is wrong with a stanza",
  { hooks: true },
  async (machine) => {
    await machine.configure(
      BARE.replace(/.*peer-group.*\n/, "  host-priority 999\n  exoscale-peers ?\n"),
    );
    const error = await assertRejects(() => machine.run("ifup lo:1"), Error);
    assertMatch(error.message, /-P \(IF_HOST_PRIORITY\): 999 is not between/);
    assertMatch(error.message, /-p \(IF_EXOSCALE_PEERS\): "\?" is neither/);
    assertEquals(await machine.watchdogs(), []);
  },
);

machineTest("the scripts of the packages pass shellcheck", {
  tools: ["shellcheck (shellcheck)"],
}, async () => {
  await mustRun(["shellcheck", "-s", "sh", shipped("ifupdown/exoip")]);
});
