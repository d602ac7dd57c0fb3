// A party on the path that has no secret: it records all datagrams, those that get lost, too, and sends anything again to
// anybody, from any address and at any time; it holds datagrams back, and forges unsigned ones.
import { encode } from "../../../src/core/heartbeat.ts";
import type { SimCluster } from "./cluster.ts";
import type { Machine } from "./machine.ts";
import type { SimDatagram } from "./network.ts";

/** Time between two datagrams that are sent again. */
const REPLAY_MS = 100;
/** Recordings of one machine that are kept: the first ones, and the latest. */
const FIRST_MAX = 500, LATEST_MAX = 2_000;

/** What it has recorded of one machine. */
interface Record {
  readonly first: SimDatagram[];
  readonly latest: SimDatagram[];
}

/** Records from the moment on in which it is made. */
export class Attacker {
  /** Forged datagrams so far. */
  forged = 0;
  readonly #cluster: SimCluster;
  readonly #records = new Map<string, Record>();

  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
    cluster.network.onSent = (datagram) => this.#record(datagram);
  }

  /** Sends recordings of one machine to another: any, the oldest, or what was recorded last, in turn. */
  replay(of: Machine, to: Machine, { fromMs, untilMs }: { fromMs: number; untilMs: number }): void {
    const { timeline, network } = this.#cluster;
    let count = 0;
    const next = () => {
      if (timeline.nowMs > untilMs) return;
      const datagram = this.#pick(of, count++);
      // It comes from where it was sent, and as old as it is.
      if (datagram) network.inject({ ...datagram, to: to.address });
      timeline.at(timeline.nowMs + REPLAY_MS, next);
    };
    timeline.at(fromMs, next);
  }

  /** Sends what was recorded from that instant on once more, in order and as fast as it came. */
  playBack(of: Machine, to: Machine, { sinceMs, atMs }: { sinceMs: number; atMs: number }): void {
    const { timeline, network } = this.#cluster;
    const { first, latest } = this.#recordOf(of.address);
    for (const datagram of [...first, ...latest]) {
      if (datagram.sentAtMs < sinceMs) continue;
      const inMs = datagram.sentAtMs - sinceMs;
      timeline.at(atMs + inMs, () => network.inject({ ...datagram, to: to.address }));
    }
  }

  /** An unsigned heartbeat in the name of that machine. */
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
        // Far ahead, so that it is later than all that came before.
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
