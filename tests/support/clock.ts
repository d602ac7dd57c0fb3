// The one clock of the tests whose time is made up. A test lets time pass, or time leaps by itself to the next moment
// that somebody waits for. Either way it stands still until everything else has gone as far as it can.
import { setImmediate } from "node:timers";
import type { Clock } from "../../src/world.ts";
import { elsewhereDone } from "./elsewhere.ts";
import { Timeline } from "./timeline.ts";

/** More leaps than this in a row lead nowhere. */
const LEAPS_MAX = 100_000;

/** Lets everything go on that needs no time: promises, and what goes on elsewhere. */
export async function settle(): Promise<void> {
  do await new Promise<void>((resolve) => setImmediate(resolve)); while (await elsewhereDone());
}

/** Where the time of a sleep comes from. */
export interface Time {
  nowMs(): number;
  /** Does the work at that instant, unless the signal aborts before. */
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

/** Time that costs nothing. */
export class VirtualClock implements Clock {
  /** Length of every sleep that was asked for. */
  readonly sleptMs: number[] = [];
  readonly #timeline: Timeline;
  readonly #epochMs: number;
  readonly #leaps: boolean;
  #leaping: Promise<void> | null = null;

  /** `leaps` lets time pass by itself whenever somebody sleeps; else it passes when the test says so. */
  constructor(
    { nowMs = 0, epochMs = 0, leaps = false, timeline = new Timeline() }: {
      nowMs?: number;
      /** Unix time when `nowMs()` is 0. */
      epochMs?: number;
      leaps?: boolean;
      /** What else happens in the same time. */
      timeline?: Timeline;
    } = {},
  ) {
    this.#timeline = timeline;
    this.#epochMs = epochMs;
    this.#leaps = leaps;
    this.skip(nowMs);
  }

  /** May be taken off the clock, as that of the system may. */
  readonly nowMs = (): number => this.#timeline.nowMs;

  readonly wallMs = (): number => this.#epochMs + this.nowMs();

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.sleptMs.push(ms);
    return sleepIn(this, ms, signal);
  }

  /** Does the work at that instant, unless the signal aborts before. */
  at(atMs: number, work: () => void, signal?: AbortSignal): void {
    this.#timeline.at(atMs, work, signal);
    if (this.#leaps) this.#leaping ??= this.#leap();
  }

  /** How many sleep now. */
  get sleeping(): number {
    return this.#timeline.planned;
  }

  /** Lets that time pass, one sleeper after the other; less if `over` says so. */
  async pass(ms: number, over: () => boolean = () => false): Promise<void> {
    await this.#timeline.runSettled(this.nowMs() + ms, { over, settle });
  }

  /** Lets time pass until the condition holds; throws, with the title, when it does not within the limit. */
  async until(
    condition: () => boolean,
    { title, withinMs = 600_000 }: { title: string; withinMs?: number },
  ): Promise<void> {
    await this.pass(withinMs, condition);
    if (!condition()) throw new Error(`not within ${withinMs} ms: ${title}`);
  }

  /** That time is over at once, and nobody was woken: so it is for a process that was stopped. */
  skip(ms: number): void {
    this.#timeline.nowMs += ms;
  }

  /** Lets time pass until nobody sleeps any more. */
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
