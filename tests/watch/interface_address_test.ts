// --address-on with a fake `ip`: the commands, and the effects of its answers.
import { assertEquals, assertRejects } from "@std/assert";
import { type CommandOutcome, type RunCommand, runCommand } from "../../src/host/command.ts";
import { InterfaceAddresses } from "../../src/watch/interface_address.ts";
import { COMMON, KEYS, run } from "../support/fake_host.ts";
import { skippableTest } from "../support/skippable.ts";

const OURS = "198.51.100.50", OTHER = "2001:db8::50";

/** Addresses on `lo`, with an `ip` that gives these answers. */
function fixture(answer: (args: string) => Partial<CommandOutcome> | Error) {
  const asked: string[] = [], lines: string[] = [];
  const run: RunCommand = (words) => {
    asked.push(words.join(" "));
    const outcome = answer(words.join(" "));
    if (outcome instanceof Error) return Promise.reject(outcome);
    const good = { code: 0, endedBy: null, lateAfterMs: null, output: "", errors: "" };
    return Promise.resolve({ ...good, ...outcome });
  };
  const log = { write: (...line: string[]) => void lines.push(line.join(" ")) };
  return { addresses: new InterfaceAddresses("lo", { log, run, env: {} }), asked, lines };
}

Deno.test("an address is put on and taken off again", async () => {
  const { addresses, asked, lines } = fixture(() => ({}));
  assertEquals(await addresses.put([OURS, OTHER]), null);
  await addresses.takeOff();
  await addresses.takeOff();
  assertEquals(asked, [
    `ip address show dev lo to ${OURS}`,
    `ip address replace ${OURS}/32 dev lo`,
    `ip address show dev lo to ${OTHER}`,
    `ip address replace ${OTHER}/128 dev lo nodad`,
    `ip address delete ${OURS}/32 dev lo`,
    `ip address delete ${OTHER}/128 dev lo`,
  ]);
  assertEquals(lines, [
    `info interface ${OURS} is put on lo`,
    `info interface ${OTHER} is put on lo`,
    `info interface ${OURS} is taken off lo`,
    `info interface ${OTHER} is taken off lo`,
  ]);
});

for (const prefix of ["32", "24"]) {
  Deno.test(`an address that is there already, as /${prefix}, stays there`, async () => {
    const output = `1: lo: <LOOPBACK,UP> mtu 65536\n    inet ${OURS}/${prefix} scope global lo\n`;
    const { addresses, asked, lines } = fixture(() => ({ output }));
    assertEquals(await addresses.put([OURS]), null);
    await addresses.takeOff();
    assertEquals(asked, [`ip address show dev lo to ${OURS}`]);
    assertEquals(lines, [`info interface ${OURS} is on lo already, and stays`]);
  });
}

Deno.test("what ip complains about is told, and what was put on before is taken off", async () => {
  const complaint = { code: 2, errors: "RTNETLINK answers: Operation not permitted\n" };
  const { addresses, asked } = fixture((args) =>
    args.includes(`replace ${OTHER}`) ? complaint : {}
  );
  assertEquals(
    await addresses.put([OURS, OTHER]),
    `ip address replace ${OTHER}/128 dev lo nodad: exit code 2: ` +
      "RTNETLINK answers: Operation not permitted",
  );
  await addresses.takeOff();
  assertEquals(asked.at(-1), `ip address delete ${OURS}/32 dev lo`);
});

Deno.test("ip is looked for where the search path may not lead, and missed with one line", async () => {
  const missing = (path: string) => new Error(`cannot run ${path.split(" ")[0]}: not found`);
  const far = fixture((args) => args.startsWith("/sbin/ip ") ? {} : missing(args));
  assertEquals(await far.addresses.put([OURS]), null);
  assertEquals(far.asked.at(-1), `/sbin/ip address replace ${OURS}/32 dev lo`);
  const none = fixture(missing);
  assertEquals(await none.addresses.put([OURS]), "cannot run ip: not found");
});

Deno.test("what was put back is taken off, too, and whether it was missing is told", async () => {
  const there = `    inet ${OURS}/32 scope global lo\n`;
  let output = there;
  const { addresses, asked, lines } = fixture((args) => args.includes("show") ? { output } : {});
  assertEquals(await addresses.put([OURS]), null);
  assertEquals(await addresses.restore(OURS), false);
  output = "";
  assertEquals(await addresses.restore(OURS), true);
  output = there;
  assertEquals(await addresses.restore(OURS), false);
  await addresses.takeOff();
  assertEquals(asked.filter((args) => !args.includes("show")), [
    `ip address replace ${OURS}/32 dev lo`,
    `ip address delete ${OURS}/32 dev lo`,
  ]);
  assertEquals(lines, [
    `info interface ${OURS} is on lo already, and stays`,
    `info interface ${OURS} is taken off lo`,
  ]);
});

Deno.test("what cannot be put back is a reason, and not what is taken off", async () => {
  const { addresses, asked } = fixture(() => ({
    code: 1,
    errors: 'Device "lo" does not exist.\n',
  }));
  await assertRejects(
    () => addresses.restore(OURS),
    Error,
    `ip address show dev lo to ${OURS}: exit code 1: Device "lo" does not exist.`,
  );
  await addresses.takeOff();
  assertEquals(asked.length, 1);
});

const LOST: readonly [title: string, shown: Partial<CommandOutcome>][] = [
  ["an address that is not there any more", { output: "" }],
  ["one that somebody else has put there", { output: `    inet ${OURS}/24 scope global lo\n` }],
  ["an interface that is gone", { code: 1, errors: 'Device "lo" does not exist.\n' }],
];
for (const [title, shown] of LOST) {
  Deno.test(`at the end ${title} is no failure`, async () => {
    let ending = false;
    const { addresses, lines } = fixture((args) => {
      if (args.includes("delete")) return { code: 2, errors: "Cannot assign requested address\n" };
      return ending && args.includes("show") ? shown : {};
    });
    assertEquals(await addresses.put([OURS]), null);
    ending = true;
    await addresses.takeOff();
    assertEquals(lines[1], `info interface ${OURS} is on lo no more`);
  });
}

Deno.test("a failure to take it off is a line", async () => {
  let put = false;
  const { addresses, lines } = fixture((args) => {
    if (args.includes("delete")) return { code: 2 };
    return put ? { output: `    inet ${OURS}/32 scope global lo\n` } : {};
  });
  assertEquals(await addresses.put([OURS]), null);
  put = true;
  await addresses.takeOff();
  const reason = `ip address delete ${OURS}/32 dev lo: exit code 2`;
  assertEquals(lines[1], `warning interface ${OURS} stays on lo: ${reason}`);
});

skippableTest(
  "an ip in the search path is the one that is run",
  Deno.build.os === "windows" ? "needs a POSIX shell" : null,
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/ip`, `#!/bin/sh\necho "$@" >> ${folder}/asked\n`, {
        mode: 0o755,
      });
      const env = { PATH: `${folder}:${Deno.env.get("PATH")}` };
      const log = { write: () => {} };
      const addresses = new InterfaceAddresses("lo", { log, run: runCommand, env });
      assertEquals(await addresses.put([OURS]), null);
      await addresses.takeOff();
      assertEquals((await Deno.readTextFile(`${folder}/asked`)).trim().split("\n"), [
        `address show dev lo to ${OURS}`,
        `address replace ${OURS}/32 dev lo`,
        `address delete ${OURS}/32 dev lo`,
      ]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

Deno.test("a watchdog that cannot put the address on the interface does not begin", async () => {
  const argv = ["-W", "-p", "192.0.2.2", "--address-on", "lo", ...COMMON];
  const { code, log, calls } = await run(argv, { env: KEYS });
  assertEquals(code, 1);
  assertEquals(log, ["critical interface: --address-on (IF_ADDRESS_ON): ip"]);
  assertEquals(calls, []);
});
