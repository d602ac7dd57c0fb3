// -W: the process around the watches. There is one watch for each Elastic IP, or one for all if they move together;
// they share the socket and the timer.
import { unresolved } from "../core/election/peer.ts";
import type { Vitals } from "../status/liveness.ts";
import type { History } from "../status/history/view.ts";
import type { Snapshot } from "../status/snapshot.ts";
import { DeadlineTimer } from "./deadline_timer.ts";
import { addressed } from "../log/addressed_log.ts";
import { InfoResponder } from "../status/info_responder.ts";
import { Histories } from "./histories.ts";
import { FROM_ELASTIC_IP, sourceLine } from "./heartbeat_source.ts";
import { RateLimitedLog, STRANGE_KINDS_MAX } from "../log/rate_limited_log.ts";
import { RecentLog } from "../status/recent_log.ts";
import { Receiver } from "./receiver.ts";
import { Refusals } from "./refusals.ts";
import { drawRun } from "../host/keyring.ts";
import { Sender } from "./sender.ts";
import { Snapshots } from "./snapshot_source.ts";
import { Supervision } from "./supervision.ts";
import { Twins } from "./twins.ts";
import { type Reconfiguration, Watch } from "./watch.ts";
import { Datagrams } from "../status/counters.ts";
import type { WatchdogSettings, World } from "./watchdog_options.ts";
import type { HeartbeatSource, Log } from "../world.ts";
import { type NodeEvent, type NodeSettings, someSpeak } from "../core/node/state.ts";
export type { WatchdogSettings, World } from "./watchdog_options.ts";

/** The running watchdog. */
export class Watchdog {
  /** One for each Elastic IP, in the order of the configuration; only one if they move together. */
  readonly watches: readonly Watch[];
  readonly #settings: WatchdogSettings;
  readonly #world: World;
  readonly #limitedLog: RateLimitedLog;
  /** All rate-limited logs: the general one, the one for datagrams of strangers, and those of several addresses. */
  readonly #limitedLogs: RateLimitedLog[];
  readonly #supervision: Supervision;
  readonly #receiver: Receiver;
  readonly #sender: Sender;
  readonly #refusals: Refusals;
  readonly #log: RecentLog;
  readonly #run: bigint;
  readonly #datagrams = new Datagrams();
  readonly #timer: DeadlineTimer;
  readonly #snapshots: Snapshots;
  readonly #histories: Histories;
  /** Always the same function, so that the socket reports each change once for all addresses. */
  readonly #sourceChanged = (source: HeartbeatSource) =>
    this.#limitedLog.write(
      `source ${source.family} ${source.own} ${source.trouble === null}`,
      sourceLine(source),
    );
  readonly #heartbeats: boolean;
  #listening = true;
  #finish: (code: 0 | 1) => void = () => {};

  constructor(settings: WatchdogSettings, world: World) {
    this.#settings = settings;
    this.#world = world;
    this.#heartbeats = someSpeak(settings.nodes);
    const { clock, socket, keyring = null } = world;
    this.#timer = new DeadlineTimer(clock, () => this.#tick());
    this.#log = new RecentLog(world.log, clock, world.hide);
    this.#limitedLog = new RateLimitedLog(this.#log, clock);
    const strange = new RateLimitedLog(this.#log, clock, STRANGE_KINDS_MAX);
    this.#limitedLogs = [this.#limitedLog, strange];
    this.#supervision = new Supervision(world.serviceManager);
    const { acceptUnsigned = false, port, trailer, shadow = false } = settings;
    const datagrams = this.#datagrams;
    const refusals = this.#refusals = new Refusals({ clock, limitedLog: strange, datagrams });
    const run = this.#run = world.run ?? drawRun();
    this.#sender = new Sender({ clock, socket, keyring, run, port, trailer, shadow, datagrams });
    const { localAddresses } = socket, sender = this.#sender;
    const sides = { sender, refusals, localAddresses };
    const twins = new Twins({ clock, keyring, run, acceptUnsigned, trailer, ...sides });
    const { peerName = () => null } = world;
    // As everywhere else: the instance's name in the cloud, else the configured one.
    const nameOf = (address: string) =>
      this.watches.map(({ node }) => node.election.peers.get(address)?.name).find(Boolean) ??
        peerName(address);
    this.#histories = new Histories({ clock, file: world.historyFile ?? null, nameOf });
    this.watches = settings.nodes.map((node) => this.#watch(node));
    this.#snapshots = new Snapshots({
      clock,
      watches: this.watches,
      datagrams,
      timer: this.#timer,
      listening: () => this.#listening,
      recent: this.#log,
      about: settings.about,
      checks: world.checks ?? (() => []),
      presence: world.presence ?? (() => null),
      peerName,
      shadow,
      shadowReport: world.shadowReport ?? (() => null),
    });
    const snapshot = () => this.snapshot(), history = () => this.history();
    this.#receiver = new Receiver({
      ...{ clock, shadow, keyring, acceptUnsigned, refusals, datagrams, twins },
      heartbeats: this.#heartbeats,
      watches: this.watches,
      infoResponder: new InfoResponder({ clock, socket, snapshot, history }),
    });
  }

  /** The log whose lines are remembered and shown. */
  get log(): Log {
    return this.#log;
  }

  /** The current state, as an operator is shown it. */
  snapshot(): Snapshot {
    return this.#snapshots.take();
  }

  /** Who held when, as far as this node knows. */
  history(): History {
    return this.#histories.view();
  }

  /** The data for liveness and readiness probes. */
  vitals(): Vitals {
    return this.#snapshots.vitals();
  }

  /** Runs until told to stop, or until the cloud says that it can never work. Resolves to the exit code. */
  async run(): Promise<0 | 1> {
    const { socket, keyring } = this.#world;
    const finished = new Promise<0 | 1>((resolve) => this.#finish = resolve);
    for (const watch of this.watches) watch.start();
    const listening = this.#receiver.listen(socket).finally(() => this.#listening = false);
    const code = await finished;
    this.#timer.cancel();
    await keyring?.handedOver();
    await socket.close();
    await Promise.all([listening, ...this.watches.map((watch) => watch.callsEnded())]);
    this.#histories.stop();
    await this.#world.closing?.();
    for (const limitedLog of this.#limitedLogs) limitedLog.close();
    this.#sayExit(code);
    return code;
  }

  /** Logs the last line. */
  #sayExit(code: 0 | 1): void {
    const remains = this.watches.flatMap((watch) => watch.remains);
    const severity = remains.some((each) => each.severity === "critical") ? "critical" : "info";
    const texts = [`exit code ${code}`, ...remains.map(({ text }) => text)];
    this.#log.write(severity, "exit", texts.join("; "));
  }

  /** Tells every watch. */
  tell(event: NodeEvent): void {
    for (const watch of this.watches) watch.deliver(event);
  }

  /** Applies the changes of a reload, one for each Elastic IP, in the order of the start. */
  reconfigure(changes: readonly Reconfiguration[]): void {
    for (const [index, watch] of this.watches.entries()) watch.reconfigure(changes[index] ?? {});
  }

  #watch(node: NodeSettings): Watch {
    const { selfId, addresses, missing = [], verbose, nodes } = this.#settings;
    const { clock, random, socket, observer = null, connect } = this.#world;
    const { dynamic, aside = null } = this.#settings;
    const log = this.#log;
    const { elasticIp } = node;
    const several = nodes.length > 1;
    const logsOf = (address: string) => {
      const own = addressed(log, address), limitedLog = new RateLimitedLog(own, clock);
      this.#limitedLogs.push(limitedLog);
      return { log: own, limitedLog };
    };
    const logs = several ? logsOf(elasticIp) : { log, limitedLog: this.#limitedLog };
    return new Watch({
      settings: node,
      selfId,
      run: this.#world.keyring ? this.#run : null,
      peers: addresses?.map(unresolved) ?? null,
      missing,
      dynamic: dynamic ?? addresses === null,
      aside,
      verbose,
      shadow: this.#settings.shadow ?? false,
      clock,
      random,
      ...logs,
      logsOf,
      observer,
      recorders: [elasticIp, ...(node.sisters ?? [])].map((each) => this.#histories.open(each)),
      // An answer about one address shows that the cloud answers: calls for the others only wait for their turn.
      connect: (address) => connect(address, (tookMs) => this.tell({ kind: "progress", tookMs })),
      readPeers: this.#world.readPeers ?? ((read) => read()),
      keyRefused: this.#world.keyRefused ?? (() => {}),
      store: node.lease ? this.#world.store?.(elasticIp) ?? null : null,
      send: (outgoing) => this.#sender.send(outgoing),
      refuse: (from, reason, cause) =>
        this.#refusals.refuse(from, reason, this.#isOurs(from) ? FROM_ELASTIC_IP : cause),
      identified: (addresses) => {
        if (this.#heartbeats) socket.sendFrom(addresses, this.#sourceChanged);
      },
      stepped: (atMs) => this.#stepped(atMs),
      ended: () => this.#ended(),
    });
  }

  /** Whether that is one of our Elastic IPs. */
  #isOurs(address: string): boolean {
    return this.watches.some(({ elasticIps }) => elasticIps.includes(address));
  }

  #stepped(atMs: number): void {
    for (const limitedLog of this.#limitedLogs) limitedLog.settle(atMs);
    const nodes = this.watches.filter((watch) => watch.exitCode === null).map(({ node }) => node);
    this.#supervision.stepped(nodes, atMs);
    this.#histories.stepped(atMs);
    const wakes = this.watches.map(({ wakeAtMs }) => wakeAtMs);
    this.#timer.set(Math.min(...wakes, nodes.length > 0 ? this.#supervision.wakeAtMs : Infinity));
  }

  /** Steps the watches that are due; if none is, all of them, as a sign of life. */
  #tick(): void {
    const nowMs = this.#world.clock.nowMs();
    const due = this.watches.filter(({ wakeAtMs }) => wakeAtMs <= nowMs);
    for (const watch of due.length > 0 ? due : this.watches) watch.deliver({ kind: "tick" });
  }

  /** A watch that has ended does not end the others. */
  #ended(): void {
    const codes = this.watches.map(({ exitCode }) => exitCode);
    if (!codes.includes(null)) this.#finish(codes.includes(1) ? 1 : 0);
  }
}
