// -W: from the configuration to a running watchdog.
import { type Config, nameOf } from "./config.ts";
import type { Connect } from "./connection.ts";
import { hostText } from "./core/ip.ts";
import type { NodeSettings } from "./core/node.ts";
import type { Host } from "./host.ts";
import { runWatchdog, type WatchdogSettings } from "./watchdog.ts";
import type { Link, Log } from "./world.ts";

/** Watches until told to stop. Resolves to the exit code. */
export async function watch(
  config: Config,
  { instanceId, host, log, connect }: {
    instanceId: string;
    host: Host;
    log: Log;
    connect: Connect;
  },
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
  return await runWatchdog(settings, { clock, random, link, signals, log, supervisor, connect });
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
