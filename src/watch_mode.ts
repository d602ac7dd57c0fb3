// -W: from the configuration to a running watchdog.
import { type Config, nameOf } from "./config.ts";
import type { Access, Connect } from "./connection.ts";
import { hostText } from "./core/ip.ts";
import type { NodeSettings } from "./core/node.ts";
import type { Gathered } from "./gather.ts";
import type { Host } from "./host.ts";
import type { HostLog } from "./host/log.ts";
import type { Changes } from "./reload.ts";
import { Reloader } from "./reloader.ts";
import { openStatus } from "./serve_status.ts";
import { commit, VERSION } from "./version.ts";
import { Watchdog, type WatchdogSettings } from "./watchdog.ts";
import type { Link } from "./world.ts";

/** Being told to reload, which can happen before anything can. */
export class ReloadRequests {
  #asked = false;
  #reload: (() => void) | null = null;

  /** Somebody asks. */
  ask(): void {
    if (this.#reload) this.#reload();
    else this.#asked = true;
  }

  /** From now on it is done, and at once if somebody has asked. */
  serve(reload: () => void): void {
    this.#reload = reload;
    if (this.#asked) reload();
  }
}

/** What watching needs besides the configuration. */
export interface WatchModeOptions {
  /** As it was given, which is what a later one is compared with. */
  readonly configured: Config;
  readonly instanceId: string;
  readonly host: Host;
  readonly log: HostLog;
  readonly connect: Connect;
  readonly access: Access;
  readonly argv: readonly string[];
  readonly gathered: Gathered;
  readonly requests: ReloadRequests;
}

/** Watches until told to stop. Resolves to the exit code. */
export async function watch(config: Config, options: WatchModeOptions): Promise<number> {
  const { instanceId, host, log, connect, access, requests } = options;
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
  const { localAddresses } = link;
  const settings = watchdogSettings(config, { instanceId, localAddresses });
  const world = { clock, random, link, signals, log, supervisor, connect };
  const watchdog = new Watchdog(settings, world);
  const apply = (next: Config, changes: Changes) => {
    Object.assign(access, { credentials: next.credentials, peers: next.peers });
    const addresses = changes.apply.includes("p") ? addressesOf(next, localAddresses) : null;
    const other = addresses && { addresses };
    watchdog.reconfigure(nodeSettings(next).map((settings) => ({ settings, ...other })));
  };
  const reloader = new Reloader({ ...options, config: options.configured, apply });
  requests.serve(() => void watchdog.reload(() => reloader.reload()));
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

function watchdogSettings(
  config: Config,
  { instanceId, localAddresses }: { instanceId: string; localAddresses: readonly string[] },
): WatchdogSettings {
  const { listen, verbose, wire, api, zone } = config;
  return {
    nodes: nodeSettings(config),
    port: listen.port,
    trailer: wire === "full",
    selfId: api === "v2" ? instanceId : null,
    addresses: addressesOf(config, localAddresses),
    verbose,
    about: { program: { version: VERSION, commit: commit() }, instanceId, zone },
  };
}

/** Those given by address without our own, null where the cloud lists the peers. */
function addressesOf({ peers }: Config, local: readonly string[]): string[] | null {
  return peers.kind === "static"
    ? peers.addresses.filter((address) => !local.includes(address))
    : null;
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
