// -W: one run from start to end. While it lasts, only this code hears signals.
import { childEnvironment } from "../host/child_environment.ts";
import { type Config, nameOf } from "../config/config.ts";
import { isOn } from "../options/parse.ts";
import type { Loaded } from "../config/load.ts";
import { connectStore, type Stores } from "../startup/store.ts";
import { messageOf } from "../core/message_of.ts";
import type { Connection } from "../startup/connection.ts";
import type { Host } from "../host/host.ts";
import type { HostLog } from "../host/log.ts";
import { type Aside, plainAside } from "../core/election/aside.ts";
import { drainFileOf, readDrain } from "../config/drain_file.ts";
import { clusterOf } from "../host/kubernetes.ts";
import { Keyring } from "../host/keyring.ts";
import type { Redaction } from "../log/redaction.ts";
import { type NamedPeers, PeerNames } from "../peers/peer_names.ts";
import { shownCommand } from "../checks/spec.ts";
import { secretsOf } from "../startup/secrets.ts";
import { commit, VERSION } from "../version.ts";
import { likelyOwn } from "../watch/heartbeat_source.ts";
import { Control } from "../watch/control.ts";
import { CordonWatch } from "../watch/cordon_watch.ts";
import { InterfaceAddresses } from "../watch/interface_address.ts";
import { type HistoryFile, openHistoryFile } from "../watch/history_file.ts";
import { announceShadow, Shadow, shadowLookMs, shadowManager } from "../watch/shadow.ts";
import { settleDown } from "../watch/least_privilege.ts";
import { openSocketAtStartup, questionsOnly } from "../watch/open_socket.ts";
import { Renewal } from "../watch/renewal.ts";
import { openControl } from "../watch/serve_control.ts";
import { openStatus } from "../watch/serve_status.ts";
import { Service } from "../watch/service.ts";
import { Watchdog, type WatchdogSettings } from "../watch/watchdog.ts";
import { Reloader } from "./reload.ts";
import { type NodeSettings, someSpeak } from "../core/node/state.ts";
import type { Log, SignalListener, SignalName, UdpSocket } from "../world.ts";

const UNSIGNED =
  `heartbeats are not signed: who can send from a node's address can speak for it, see ${
    nameOf("shared-secret-file")
  }`;
const ACCEPTED = `unsigned heartbeats are accepted until their sender has signed one: leave out ${
  nameOf("accept-unsigned")
} once all nodes sign`;

/** What a signal asks for. */
const ASKED: Readonly<Record<SignalName, string>> = {
  better: "a signal asks for a better priority",
  worse: "a signal asks for a worse priority",
  stop: "a signal asks to stop",
  reload: "a signal asks to read the configuration again",
};

/** At this stop signal, the process no longer waits for anything. */
const LAST_STOP = 3;

/** What watching needs besides the configuration. */
export interface WatchModeOptions {
  /** The configuration as given; a reload compares the next one with it. */
  readonly configured: Config;
  readonly instanceId: string;
  readonly host: Host;
  readonly log: HostLog;
  readonly connection: Connection;
  readonly argv: readonly string[];
  readonly loaded: Loaded;
  /** Aborted if the process is told to stop before there is a watchdog. */
  readonly signal: AbortSignal;
  readonly redaction: Redaction;
}

/** Watches until told to stop. Resolves to the exit code. */
export async function watch(given: Config, options: WatchModeOptions): Promise<number> {
  const { host, log, signal, loaded } = options;
  const config = given.shadow ? { ...given, addressOn: null, notify: null } : given;
  const shadow = given.shadow ? shadowOf(given, { host, log }) : null;
  const { runCommand: run } = host;
  const interfaces = new InterfaceAddresses(config.addressOn, {
    ...{ log, run, env: childEnvironment(host.env) },
  });
  // Everything beside the watchdog ends before the watchdog writes its last line, and in any case.
  await using beside = new AsyncDisposableStack();
  beside.defer(() => interfaces.takeOff());
  const problem = await interfaces.put(config.elasticIps.map(({ elasticIp }) => elasticIp));
  // A node that holds the Elastic IP, but has it on no interface, would drop all its traffic.
  if (problem !== null) log.write("critical", "interface", `${nameOf("address-on")}: ${problem}`);
  if (signal.aborted) return 0;
  if (problem !== null) return 1;
  const stores = storesOf(config, { host, log });
  if (stores === "unusable") return 1;
  beside.defer(() => stores?.close());

  const heartbeats = someSpeak(nodeSettings(config));
  const place = heartbeats ? config.listen : questionsOnly(config.listen);
  const socket = await openSocketAtStartup(place, { host, log, signal });
  if (socket === null) return signal.aborted ? 0 : 1;
  if (heartbeats) guessSource(socket, { config, host });
  // The port is ours now, so a socket that is named after it is no other watchdog's.
  const controlSocket = await openControl(config, { host, log });
  beside.defer(() => controlSocket?.close());
  const drainFile = drainFileOf(config.stateDir, config.listen.port, host.env);
  const drain = await drainAtStart(drainFile, { host, log });
  const keyring = heartbeats ? await keyringOf(config, log) : null;
  const names = heartbeats ? peerNamesOf(config, { host, log }) : null;
  const named = await names?.start(signal) ?? null;
  if (signal.aborted) {
    await socket.close();
    return 0;
  }

  const { clock } = host, { instanceId } = options;
  const historyFile = openHistoryFile(config.historyFile, { clock, log, instanceId });
  beside.defer(() => historyFile?.close());
  // No await between that last check and the moment in which the run itself hears signals.
  const parts = { socket, keyring, names, named, interfaces, historyFile, beside, shadow, stores };
  const { watchdog, service, hear } = assemble(config, { ...options, ...parts, drain });
  const status = openStatus(config, { host, watchdog, log });
  beside.defer(() => status?.close());
  // The page of --listen-status and the program's names have been read by now.
  settleDown(config, { host, log, loaded });
  const control = new Control(watchdog, { drain, drainFile });
  controlSocket?.serve((line) => control.answer(line));
  shadow?.attend(watchdog);
  const cordon = watchCordon(config, { host, log: watchdog.log, control });
  beside.defer(() => cordon?.close());
  service.attend(watchdog);
  const ending = new AbortController();
  beside.defer(() => ending.abort());
  names?.follow((peers) => {
    for (const each of watchdog.watches) each.reconfigure(peers);
  }, ending.signal);
  const running = watchdog.run();
  const unsubscribe = host.signals.listen(hear);
  const code = await running;
  unsubscribe();
  const json = isOn(loaded.values.given.get("json"));
  if (shadow) sayReport(shadow.lines(json), { json, host, log });
  return code;
}

/** The shadow of that configuration, and what it leaves undone. */
function shadowOf(
  { elasticIps: configured, addressOn, notify, listen: { port } }: Config,
  { host: { clock }, log }: Pick<WatchModeOptions, "host" | "log">,
): Shadow {
  const elasticIps = configured.map(({ elasticIp }) => elasticIp);
  announceShadow(log, { elasticIps, addressOn, port });
  return new Shadow({ clock, elasticIps, notify: notify && shownCommand(notify.join(" ")) });
}

/** Prints the report. In a log format, standard output has lines of that format only; JSON was asked for. */
function sayReport(
  lines: readonly string[],
  { json, host, log }: { json: boolean } & Pick<WatchModeOptions, "host" | "log">,
): void {
  for (const line of lines) {
    if (json || log.format === "text") host.print("out", line);
    else log.write("info", "shadow", line.trim());
  }
}

/** The parts of a run, and its reaction to signals. */
function assemble(
  config: Config,
  options: WatchModeOptions & {
    readonly socket: UdpSocket;
    readonly keyring: Keyring | null;
    readonly names: PeerNames | null;
    readonly named: NamedPeers | null;
    readonly interfaces: InterfaceAddresses;
    readonly historyFile: HistoryFile | null;
    readonly drain: Aside | null;
    readonly beside: AsyncDisposableStack;
    readonly shadow: Shadow | null;
    readonly stores: Stores | null;
  },
): { watchdog: Watchdog; service: Service; hear: SignalListener } {
  const { instanceId, host, log, connection, redaction, configured } = options;
  const { socket, keyring, names, named, interfaces: addresses, historyFile } = options;
  const { drain, beside, shadow, stores } = options;
  const { clock, random } = host;
  const serviceManager = shadow ? shadowManager(host.serviceManager) : host.serviceManager;
  const { signer } = connection;
  const service = new Service(config, { instanceId, host, log, addresses });
  const renewal = new Renewal({
    ...options,
    signer,
    hide: ({ apiKey, secret }) => redaction.add([apiKey, secret]),
  });
  beside.defer(() => service.close());
  beside.defer(() => renewal.close());
  const dynamic = names?.named ?? true;
  const settings = { ...watchdogSettings(config, { instanceId, named, dynamic }), aside: drain };
  const watchdog = new Watchdog(settings, {
    ...{ clock, random, socket, log, serviceManager, keyring, historyFile },
    observer: shadow ? shadow.observer : service.observer,
    ...(shadow && { shadowReport: (elasticIp: string) => shadow.report(elasticIp) }),
    checks: () => service.checks,
    presence: (elasticIp) => service.presence(elasticIp),
    peerName: (address) => names?.nameOf(address) ?? null,
    hide: (text) => redaction.hide(text),
    ...(stores && { store: stores.storeOf }),
    closing: () => beside.disposeAsync(),
    connect: (elasticIp, onProgress) => {
      const cloud = connection.connect(elasticIp, onProgress);
      return shadow ? shadow.around(elasticIp, cloud) : cloud;
    },
    ...(names && { readPeers: (read) => names.members(read) }),
    keyRefused: () => renewal.refused(),
  });
  const reloader = new Reloader({
    ...options,
    config: configured,
    hide: (next) => redaction.add(secretsOf(next)),
    runtime: {
      election: (next) =>
        watchdog.reconfigure(nodeSettings(next).map((settings) => ({ settings }))),
      checks: (next) => service.reconfigure(next),
      credentials: (next) => renewal.use(next.credentials),
      leaseCredentials: ({ lease }) => lease && stores?.use(lease),
      sharedSecrets: (next) => void keyring?.rekey(next.sharedSecrets),
    },
  });
  const reload = async () => {
    serviceManager?.reloading();
    await reloader.reload();
    serviceManager?.reloaded();
  };
  let stops = 0;
  const hear: SignalListener = (signal) => {
    watchdog.log.write("info", "signal", ASKED[signal]);
    switch (signal) {
      case "better":
        return watchdog.tell({ kind: "nudge", by: -1 });
      case "worse":
        return watchdog.tell({ kind: "nudge", by: 1 });
      case "reload":
        return void reload();
      case "stop":
        stops += 1;
        shadow?.stop();
        // The core counts, too: at the first signal it waits for a successor, at the second for the cloud, then for
        // nothing.
        watchdog.tell({ kind: "stop" });
        return stops >= LAST_STOP ? service.giveUp() : undefined;
      default:
        return signal satisfies never;
    }
  };
  return { watchdog, service, hear };
}

/** The store of the lease, null without a lease. */
function storesOf(
  config: Config,
  { host, log }: { host: Host; log: Log },
): Stores | "unusable" | null {
  try {
    return connectStore(config, host);
  } catch (error) {
    log.write("critical", "configuration", messageOf(error));
    return "unusable";
  }
}

/** Begins to ask for a cordon, where that is configured and possible. */
function watchCordon(
  { drainOn, kubernetesNode }: Config,
  { host, log, control }: { host: Host; log: Log; control: Control },
): CordonWatch | null {
  if (drainOn === null) return null;
  const read = (path: string) => Promise.resolve((host.rereadTextFile ?? host.readTextFile)(path));
  const cluster = clusterOf(host.env, { node: kubernetesNode, read });
  if ("problem" in cluster) {
    log.write("warning", "drain", `${nameOf("drain-on")}: ${cluster.problem}`);
    return null;
  }
  return new CordonWatch({
    ...{ node: cluster.node, clock: host.clock, log },
    ask: (signal) => host.isCordoned(cluster, signal),
    tell: (cordon) => control.cordon(cordon),
  });
}

/** The drain that an earlier command recorded, null without one. */
async function drainAtStart(
  path: string,
  { host, log }: { host: Host; log: Log },
): Promise<Aside | null> {
  const read = host.rereadTextFile ?? host.readTextFile;
  const { drain, problem } = await readDrain(path, { read, nowWallMs: host.clock.wallMs() });
  if (drain === null) return null;
  const { by, why, wallMs } = plainAside(drain);
  const text = problem === null
    ? `drained by ${by} since ${new Date(wallMs).toISOString()}${why && `: ${why}`}`
    : `counts as drained, because ${path} cannot be read: ${problem}`;
  log.write("warning", "drain", `${text}; exoip --undrain ends that`);
  return drain;
}

async function keyringOf(
  { sharedSecrets, acceptUnsigned }: Config,
  log: Log,
): Promise<Keyring | null> {
  const keyring = sharedSecrets.length > 0 ? await Keyring.of(sharedSecrets) : null;
  if (!keyring) log.write("info", "unsigned", UNSIGNED);
  else if (acceptUnsigned) log.write("warning", "unsigned", ACCEPTED);
  return keyring;
}

function peerNamesOf(
  { peers, listen: { hostname } }: Config,
  { host, log }: { host: Host; log: Log },
): PeerNames | null {
  return peers.kind === "static" ? new PeerNames(peers.addresses, { host, hostname, log }) : null;
}

/** The first heartbeats leave before the cloud has told this instance's own addresses. */
function guessSource(
  socket: UdpSocket,
  { config, host }: { config: Config; host: Pick<Host, "interfaces"> },
): void {
  try {
    const elasticIps = config.elasticIps.map(({ elasticIp }) => elasticIp);
    const named = config.peers.kind === "static" ? config.peers.addresses : [];
    socket.sendFrom(likelyOwn(host.interfaces(), { elasticIps, named }), () => {});
  } catch {
    // The interfaces cannot be listed: the routes choose the source until the cloud has answered.
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
    shadow: config.shadow,
    selfId: api === "v2" ? instanceId : null,
    addresses: named?.addresses ?? null,
    missing: named?.missing ?? [],
    dynamic,
    verbose,
    about: { program: { version: VERSION, commit: commit() }, instanceId, zone },
  };
}

/** The settings of each election: one for each Elastic IP, or one for all that move together. */
export function nodeSettings(config: Config): NodeSettings[] {
  const { intervalMs, deadRatio, exclusive, preemptDelayMs, handoverTimeoutMs, reconcileMs } =
    config;
  const { moveLimit, lease } = config;
  const all = config.elasticIps.map(({ elasticIp, priority }) => ({
    elasticIp,
    priority: priority ?? config.priority,
    intervalMs,
    deadRatio,
    exclusive,
    preemptDelayMs,
    handoverTimeoutMs,
    moveLimit,
    reconcileMs: config.shadow ? shadowLookMs(config.elasticIps.length) : reconcileMs,
    lease: lease && {
      ttlMs: lease.ttlMs,
      failsafe: lease.failsafe,
      heartbeats: lease.heartbeats,
    },
  }));
  if (!config.together) return all;
  // The heartbeats carry the first address: it must be the same on all nodes, in whatever order they name them.
  const [first, ...sisters] = all.map(({ elasticIp }) => elasticIp).toSorted();
  return all.filter(({ elasticIp }) => elasticIp === first).map((each) => ({ ...each, sisters }));
}
