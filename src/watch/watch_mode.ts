// -W: from the configuration to a running watchdog.
import { childEnvironment } from "../service/child_environment.ts";
import { type Config, nameOf } from "../config.ts";
import type { Access, Connect } from "../connection.ts";
import { hostText } from "../core/ip.ts";
import type { NodeSettings } from "../core/node.ts";
import type { Gathered } from "../config/gather.ts";
import type { Host } from "../host.ts";
import type { HostLog } from "../host/log.ts";
import { settleDown } from "./least_privilege.ts";
import { type Redaction, secretsOf } from "../log/redaction.ts";
import { InterfaceAddresses } from "../service/interface_address.ts";
import type { Changes } from "../config/reload.ts";
import { Reloader } from "./reloader.ts";
import { Seal } from "./seal.ts";
import { openStatus } from "../status/serve_status.ts";
import { Service } from "../service/service.ts";
import { commit, VERSION } from "../version.ts";
import { Watchdog, type WatchdogSettings } from "./watchdog.ts";
import type { Link } from "../world.ts";

const UNSIGNED =
  `heartbeats are not signed: who can send from a node's address can speak for it, see ${
    nameOf("shared-secret-file")
  }`;
const ACCEPTED = `unsigned heartbeats are accepted until their sender has signed one: leave out ${
  nameOf("accept-unsigned")
} once all nodes sign`;

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
  readonly redaction: Redaction;
}

/** Watches until told to stop. Resolves to the exit code. */
export async function watch(config: Config, options: WatchModeOptions): Promise<number> {
  const { host, log } = options;
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
    return await watchHere(config, { ...options, addresses });
  } finally {
    await addresses.takeOff();
    deaf();
  }
}

async function watchHere(
  config: Config,
  options: WatchModeOptions & { addresses: InterfaceAddresses },
): Promise<number> {
  const { instanceId, host, log, connect, access, requests, addresses } = options;
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
  const { sharedSecrets, acceptUnsigned } = config;
  const seal = sharedSecrets.length > 0 ? await Seal.of(sharedSecrets) : null;
  if (!seal) log.write("info", "unsigned", UNSIGNED);
  else if (acceptUnsigned) log.write("warning", "unsigned", ACCEPTED);
  const { clock, random, signals, supervisor } = host;
  const { localAddresses } = link;
  const hide = (text: string) => options.redaction.hide(text);
  const settings = watchdogSettings(config, { instanceId, localAddresses });
  const service = new Service(config, { instanceId, host, log, addresses });
  const { observer } = service;
  const checks = () => service.checks;
  const presence = (elasticIp: string) => service.presence(elasticIp);
  const world = {
    clock,
    random,
    link,
    signals,
    log,
    supervisor,
    observer,
    checks,
    presence,
    seal,
    hide,
    connect,
  };
  const watchdog = new Watchdog(settings, world);
  const apply = (next: Config, changes: Changes) => {
    options.redaction.add(secretsOf(next));
    if (changes.apply.includes("shared-secret-file")) void seal?.rekey(next.sharedSecrets);
    Object.assign(access, { credentials: next.credentials, peers: next.peers });
    const addresses = changes.apply.includes("p") ? addressesOf(next, localAddresses) : null;
    const other = addresses && { addresses };
    if (changes.apply.some((option) => option.startsWith("check"))) service.reconfigure(next);
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
  // The page of --listen-status and what names the program are read by now.
  settleDown(config, { host, log, gathered: options.gathered });
  service.attend(watchdog);
  const code = await watchdog.run();
  await Promise.all([status?.close(), service.close()]);
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
    acceptUnsigned: config.acceptUnsigned,
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
