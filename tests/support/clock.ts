// The one clock of all tests with virtual time. A test advances it, or it jumps to the next moment that a sleeper waits
// for. In both cases it first waits until all other work has gone as far as it can.
import { setImmediate } from "node:timers";
import type { Clock } from "../../src/world.ts";
import { elsewhereDone } from "./elsewhere.ts";
import { Timeline } from "./timeline.ts";

/** More jumps than this in a row mean an endless loop. */
const LEAPS_MAX = 100_000;

/** Runs everything that needs no virtual time: promises, and work in threads or sockets. */
export async function settle(): Promise<void> {
  do await new Promise<void>((resolve) => setImmediate(resolve)); while (await elsewhereDone());
}

/** The time source of a sleep. */
export interface Time {
  nowMs(): number;
  /** Runs the work at that instant, unless the signal aborts before. */
  at(atMs: number, work: () => void, signal?: AbortSignal): void;
}

/** Sleeps as a `Clock` does. */
export function sleepIn(time: Time, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    signal?.addEventListener("abort", () => resolve(), { once: true });
    time.at(time.nowMs() + Math.max(ms, 0), resolve, signal);
  });
}

/** Virtual time. */
export class VirtualClock implements Clock {
  /** Length of every requested sleep. */
  readonly sleptMs: number[] = [];
  readonly #timeline: Timeline;
  readonly #epochMs: number;
  readonly #leaps: boolean;
  #leaping: Promise<void> | null = null;

  /** With `leaps`, time jumps by itself whenever something sleeps; else the test advances it. */
  constructor(
    { nowMs = 0, epochMs = 0, leaps = false, timeline = new Timeline() }: {
      nowMs?: number;
      /** Unix time when `nowMs()` is 0. */
      epochMs?: number;
      leaps?: boolean;
      /** Shared with other users of the same time. */
      timeline?: Timeline;
    } = {},
  ) {
    this.#timeline = timeline;
    this.#epochMs = epochMs;
    this.#leaps = leaps;
    this.skip(nowMs);
  }

  /** May be detached from the clock, like the system's function. */
  readonly nowMs = (): number => this.#timeline.nowMs;

  readonly wallMs = (): number => this.#epochMs + this.nowMs();

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.sleptMs.push(ms);
    return sleepIn(this, ms, signal);
  }

  /** Runs the work at that instant, unless the signal aborts before. */
  at(atMs: number, work: () => void, signal?: AbortSignal): void {
    this.#timeline.at(atMs, work, signal);
    if (this.#leaps) this.#leaping ??= this.#leap();
  }

  /** Number of current sleepers. */
  get sleeping(): number {
    return this.#timeline.planned;
  }

  /** Advances by that time, waking one sleeper after the other; stops early if `over` says so. */
  async pass(ms: number, over: () => boolean = () => false): Promise<void> {
    await this.#timeline.runSettled(this.nowMs() + ms, { over, settle });
  }

  /** Advances until the condition holds; throws, with the title, when it does not within the limit. */
  async until(
    condition: () => boolean,
    { title, withinMs = 600_000 }: { title: string; withinMs?: number },
  ): Promise<void> {
    await this.pass(withinMs, condition);
    if (!condition()) throw new Error(`not within ${withinMs} ms: ${title}`);
  }

  /** Advances at once without waking sleepers in between: this is what a stopped process sees. */
  skip(ms: number): void {
    this.#timeline.nowMs += ms;
  }

  /** Advances until there are no sleepers. */
  async idle(): Promise<void> {
    await (this.#leaping ??= this.#leap());
  }

  async #leap(): Promise<void> {
    let leaps = 0;
    const over = () => ++leaps > LEAPS_MAX;
    do {
      await this.#timeline.runSettled(null, { over, settle });
    } while (this.#timeline.planned > 0 && leaps <= LEAPS_MAX);
    this.#leaping = null;
    if (leaps > LEAPS_MAX) throw new Error("time leaps for ever: somebody always sleeps again");
  }
}
