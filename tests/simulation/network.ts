// The simulated network: datagrams that are lost, late, doubled, or cut off in one direction or both.
import type { Timeline } from "./timeline.ts";

/** How the network behaves. */
export interface Weather {
  /** Share of datagrams lost, 0 to 1. */
  loss: number;
  /** Share of datagrams that arrive twice. */
  duplicates: number;
  delayMs: [least: number, most: number];
}

/** Carries datagrams between addresses. */
export class SimNetwork {
  weather: Weather = { loss: 0, duplicates: 0, delayMs: [0, 0] };
  /** Directions that are cut, as `from>to`. */
  readonly cuts = new Set<string>();
  readonly #timeline: Timeline;
  readonly #random: () => number;
  readonly #deliver: (to: string, from: string, bytes: Uint8Array) => void;

  constructor(
    timeline: Timeline,
    random: () => number,
    deliver: (to: string, from: string, bytes: Uint8Array) => void,
  ) {
    this.#timeline = timeline;
    this.#random = random;
    this.#deliver = deliver;
  }

  /** Sends one datagram, as well as the weather allows. */
  send(from: string, to: string, bytes: Uint8Array): void {
    const { loss, duplicates, delayMs: [least, most] } = this.weather;
    if (this.cuts.has(`${from}>${to}`) || this.#random() < loss) return;
    const copies = this.#random() < duplicates ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const delayMs = least + this.#random() * (most - least);
      this.#timeline.at(this.#timeline.nowMs + delayMs, () => {
        if (!this.cuts.has(`${from}>${to}`)) this.#deliver(to, from, bytes);
      });
    }
  }
}
