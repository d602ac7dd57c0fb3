// Time that leaps to the next moment for which somebody waits, once nothing else has gone on for a moment.
import { setImmediate } from "node:timers";
import type { Clock } from "../../src/world.ts";
import { signed } from "./signing.ts";

/** A millisecond of real time, in which whatever is under way can go on, and what signatures take. */
async function moment(): Promise<void> {
  do await new Promise<void>((resolve) => setTimeout(resolve, 1)); while (await signed());
}

/** One turn of the event loop, which is enough where nothing but promises goes on. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A clock whose time costs nothing. */
export class LeapingClock implements Clock {
  #nowMs = 0;
  #sleepers: { readonly atMs: number; readonly wake: () => void }[] = [];
  #leaping: Promise<void> | null = null;
  readonly #epochMs: number;
  readonly #settle: () => Promise<void>;

  /** `settle` lets everything else go on, as far as it can, before time leaps. */
  constructor(
    { epochMs = 0, settle = moment }: { epochMs?: number; settle?: () => Promise<void> } = {},
  ) {
    this.#epochMs = epochMs;
    this.#settle = settle;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#epochMs + this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const sleeper = { atMs: this.#nowMs + Math.max(ms, 0), wake: resolve };
    this.#sleepers.push(sleeper);
    signal?.addEventListener("abort", () => {
      this.#sleepers = this.#sleepers.filter((each) => each !== sleeper);
      resolve();
    }, { once: true });
    this.#leaping ??= this.#leap();
    return promise;
  }

  /** Resolves when nobody sleeps any more. */
  async idle(): Promise<void> {
    await this.#leaping;
  }

  async #leap(): Promise<void> {
    for (;;) {
      await this.#settle();
      const atMs = Math.min(...this.#sleepers.map((each) => each.atMs));
      const next = this.#sleepers.find((each) => each.atMs === atMs);
      if (!next) break;
      this.#sleepers = this.#sleepers.filter((each) => each !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.wake();
    }
    this.#leaping = null;
  }
}
