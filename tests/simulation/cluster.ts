// A cluster of real cores in simulated time, on a simulated network, before a simulated cloud.
import { trailerFor } from "../../src/core/advert.ts";
import { decode, encode } from "../../src/core/heartbeat.ts";
import {
  type Node,
  type NodeEffect,
  type NodeEvent,
  type NodeSettings,
  nodeWakeAtMs,
  startNode,
  stepNode,
} from "../../src/core/node.ts";
import { unresolved } from "../../src/core/peer.ts";
import { simUuid } from "../exoscale/model.ts";
import { SimCloud } from "./cloud.ts";
import { SimNetwork } from "./network.ts";
import { Timeline } from "./timeline.ts";

/** Datagrams that a paused machine's socket keeps. */
const SOCKET_BUFFER = 64;
const MEMBERS_MS = 5;
/** The simulated Unix time of the timeline's beginning. */
const EPOCH_MS = 1_900_000_000_000;

/** One machine. */
export interface SimNode {
  readonly name: string;
  readonly address: string;
  readonly instanceId: string;
  readonly settings: NodeSettings;
  /** Speaks the original's 24 bytes. */
  readonly plain: boolean;
  /** Whether the cloud lists it. */
  listed: boolean;
  core: Node | null;
  /** Exit code of its last run. */
  exitCode: 0 | 1 | null;
  pausedUntilMs: number;
  /** What the wall clock is off by. */
  wallOffsetMs: number;
  incarnation: number;
  sequence: number;
  backlog: NodeEvent[];
}

/** What happened, for traces and checkers. */
export interface Observer {
  before(node: SimNode, event: NodeEvent): void;
  effect(node: SimNode, effect: NodeEffect): void;
  after(node: SimNode): void;
}

/** The cluster. */
export class SimCluster {
  readonly timeline = new Timeline();
  readonly network: SimNetwork;
  readonly cloud = new SimCloud(this.timeline);
  readonly nodes = new Map<string, SimNode>();
  readonly observers: Observer[] = [];
  /** Whether peers come from the cloud's list instead of the configuration. */
  readonly dynamic: boolean;
  readonly #random: () => number;

  constructor(random: () => number, { dynamic = false } = {}) {
    this.#random = random;
    this.dynamic = dynamic;
    this.network = new SimNetwork(this.timeline, random, (to, from, bytes) => {
      const node = [...this.nodes.values()].find(({ address }) => address === to);
      const heartbeat = decode(bytes);
      if (node && !("refused" in heartbeat)) {
        this.#deliver(node, { kind: "heard", from, heartbeat });
      }
    });
  }

  /** Adds a machine, switched off. */
  add(name: string, settings: NodeSettings, { plain = false, listed = true } = {}): SimNode {
    const number = this.nodes.size + 1;
    const node: SimNode = {
      name,
      address: `10.0.0.${number}`,
      instanceId: simUuid(1, number),
      settings,
      plain,
      listed,
      core: null,
      exitCode: null,
      pausedUntilMs: -Infinity,
      wallOffsetMs: 0,
      incarnation: 0,
      sequence: 0,
      backlog: [],
    };
    this.nodes.set(name, node);
    return node;
  }

  /** Starts the machine and its watchdog. */
  start(node: SimNode): void {
    if (node.core) return;
    this.cloud.stopped.delete(node.instanceId);
    node.incarnation += 1;
    node.pausedUntilMs = -Infinity;
    node.sequence = 0;
    node.exitCode = null;
    node.backlog = [];
    const peers = this.dynamic
      ? null
      : this.#others(node).map(({ address }) => unresolved(address));
    const selfId = node.instanceId;
    node.core = startNode(node.settings, { atMs: this.timeline.nowMs, selfId, peers });
    this.#deliver(node, { kind: "tick" });
  }

  /** The watchdog dies without a word; with `powerOff` the whole machine. */
  kill(node: SimNode, { powerOff = false } = {}): void {
    node.core = null;
    if (powerOff) this.cloud.stopped.add(node.instanceId);
  }

  /** Freezes the machine; its socket buffer fills meanwhile. */
  pause(node: SimNode, forMs: number): void {
    node.pausedUntilMs = this.timeline.nowMs + forMs;
    const { incarnation } = node;
    this.timeline.at(node.pausedUntilMs, () => {
      if (node.incarnation !== incarnation || node.pausedUntilMs > this.timeline.nowMs) return;
      const backlog = node.backlog;
      node.backlog = [];
      for (const event of backlog) this.#deliver(node, event);
      this.#deliver(node, { kind: "tick" });
    });
  }

  /** A signal. */
  tell(node: SimNode, event: Extract<NodeEvent, { kind: "nudge" | "stop" }>): void {
    this.#deliver(node, event);
  }

  /** Lets time pass. */
  run(forMs: number): void {
    this.timeline.runUntil(this.timeline.nowMs + forMs);
  }

  #others(node: SimNode): SimNode[] {
    return [...this.nodes.values()].filter((other) => other !== node && other.listed);
  }

  #deliver(node: SimNode, event: NodeEvent): void {
    if (!node.core) return;
    if (this.timeline.nowMs < node.pausedUntilMs) {
      const kept = event.kind !== "heard" || node.backlog.length < SOCKET_BUFFER;
      if (kept && event.kind !== "tick") node.backlog.push(event);
      return;
    }
    for (const observer of this.observers) observer.before(node, event);
    const [core, effects] = stepNode(node.core, event, this.timeline.nowMs);
    node.core = core;
    for (const effect of effects) {
      for (const observer of this.observers) observer.effect(node, effect);
      this.#perform(node, effect);
    }
    for (const observer of this.observers) observer.after(node);
    if (node.core) this.#wake(node, nodeWakeAtMs(node.core));
  }

  /** A deadline that has moved meanwhile is left to its own wake-up. */
  #wake(node: SimNode, wakeAtMs: number): void {
    if (wakeAtMs === Infinity) return;
    const { incarnation } = node;
    this.timeline.at(wakeAtMs, () => {
      const current = node.core !== null && node.incarnation === incarnation;
      if (current && nodeWakeAtMs(node.core!) === wakeAtMs) this.#deliver(node, { kind: "tick" });
    });
  }

  #perform(node: SimNode, effect: NodeEffect): void {
    const { incarnation } = node;
    const later = (event: NodeEvent) => {
      if (node.incarnation === incarnation) this.#deliver(node, event);
    };
    switch (effect.kind) {
      case "send":
        return this.#send(node, effect);
      case "call": {
        const { id } = effect;
        return this.cloud.call(effect.call, {
          instanceId: node.instanceId,
          alive: () => node.core !== null && node.incarnation === incarnation,
          progress: () => later({ kind: "progress" }),
          answer: (answer) => later({ kind: "answered", id, answer, roll: this.#random() }),
          fail: (setback) => later({ kind: "failed", id, roll: this.#random(), ...setback }),
        });
      }
      case "members": {
        const listed = node.listed || !this.dynamic;
        const ok = this.cloud.mood(node.instanceId) === "ok";
        const peers = this.#others(node).map(({ address, instanceId }) => ({
          address,
          instanceId,
          wireId: instanceId,
        }));
        return this.timeline.at(
          this.timeline.nowMs + MEMBERS_MS,
          () => later(ok ? { kind: "members", peers, listed } : { kind: "members-failed" }),
        );
      }
      case "exit":
        node.exitCode = effect.code;
        node.core = null;
    }
  }

  #send(node: SimNode, { to, advert, hearsYou }: Extract<NodeEffect, { kind: "send" }>): void {
    const wallMs = EPOCH_MS + Math.floor(this.timeline.nowMs) + node.wallOffsetMs;
    node.sequence = Math.max(node.sequence + 1, wallMs);
    const bytes = encode({
      priority: advert.priority,
      elasticIp: node.settings.elasticIp,
      id: node.instanceId,
      trailer: node.plain ? null : trailerFor(advert, { hearsYou, sequence: node.sequence }),
    });
    this.network.send(node.address, to, bytes);
  }
}
