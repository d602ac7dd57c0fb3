// The simulated network: datagrams are lost, delayed, duplicated, or cut off in one direction or both.
import type { Timeline } from "../timeline.ts";

/** How the network behaves. */
export interface NetworkConditions {
  /** Share of datagrams that are lost, 0 to 1. */
  loss: number;
  /** Share of datagrams that arrive twice. */
  duplicates: number;
  delayMs: [least: number, most: number];
}

/** One datagram that arrives. */
export interface SimDatagram {
  readonly from: string;
  readonly to: string;
  readonly bytes: Uint8Array;
  readonly sentAtMs: number;
}

/** Carries datagrams between addresses. */
export class SimNetwork {
  conditions: NetworkConditions = { loss: 0, duplicates: 0, delayMs: [0, 0] };
  /** Directions that are cut, as `from>to`. */
  readonly cuts = new Set<string>();
  /** Directions in which datagrams are delayed, and by how much; this applies to cut ones, too. */
  readonly holds = new Map<string, number>();
  /** Called with each datagram as it leaves, for an attacker on the path. */
  onSent: (datagram: SimDatagram) => void = () => {};
  readonly #timeline: Timeline;
  readonly #random: () => number;
  readonly #deliver: (datagram: SimDatagram) => void;

  constructor(
    timeline: Timeline,
    random: () => number,
    deliver: (datagram: SimDatagram) => void,
  ) {
    this.#timeline = timeline;
    this.#random = random;
    this.#deliver = deliver;
  }

  /** Sends one datagram, with the configured faults. */
  send(from: string, to: string, bytes: Uint8Array): void {
    this.onSent({ from, to, bytes, sentAtMs: this.#timeline.nowMs });
    const heldMs = this.holds.get(`${from}>${to}`) ?? 0;
    const { loss, duplicates, delayMs: [least, most] } = this.conditions;
    const cut = () => this.cuts.size > 0 && this.cuts.has(`${from}>${to}`);
    if (cut() || (loss > 0 && this.#random() < loss)) return;
    const sentAtMs = this.#timeline.nowMs;
    const copies = duplicates > 0 && this.#random() < duplicates ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const delayMs = heldMs + least + (most > least ? this.#random() * (most - least) : 0);
      this.#timeline.at(sentAtMs + delayMs, () => {
        if (!cut()) this.#deliver({ from, to, bytes, sentAtMs });
      });
    }
  }

  /** Delivers an attacker's datagram, even if the direction is cut. */
  inject(datagram: SimDatagram): void {
    this.#deliver(datagram);
  }
}
