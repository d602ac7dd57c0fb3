// -W: from the configuration to a running watchdog.
import { type Config, nameOf } from "./config.ts";
import type { Connect } from "./connection.ts";
import { hostText } from "./core/ip.ts";
import type { NodeSettings } from "./core/node.ts";
import type { Host } from "./host.ts";
import type { StatusServer } from "./host/status_server.ts";
import { loadStatusPage } from "./status_page.ts";
import { statusRoutes } from "./status_routes.ts";
import { commit, VERSION } from "./version.ts";
import { Watchdog, type WatchdogSettings } from "./watchdog.ts";
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
  const world = { clock, random, link, signals, log, supervisor, connect };
  const watchdog = new Watchdog(settings, world);
  const status = openStatus(config, { host, watchdog });
  if (typeof status === "string") {
    log.write("critical", "listen", status);
    await link.close();
    return 1;
  }
  const code = await watchdog.run();
  await status?.close();
  return code;
}

/** The server that is configured, null without one; a text is why it cannot be had. */
function openStatus(
  { listenStatus }: Config,
  { host, watchdog }: { host: Host; watchdog: Watchdog },
): StatusServer | string | null {
  if (listenStatus === null) return null;
  const { hostname, port } = listenStatus;
  const handler = statusRoutes({
    clock: host.clock,
    snapshot: () => watchdog.snapshot(),
    vitals: () => watchdog.vitals(),
    page: loadStatusPage(),
    loopback: /^(127\.|::1$)/.test(hostname),
  });
  try {
    return host.serveStatus(listenStatus, handler);
  } catch (error) {
    const reason = error instanceof Error ? error.message : `${error}`;
    return `${nameOf("listen-status")}: cannot listen on ${hostText(hostname)}:${port}: ${reason}`;
  }
}

function watchdogSettings(
  config: Config,
  { instanceId, localAddresses }: { instanceId: string; localAddresses: readonly string[] },
): WatchdogSettings {
  const { peers, listen, verbose, wire, api, zone } = config;
  return {
    nodes: nodeSettings(config),
    port: listen.port,
    trailer: wire === "full",
    selfId: api === "v2" ? instanceId : null,
    addresses: peers.kind === "static"
      ? peers.addresses.filter((address) => !localAddresses.includes(address))
      : null,
    verbose,
    about: { program: { version: VERSION, commit: commit() }, instanceId, zone },
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
