// -W: the loop where events, the core and effects meet. Every event is stepped the moment it comes; effects
// are started and never waited for, so that nothing the cloud does can delay a heartbeat.
import { trailerFor } from "./core/advert.ts";
import { decode, encode } from "./core/heartbeat.ts";
import {
  type Node,
  type NodeEffect,
  type NodeEvent,
  type NodeSettings,
  nodeWakeAtMs,
  startNode,
  stepNode,
} from "./core/node.ts";
import type { Call } from "./core/ownership_state.ts";
import { unresolved } from "./core/peer.ts";
import { settling } from "./core/election_state.ts";
import { statusLines } from "./core/status.ts";
import { CloudCalls } from "./cloud_calls.ts";
import { QuietLog } from "./quiet_log.ts";
import { Supervision } from "./supervision.ts";
import type { Clock, Cloud, Datagram, Link, Log, Signals, Supervisor } from "./world.ts";

/** The longest `info` request that is recognised. */
const INFO_MAX_BYTES = 16;

/** What the watchdog is told once. */
export interface WatchdogSettings extends NodeSettings {
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
  /** Builds the cloud; it reports each good answer, and how long it took, through the listener. */
  readonly connect: (onProgress: (tookMs: number) => void) => Cloud;
}

/** Runs until told to stop, or until the cloud says that it never can work. Resolves to the exit code. */
export function runWatchdog(settings: WatchdogSettings, world: World): Promise<0 | 1> {
  return new Watchdog(settings, world).run();
}

class Watchdog {
  readonly #settings: WatchdogSettings;
  readonly #world: World;
  readonly #cloud: Cloud;
  readonly #calls: CloudCalls;
  readonly #quiet: QuietLog;
  readonly #supervision: Supervision;
  readonly #ending = new AbortController();
  readonly #refused = new Map<string, number>();
  #node: Node;
  #sent = 0;
  #received = 0;
  #sequence = 0;
  #timer: { atMs: number; cancel: AbortController } | null = null;
  #end: (code: 0 | 1) => void = () => {};

  constructor(settings: WatchdogSettings, world: World) {
    this.#settings = settings;
    this.#world = world;
    this.#quiet = new QuietLog(world.log, world.clock);
    this.#supervision = new Supervision(world.supervisor);
    const { clock, random, log } = world;
    this.#cloud = world.connect((tookMs) => this.#deliver({ kind: "progress", tookMs }));
    this.#calls = new CloudCalls({
      cloud: this.#cloud,
      clock,
      random,
      log,
      quiet: this.#quiet,
      verbose: settings.verbose,
      ending: this.#ending.signal,
      deliver: (event) => this.#deliver(event),
      starting: (verb) => this.#starting(verb),
      giveUp: () => this.#exit(1),
    });
    const { selfId, addresses } = settings;
    const peers = addresses?.map(unresolved) ?? null;
    this.#node = startNode(settings, { atMs: world.clock.nowMs(), selfId, peers });
  }

  async run(): Promise<0 | 1> {
    const { signals, link } = this.#world;
    const ended = new Promise<0 | 1>((resolve) => this.#end = resolve);
    const deaf = signals.listen((signal) => {
      this.#say("info", "signal", `told: ${signal}`);
      if (signal === "stop") this.#deliver({ kind: "stop" });
      else this.#deliver({ kind: "nudge", by: signal === "better" ? -1 : 1 });
    });
    this.#say("info", "start", `watching ${this.#settings.elasticIp} through ${this.#cloud.name}`);
    this.#deliver({ kind: "tick" });
    const listening = this.#listen();
    const code = await ended;
    this.#ending.abort();
    this.#timer?.cancel.abort();
    deaf();
    await link.close();
    await Promise.all([listening, this.#calls.ended()]);
    return code;
  }

  /** One event: step, perform, sleep until the next deadline. */
  #deliver(event: NodeEvent): void {
    if (this.#ending.signal.aborted) return;
    const atMs = this.#world.clock.nowMs();
    const [node, effects] = stepNode(this.#node, event, atMs);
    this.#node = node;
    for (const effect of effects) this.#perform(effect);
    this.#supervision.stepped(node, atMs);
    this.#sleep(Math.min(nodeWakeAtMs(node), this.#supervision.wakeAtMs));
  }

  #sleep(wakeAtMs: number): void {
    if (this.#timer?.atMs === wakeAtMs || this.#ending.signal.aborted) return;
    this.#timer?.cancel.abort();
    if (wakeAtMs === Infinity) return void (this.#timer = null);
    const { clock } = this.#world;
    const cancel = new AbortController();
    this.#timer = { atMs: wakeAtMs, cancel };
    // Timers count whole milliseconds: rounding up wakes once and not a little too early.
    clock.sleep(Math.ceil(wakeAtMs - clock.nowMs()), cancel.signal).then(() => {
      if (cancel.signal.aborted) return;
      this.#timer = null;
      this.#deliver({ kind: "tick" });
    });
  }

  #perform(effect: NodeEffect): void {
    switch (effect.kind) {
      case "send":
        return this.#send(effect);
      case "call":
        return this.#calls.begin(effect.id, effect.call);
      case "members":
        return this.#calls.readMembers();
      case "refused":
        return this.#refuse(effect.from, effect.reason);
      case "report":
        return this.#say(effect.severity, effect.event, effect.text);
      case "exit":
        return this.#exit(effect.code);
      default:
        return effect satisfies never;
    }
  }

  #send({ to, advert, hearsYou }: Extract<NodeEffect, { kind: "send" }>): void {
    const { clock, link } = this.#world;
    const { elasticIp, trailer, port } = this.#settings;
    const id = this.#node.election.selfId;
    if (id === null) return;
    this.#sequence = Math.max(this.#sequence + 1, Math.floor(clock.wallMs()));
    this.#sent += 1;
    const bytes = encode({
      priority: advert.priority,
      elasticIp,
      id,
      trailer: trailer ? trailerFor(advert, { hearsYou, sequence: this.#sequence }) : null,
    });
    link.send(bytes, to, port);
  }

  async #listen(): Promise<void> {
    for await (const datagram of this.#world.link) this.#receive(datagram);
  }

  #receive({ bytes, from, fromPort }: Datagram): void {
    const decoded = decode(bytes);
    if (!("refused" in decoded)) {
      this.#received += 1;
      return this.#deliver({ kind: "heard", from, heartbeat: decoded });
    }
    if (bytes.length > INFO_MAX_BYTES || new TextDecoder().decode(bytes).trim() !== "info") {
      return this.#refuse(from, decoded.refused);
    }
    const { link, clock } = this.#world;
    if (!from.startsWith("127.") && !link.localAddresses.includes(from)) {
      return this.#refuse(from, "remote-info");
    }
    const counts = { sent: this.#sent, received: this.#received, refused: this.#refused };
    const lines = statusLines(this.#node, counts, clock.nowMs());
    for (const line of lines) this.#say("info", "status", line);
    link.send(new TextEncoder().encode(lines.join("\n") + "\n"), from, fromPort);
  }

  #refuse(from: string, reason: string): void {
    this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1);
    const text = `datagram from ${from}: ${reason}`;
    this.#quiet.write(`${from} ${reason}`, ["warning", "refused", text]);
  }

  /** The program can still end over what the cloud refuses: it has not answered, or no list of peers is known. */
  #starting(verb: Call["verb"] | "members"): boolean {
    const { ownership, roster, election } = this.#node;
    return verb === "members" ? !roster.known && settling(election) : !ownership.prepared;
  }

  #exit(code: 0 | 1): void {
    if (code === 1 && this.#node.ownership.holding !== false && this.#node.stoppedAtMs !== null) {
      const { elasticIp } = this.#settings;
      this.#say("critical", "exit", `${elasticIp} may still be attached to this instance`);
    } else this.#say("info", "exit", `exit code ${code}`);
    this.#ending.abort();
    this.#end(code);
  }

  #say(...line: Parameters<Log["write"]>): void {
    this.#world.log.write(...line);
  }
}
