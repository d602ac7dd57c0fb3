// -W: from the configuration to a running watchdog.
import { childEnvironment } from "./child_environment.ts";
import { type Config, nameOf } from "./config.ts";
import type { Connect } from "./connection.ts";
import { hostText } from "./core/ip.ts";
import type { NodeSettings } from "./core/node.ts";
import type { Host } from "./host.ts";
import { InterfaceAddresses } from "./interface_address.ts";
import { Service } from "./service.ts";
import { Watchdog, type WatchdogSettings } from "./watchdog.ts";
import type { Link, Log } from "./world.ts";

/** What the watchdog needs besides its configuration. */
interface Surroundings {
  readonly instanceId: string;
  readonly host: Host;
  readonly log: Log;
  readonly connect: Connect;
}

/** Watches until told to stop. Resolves to the exit code. */
export async function watch(config: Config, surroundings: Surroundings): Promise<number> {
  const { host, log } = surroundings;
  const { runCommand: run, signals } = host;
  let stopped = false;
  // Also where the watchdog does not listen: before it begins, and while its traces are removed.
  const deaf = signals.listen((signal) => void (stopped ||= signal === "stop"));
  const env = childEnvironment(host.env);
  const addresses = new InterfaceAddresses(config.addressOn, { log, run, env });
  try {
    const problem = await addresses.put(config.addresses.map(({ elasticIp }) => elasticIp));
    // A node that gets the Elastic IP and has it on no interface would only swallow what is sent to it.
    if (problem !== null) log.write("critical", "interface", `${nameOf("address-on")}: ${problem}`);
    if (problem !== null || stopped) return stopped ? 0 : 1;
    return await watchHere(config, surroundings);
  } finally {
    await addresses.takeOff();
    deaf();
  }
}

async function watchHere(
  config: Config,
  { instanceId, host, log, connect }: Surroundings,
): Promise<number> {
  const { hostname, port } = config.listen;
  let link: Link;
  try {
    link = host.openLink(hostname, port);
  } catch (error) {
    const reason = error instanceof Error ? error.message : `${error}`;
    log.write(
      "critical",
      "listen",
      `${nameOf("l")}: cannot listen on ${hostText(hostname)}:${port}: ${reason}`,
    );
    return 1;
  }
  const { clock, random, signals, supervisor } = host;
  const settings = watchdogSettings(config, { instanceId, localAddresses: link.localAddresses });
  const service = new Service(config, { instanceId, host, log });
  const observer = service.observer;
  const world = { clock, random, link, signals, log, supervisor, observer, connect };
  const watchdog = new Watchdog(settings, world);
  service.attend(watchdog);
  const code = await watchdog.run();
  await service.close();
  return code;
}

function watchdogSettings(
  config: Config,
  { instanceId, localAddresses }: { instanceId: string; localAddresses: readonly string[] },
): WatchdogSettings {
  const { peers, listen, verbose, wire, api } = config;
  return {
    nodes: nodeSettings(config),
    port: listen.port,
    trailer: wire === "full",
    selfId: api === "v2" ? instanceId : null,
    addresses: peers.kind === "static"
      ? peers.addresses.filter((address) => !localAddresses.includes(address))
      : null,
    verbose,
  };
}

/** What the election of each Elastic IP is told. */
export function nodeSettings(config: Config): NodeSettings[] {
  const { intervalMs, deadRatio, exclusive, preemptDelayMs, handoverTimeoutMs, reconcileMs } =
    config;
  return config.addresses.map(({ elasticIp, priority }) => ({
    elasticIp,
    priority: priority ?? config.priority,
    intervalMs,
    deadRatio,
    exclusive,
    preemptDelayMs,
    handoverTimeoutMs,
    reconcileMs,
  }));
}
