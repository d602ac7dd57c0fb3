// -W: from the configuration to a running watchdog.
import { childEnvironment } from "../host/child_environment.ts";
import { type Config, nameOf } from "../config/config.ts";
import type { Access, Connect } from "../startup/connection.ts";
import type { Loaded } from "../config/load.ts";
import type { Host } from "../host/host.ts";
import type { HostLog } from "../host/log.ts";
import { likelyOwn } from "../watch/heartbeat_source.ts";
import { settleDown } from "../watch/least_privilege.ts";
import { openSocketAtStartup } from "../watch/open_link.ts";
import type { Redaction } from "../log/redaction.ts";
import { connectByNames } from "../peers/named_cloud.ts";
import { type NamedPeers, PeerNames } from "../peers/peer_names.ts";
import { InterfaceAddresses } from "../watch/interface_address.ts";
import type { Runtime } from "../config/reload.ts";
import { Renewal } from "../watch/renewal.ts";
import { Reloader } from "../watch/reloader.ts";
import { Keyring } from "../host/keyring.ts";
import { openStatus } from "../watch/serve_status.ts";
import { Service } from "../watch/service.ts";
import type { Told } from "../startup/early_signals.ts";
import type { UdpSocket } from "../world.ts";
import { commit, VERSION } from "../version.ts";
import { Watchdog, type WatchdogSettings } from "../watch/watchdog.ts";
import { secretsOf } from "../startup/secrets.ts";
import type { NodeSettings } from "../core/node_state.ts";

const UNSIGNED =
  `heartbeats are not signed: who can send from a node's address can speak for it, see ${
    nameOf("shared-secret-file")
  }`;
const ACCEPTED = `unsigned heartbeats are accepted until their sender has signed one: leave out ${
  nameOf("accept-unsigned")
} once all nodes sign`;

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
  readonly loaded: Loaded;
  readonly told: Told;
  readonly redaction: Redaction;
}

/** Watches until told to stop. Resolves to the exit code. */
export async function watch(config: Config, options: WatchModeOptions): Promise<number> {
  const { host, log, told: { signal } } = options;
  const { runCommand: run } = host;
  const env = childEnvironment(host.env);
  const addresses = new InterfaceAddresses(config.addressOn, { log, run, env });
  try {
    const problem = await addresses.put(config.addresses.map(({ elasticIp }) => elasticIp));
    // A node that gets the Elastic IP and has it on no interface would only swallow what is sent to it.
    if (problem !== null) log.write("critical", "interface", `${nameOf("address-on")}: ${problem}`);
    if (signal.aborted) return 0;
    if (problem !== null) return 1;
    return await watchHere(config, { ...options, addresses });
  } finally {
    await addresses.takeOff();
  }
}

async function watchHere(
  config: Config,
  options: WatchModeOptions & { addresses: InterfaceAddresses },
): Promise<number> {
  const { instanceId, host, log, access, told, addresses } = options;
  const { hostname } = config.listen;
  const socket = await openSocketAtStartup(config.listen, { host, log, signal: told.signal });
  if (socket === null) return told.signal.aborted ? 0 : 1;
  guessSource(socket, { config, host });
  const { sharedSecrets, acceptUnsigned } = config;
  const keyring = sharedSecrets.length > 0 ? await Keyring.of(sharedSecrets) : null;
  if (!keyring) log.write("info", "unsigned", UNSIGNED);
  else if (acceptUnsigned) log.write("warning", "unsigned", ACCEPTED);
  const { clock, random, signals, supervisor } = host;
  const ending = new AbortController();
  const { peers } = config;
  const names = peers.kind === "static"
    ? new PeerNames(peers.addresses, { host, hostname, log })
    : null;
  const connect = names ? connectByNames(options.connect, { names, access }) : options.connect;
  const named = await names?.start(told.signal) ?? null;
  if (told.signal.aborted) {
    await socket.close();
    return 0;
  }
  const hide = (text: string) => options.redaction.hide(text);
  const settings = watchdogSettings(config, { instanceId, named, dynamic: names?.named ?? true });
  const service = new Service(config, { instanceId, host, log, addresses });
  const { observer } = service;
  const renewal = new Renewal({
    ...options,
    hide: ({ apiKey, secret }) => options.redaction.add([apiKey, secret]),
  });
  const checks = () => service.checks;
  const presence = (elasticIp: string) => service.presence(elasticIp);
  let status: ReturnType<typeof openStatus> = null;
  const closing = async () => {
    ending.abort();
    renewal.close();
    await Promise.all([status?.close(), service.close()]);
    await addresses.takeOff();
  };
  const world = {
    clock,
    random,
    socket,
    signals,
    log,
    supervisor,
    observer,
    checks,
    presence,
    peerName: (address: string) => names?.nameOf(address) ?? null,
    keyring,
    hide,
    closing,
    connect: ((...socket) => renewal.around(connect(...socket))) satisfies Connect,
  };
  const watchdog = new Watchdog(settings, world);
  const tell = (peers: Partial<NamedPeers>) =>
    watchdog.reconfigure(watchdog.watches.map(() => peers));
  const runtime: Runtime = {
    election(next) {
      watchdog.reconfigure(nodeSettings(next).map((settings) => ({ settings })));
    },
    checks: (next) => service.reconfigure(next),
    credentials(next) {
      access.credentials = next.credentials;
      renewal.changed();
    },
    sharedSecrets: (next) => void keyring?.rekey(next.sharedSecrets),
  };
  const reloader = new Reloader({
    ...options,
    names,
    config: options.configured,
    hide: (next) => options.redaction.add(secretsOf(next)),
    runtime,
  });
  told.requests.serve(() => void watchdog.reload(() => reloader.reload()));
  status = openStatus(config, { host, watchdog, log });
  // The page of --listen-status and what names the program are read by now.
  settleDown(config, { host, log, loaded: options.loaded });
  service.attend(watchdog);
  names?.follow(tell, ending.signal);
  const running = watchdog.run();
  told.handOver((signal) => watchdog.told(signal));
  return await running;
}

/** The first heartbeats leave before the cloud has said from where they must. */
function guessSource(
  socket: UdpSocket,
  { config, host }: { config: Config; host: Pick<Host, "interfaces"> },
): void {
  try {
    const elasticIps = config.addresses.map(({ elasticIp }) => elasticIp);
    const named = config.peers.kind === "static" ? config.peers.addresses : [];
    socket.sendFrom(likelyOwn(host.interfaces(), { elasticIps, named }), () => {});
  } catch {
    // The interfaces cannot be listed: then the routes choose, until the cloud has answered.
  }
}

function watchdogSettings(
  config: Config,
  { instanceId, named, dynamic }: {
    instanceId: string;
    named: NamedPeers | null;
    dynamic: boolean;
  },
): WatchdogSettings {
  const { listen, verbose, heartbeatFormat, api, zone } = config;
  return {
    nodes: nodeSettings(config),
    port: listen.port,
    trailer: heartbeatFormat === "extended",
    acceptUnsigned: config.acceptUnsigned,
    selfId: api === "v2" ? instanceId : null,
    addresses: named?.addresses ?? null,
    missing: named?.missing ?? [],
    dynamic,
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
