// A node is healthy when its checks pass and its own Elastic IP is where it should be: both together, separately for
// each Elastic IP.
import { assertEquals } from "@std/assert";
import { readValues } from "../../src/options/parse.ts";
import { type Config, configure } from "../../src/config/config.ts";
import type { Host } from "../../src/host/host.ts";
import type { CommandOutcome } from "../../src/host/command.ts";
import { InterfaceAddresses } from "../../src/watch/interface_address.ts";
import { Service } from "../../src/watch/service.ts";
import type { Watchdog } from "../../src/watch/watchdog.ts";
import { COMMON, ID, KEYS } from "../support/fake_host.ts";
import { NODE_SETTINGS } from "../support/node_settings.ts";
import { VirtualClock } from "../support/clock.ts";
import type { NodeEvent } from "../../src/core/node/state.ts";

const ONE = "198.51.100.50", TWO = "198.51.100.60";
const DONE: CommandOutcome = { code: 0, endedBy: null, lateAfterMs: null, output: "", errors: "" };

function configOf(...argv: string[]): Config {
  const all = ["-W", "-p", "192.0.2.2", ...COMMON, "-xi", `${ONE},${TWO}`, ...argv];
  const config = configure(readValues(all, KEYS), {});
  if ("problems" in config) throw new Error(config.problems.join("; "));
  return config;
}

/**
 * A service with two Elastic IPs and a check; the test sets the result of the check and the addresses on the interface.
 */
function fixture(config: Config) {
  const clock = new VirtualClock();
  const machine = { well: true, on: new Set([ONE, TWO]), putting: true };
  const told: string[] = [], log = { write() {} };
  const run: Host["runCommand"] = ([program = "", ...args]) => {
    if (program !== "ip") return Promise.resolve({ ...DONE, code: machine.well ? 0 : 1 });
    const [address = ""] = /[\d.]+/.exec(args.join(" ")) ?? [];
    if (args[1] === "replace" && !machine.putting) return Promise.resolve({ ...DONE, code: 2 });
    if (args[1] === "replace") machine.on.add(address);
    return Promise.resolve(DONE);
  };
  const host = {
    clock,
    env: {},
    runCommand: run,
    serviceManager: null,
    interfaces: () => [...machine.on].map((address) => ({ name: "lo", address })),
    isLocalAddress: (address: string) => machine.on.has(address),
  } as unknown as Host;
  const all = config.elasticIps.map(({ elasticIp }) => elasticIp);
  const ownership = { holding: true };
  const groups = config.together ? [all] : all.map((elasticIp) => [elasticIp]);
  const watches = groups.map(([elasticIp = "", ...sisters]) => ({
    elasticIps: [elasticIp, ...sisters],
    node: {
      ownership,
      sisters: sisters.map((sister) => ({ elasticIp: sister, ownership })),
      election: { settings: { ...NODE_SETTINGS, elasticIp }, holding: true, role: "master" },
    },
    deliver: (event: NodeEvent) =>
      void told.push(
        event.kind !== "health"
          ? event.kind
          : `${elasticIp} ${event.healthy}${event.reason && `: ${event.reason}`}`,
      ),
  }));
  const addresses = new InterfaceAddresses(config.addressOn, { log, run, env: {} });
  const service = new Service(config, { instanceId: ID, host, log, addresses });
  service.attend({ watches, log } as unknown as Watchdog);
  /** What the watches heard within that time. */
  const within = async (ms: number) => {
    const { length } = told;
    await clock.pass(ms);
    return told.slice(length);
  };
  return { machine, service, within, told };
}

Deno.test("checks and the address on the interface are combined, for each Elastic IP", async () => {
  const { machine, service, within } = fixture(
    configOf("--address-on", "lo", "--check", "exec:check"),
  );
  assertEquals(await within(1_500), [`${ONE} true`, `${TWO} true`]);
  const lost = (address: string) =>
    `the address is not on lo: ip address replace ${address}/32 dev lo: exit code 2`;
  const failing = "exec:check: exit code 1";
  machine.putting = false;
  machine.on.delete(TWO);
  assertEquals(await within(5_000), [`${TWO} false: ${lost(TWO)}`]);
  machine.well = false;
  assertEquals(await within(20_000), [
    `${ONE} false: ${failing}`,
    `${TWO} false: ${failing}; ${lost(TWO)}`,
  ]);
  machine.putting = true;
  assertEquals(await within(5_000), [`${TWO} false: ${failing}`], "its check still fails");
  assertEquals(machine.on, new Set([ONE, TWO]));
  machine.putting = false;
  machine.on.delete(ONE);
  await within(5_000);
  machine.well = true;
  assertEquals(
    await within(20_000),
    [`${ONE} false: ${lost(ONE)}`, `${TWO} true`],
    "one still lacks its address",
  );
  machine.putting = true;
  assertEquals(await within(5_000), [`${ONE} true`]);
  await service.close();
});

Deno.test("addresses that move together are unhealthy together", async () => {
  const { machine, service, within } = fixture(configOf("--address-on", "lo", "--together"));
  await within(1_500);
  machine.putting = false;
  machine.on.delete(TWO);
  const why = `the address is not on lo: ip address replace ${TWO}/32 dev lo: exit code 2`;
  assertEquals(await within(5_000), [`${ONE} false: ${why}`]);
  machine.putting = true;
  assertEquals(await within(5_000), [`${ONE} true`]);
  await service.close();
});

Deno.test("checks that a reload takes away leave what the interface says", async () => {
  const { machine, service, within, told } = fixture(
    configOf("--address-on", "lo", "--check", "exec:check"),
  );
  machine.well = false;
  machine.putting = false;
  machine.on.delete(ONE);
  await within(20_000);
  service.reconfigure(configOf("--address-on", "lo"));
  assertEquals([told.at(-1), await within(5_000)], [`${TWO} true`, []]);
  machine.putting = true;
  assertEquals(await within(5_000), [`${ONE} true`]);
  await service.close();
});

Deno.test("without --address-on an address that is missing makes no node unhealthy", async () => {
  const { machine, service, within } = fixture(configOf());
  machine.on.clear();
  assertEquals(await within(60_000), []);
  assertEquals(service.presence(ONE)?.sight.present, false);
  assertEquals(service.presence("192.0.2.9"), null);
  await service.close();
});

Deno.test("a service that is closed puts nothing back any more", async () => {
  const { machine, service, within } = fixture(configOf("--address-on", "lo"));
  await within(1_500);
  await service.close();
  machine.on.clear();
  await within(60_000);
  assertEquals(machine.on.size, 0);
});
