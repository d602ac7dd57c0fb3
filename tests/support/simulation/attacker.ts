// An attacker on the path, without the secret. It records all datagrams, including lost ones, and replays any of them
// to any machine, from any address, at any time. It also delays datagrams, and forges unsigned ones.
import { encode } from "../../../src/core/heartbeat.ts";
import type { SimCluster } from "./cluster.ts";
import type { Machine } from "./machine.ts";
import type { SimDatagram } from "./network.ts";

/** Time between two replayed datagrams. */
const REPLAY_MS = 100;
/** Recordings kept per machine: the first ones, and the latest. */
const FIRST_MAX = 500, LATEST_MAX = 2_000;

/** The recordings of one machine. */
interface Record {
  readonly first: SimDatagram[];
  readonly latest: SimDatagram[];
}

/** Records from its construction on. */
export class Attacker {
  /** Number of forged datagrams so far. */
  forged = 0;
  readonly #cluster: SimCluster;
  readonly #records = new Map<string, Record>();

  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
    cluster.network.onSent = (datagram) => this.#record(datagram);
  }

  /** Replays recordings of one machine to another: a random one, the oldest, or the latest, in turn. */
  replay(of: Machine, to: Machine, { fromMs, untilMs }: { fromMs: number; untilMs: number }): void {
    const { timeline, network } = this.#cluster;
    let count = 0;
    const next = () => {
      if (timeline.nowMs > untilMs) return;
      const datagram = this.#pick(of, count++);
      // It keeps its source address and its age.
      if (datagram) network.inject({ ...datagram, to: to.address });
      timeline.at(timeline.nowMs + REPLAY_MS, next);
    };
    timeline.at(fromMs, next);
  }

  /** Sends the latest heartbeats of one machine's first path to the other machine on its second path. */
  cross(of: Machine, to: Machine, { fromMs, untilMs }: { fromMs: number; untilMs: number }): void {
    const { timeline, network } = this.#cluster;
    const { second: from } = of, { second } = to;
    if (from === null || second === null) return;
    const next = () => {
      if (timeline.nowMs > untilMs) return;
      const { latest, first } = this.#recordOf(of.address);
      const recent = [...first, ...latest].slice(-20);
      const datagram = recent[Math.floor(this.#cluster.options.random() * recent.length)];
      if (datagram) network.inject({ ...datagram, from, to: second });
      timeline.at(timeline.nowMs + REPLAY_MS, next);
    };
    timeline.at(fromMs, next);
  }

  /** Replays everything recorded from that instant on, in order and at the original pace. */
  playBack(of: Machine, to: Machine, { sinceMs, atMs }: { sinceMs: number; atMs: number }): void {
    const { timeline, network } = this.#cluster;
    const { first, latest } = this.#recordOf(of.address);
    for (const datagram of [...first, ...latest]) {
      if (datagram.sentAtMs < sinceMs) continue;
      const inMs = datagram.sentAtMs - sinceMs;
      timeline.at(atMs + inMs, () => network.inject({ ...datagram, to: to.address }));
    }
  }

  /** Sends an unsigned heartbeat in the name of that machine. */
  forge(
    as: Machine,
    to: Machine,
    { priority, holds }: { priority: number; holds: boolean },
  ): void {
    const { timeline, network } = this.#cluster;
    const says = { leaving: false, unable: false, unhealthy: false, hearsYou: true };
    const bytes = encode({
      priority,
      elasticIp: as.settings.elasticIp,
      id: as.instanceId,
      trailer: {
        ...says,
        holds,
        ownPriority: priority,
        intervalMs: as.settings.intervalMs,
        keyId: 0,
        // Far ahead, so that it is later than all earlier ones.
        sequence: 3e12 + timeline.nowMs,
        stamp: null,
      },
    });
    this.forged += 1;
    network.inject({ from: as.address, to: to.address, bytes, sentAtMs: timeline.nowMs });
  }

  #record(datagram: SimDatagram): void {
    const { first, latest } = this.#recordOf(datagram.from);
    if (first.length < FIRST_MAX) first.push(datagram);
    else if (latest.push(datagram) > LATEST_MAX) latest.shift();
  }

  #recordOf(address: string): Record {
    const known = this.#records.get(address) ?? { first: [], latest: [] };
    this.#records.set(address, known);
    return known;
  }

  #pick(of: Machine, count: number): SimDatagram | undefined {
    const { first, latest } = this.#recordOf(of.address);
    const total = first.length + latest.length;
    const nth = (index: number) =>
      index < first.length ? first[index] : latest[index - first.length];
    const at = Math.floor(this.#cluster.options.random() * total);
    return nth([at, at % Math.max(1, first.length), total - 1 - (at % 20)][count % 3] ?? 0);
  }
}
