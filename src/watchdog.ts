// -W: the process around the watches, one for each Elastic IP, which share socket, timer and signals.
import { trailerFor } from "./core/advert.ts";
import { decode, encode } from "./core/heartbeat.ts";
import type { NodeEvent, NodeSettings } from "./core/node.ts";
import { unresolved } from "./core/peer.ts";
import { statusLines } from "./core/status.ts";
import type { Connect } from "./connection.ts";
import { addressed } from "./addressed_log.ts";
import { QuietLog } from "./quiet_log.ts";
import { Supervision } from "./supervision.ts";
import { type Outgoing, type Reconfiguration, Watch } from "./watch.ts";
import type {
  Clock,
  Datagram,
  Link,
  Log,
  Observer,
  SignalName,
  Signals,
  Supervisor,
} from "./world.ts";

/** The longest `info` request that is recognised. */
const INFO_MAX_BYTES = 16;

/** What the watchdog is told once. */
export interface WatchdogSettings {
  /** One for each Elastic IP, at least one. */
  readonly nodes: readonly NodeSettings[];
  /** Port of every node. */
  readonly port: number;
  /** Whether heartbeats carry our trailer. */
  readonly trailer: boolean;
  /** Known on API v2 before the cloud has answered; null on v1. */
  readonly selfId: string | null;
  /** Addresses given with `-p`; null when the cloud lists the peers. */
  readonly addresses: readonly string[] | null;
  /** Log every API call. */
  readonly verbose: boolean;
}

/** The outside of the watchdog. */
export interface World {
  readonly clock: Clock;
  /** Uniform in 0..1. */
  readonly random: () => number;
  readonly link: Link;
  readonly signals: Signals;
  readonly log: Log;
  /** Null when nobody wants to hear. */
  readonly supervisor: Supervisor | null;
  /** Null when nobody wants to know. */
  readonly observer?: Observer | null;
  readonly connect: Connect;
}

/** Runs until told to stop, or until the cloud says that it never can work. Resolves to the exit code. */
export function runWatchdog(settings: WatchdogSettings, world: World): Promise<0 | 1> {
  return new Watchdog(settings, world).run();
}

/** The running watchdog. */
export class Watchdog {
  /** One for each Elastic IP, in the order of the configuration. */
  readonly watches: readonly Watch[];
  readonly #settings: WatchdogSettings;
  readonly #world: World;
  readonly #quiet: QuietLog;
  /** That one, and those of the addresses where there are several. */
  readonly #quiets: QuietLog[];
  readonly #supervision: Supervision;
  readonly #refused = new Map<string, number>();
  #sent = 0;
  #received = 0;
  #sequence = 0;
  #timer: { atMs: number; cancel: AbortController } | null = null;
  #finish: (code: 0 | 1) => void = () => {};

  constructor(settings: WatchdogSettings, world: World) {
    this.#settings = settings;
    this.#world = world;
    this.#quiet = new QuietLog(world.log, world.clock);
    this.#quiets = [this.#quiet];
    this.#supervision = new Supervision(world.supervisor);
    this.watches = settings.nodes.map((node) => this.#watch(node));
  }

  /** Resolves to the exit code once every watch has ended. */
  async run(): Promise<0 | 1> {
    const { signals, link } = this.#world;
    const finished = new Promise<0 | 1>((resolve) => this.#finish = resolve);
    const deaf = signals.listen((signal) => this.#told(signal));
    for (const watch of this.watches) {
      const { elasticIp } = watch.node.election.settings;
      this.#say("info", "start", `watching ${elasticIp} through ${watch.cloudName}`);
      watch.deliver({ kind: "tick" });
    }
    const listening = this.#listen();
    const code = await finished;
    this.#timer?.cancel.abort();
    deaf();
    await link.close();
    await Promise.all([listening, ...this.watches.map((watch) => watch.callsEnded())]);
    for (const quiet of this.#quiets) quiet.close();
    return code;
  }

  /** Tells every watch. */
  tell(event: NodeEvent): void {
    for (const watch of this.watches) watch.deliver(event);
  }

  /** What is other from now on for each Elastic IP, in the order of the start. */
  reconfigure(changes: readonly Reconfiguration[]): void {
    for (const [index, watch] of this.watches.entries()) watch.reconfigure(changes[index] ?? {});
  }

  /** Does that while the service manager is told that a new configuration is being read. */
  async reload(work: () => Promise<void>): Promise<void> {
    this.#supervision.reloading();
    await work();
    this.#supervision.reloaded();
  }

  #watch(node: NodeSettings): Watch {
    const { selfId, addresses, verbose, nodes } = this.#settings;
    const { clock, random, log, observer = null, connect } = this.#world;
    const { elasticIp } = node;
    const several = nodes.length > 1;
    const own = several ? addressed(log, elasticIp) : log;
    const quiet = several ? new QuietLog(own, clock) : this.#quiet;
    if (several) this.#quiets.push(quiet);
    return new Watch({
      settings: node,
      selfId,
      peers: addresses?.map(unresolved) ?? null,
      verbose,
      clock,
      random,
      log: own,
      quiet,
      observer,
      connect: (onProgress) => connect(elasticIp, onProgress),
      send: (outgoing) => this.#send(outgoing),
      refuse: (from, reason) => this.#refuse(from, reason),
      stepped: (atMs) => this.#stepped(atMs),
      ended: () => this.#ended(),
    });
  }

  #told(signal: SignalName): void {
    this.#say("info", "signal", `told: ${signal}`);
    if (signal === "stop") this.tell({ kind: "stop" });
    else if (signal !== "reload") this.tell({ kind: "nudge", by: signal === "better" ? -1 : 1 });
  }

  #stepped(atMs: number): void {
    for (const quiet of this.#quiets) quiet.settle(atMs);
    const nodes = this.watches.filter((watch) => watch.exitCode === null).map(({ node }) => node);
    this.#supervision.stepped(nodes, atMs);
    const wakes = this.watches.map(({ wakeAtMs }) => wakeAtMs);
    this.#sleep(Math.min(...wakes, nodes.length > 0 ? this.#supervision.wakeAtMs : Infinity));
  }

  #sleep(wakeAtMs: number): void {
    if (this.#timer?.atMs === wakeAtMs) return;
    this.#timer?.cancel.abort();
    if (wakeAtMs === Infinity) return void (this.#timer = null);
    const { clock } = this.#world;
    const cancel = new AbortController();
    this.#timer = { atMs: wakeAtMs, cancel };
    // Timers count whole milliseconds: rounding up wakes once and not a little too early.
    clock.sleep(Math.ceil(wakeAtMs - clock.nowMs()), cancel.signal).then(() => {
      if (cancel.signal.aborted) return;
      this.#timer = null;
      this.#tick();
    });
  }

  /** Steps the watches that wanted it; if none did, all, as a sign of life. */
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

  #send({ elasticIp, selfId, to, advert, hearsYou }: Outgoing): void {
    const { clock, link } = this.#world;
    const { trailer, port } = this.#settings;
    this.#sequence = Math.max(this.#sequence + 1, Math.floor(clock.wallMs()));
    this.#sent += 1;
    const bytes = encode({
      priority: advert.priority,
      elasticIp,
      id: selfId,
      trailer: trailer ? trailerFor(advert, { hearsYou, sequence: this.#sequence }) : null,
    });
    link.send(bytes, to, port);
  }

  async #listen(): Promise<void> {
    for await (const datagram of this.#world.link) this.#receive(datagram);
  }

  #receive({ bytes, from, fromPort }: Datagram): void {
    const heartbeat = decode(bytes);
    if (!("refused" in heartbeat)) {
      this.#received += 1;
      const { elasticIp } = heartbeat;
      const watch = this.watches.find(({ node }) => node.election.settings.elasticIp === elasticIp);
      if (!watch) return this.#refuse(from, "wrong-address");
      return watch.deliver({ kind: "heard", from, heartbeat });
    }
    if (bytes.length > INFO_MAX_BYTES || new TextDecoder().decode(bytes).trim() !== "info") {
      return this.#refuse(from, heartbeat.refused);
    }
    this.#answer(from, fromPort);
  }

  #answer(from: string, fromPort: number): void {
    const { link, clock } = this.#world;
    const loopback = from.startsWith("127.") || from === "::1";
    if (!loopback && !link.localAddresses.includes(from)) {
      return this.#refuse(from, "remote-info");
    }
    const counts = { sent: this.#sent, received: this.#received, refused: this.#refused };
    const lines = this.watches.flatMap(({ node }) => statusLines(node, counts, clock.nowMs()));
    for (const line of lines) this.#say("info", "status", line);
    link.send(new TextEncoder().encode(lines.join("\n") + "\n"), from, fromPort);
  }

  #refuse(from: string, reason: string): void {
    this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1);
    const text = `datagram from ${from}: ${reason}`;
    this.#quiet.write(`${from} ${reason}`, ["warning", "refused", text]);
  }

  #say(...line: Parameters<Log["write"]>): void {
    this.#world.log.write(...line);
  }
}
