// Time that leaps to the next sleeper as soon as nothing else is to be done.
import { setImmediate } from "node:timers";
import type { Clock } from "../src/world.ts";

/** A clock. */
export class LeapClock implements Clock {
  #nowMs = 0;
  #leaping: Promise<void> | null = null;
  readonly #sleepers = new Set<{ atMs: number; wake: () => void }>();

  readonly nowMs = (): number => this.#nowMs;
  readonly wallMs = (): number => this.#nowMs;
  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> => {
    if (signal?.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const sleeper = { atMs: this.#nowMs + ms, wake: resolve };
    this.#sleepers.add(sleeper);
    signal?.addEventListener("abort", () => {
      this.#sleepers.delete(sleeper);
      resolve();
    });
    this.#leaping ??= this.#leap().finally(() => this.#leaping = null);
    return promise;
  };

  /** Lets time pass, with all that happens in it. */
  async pass(ms: number): Promise<void> {
    await this.sleep(ms);
  }

  /** Resolves when nobody sleeps any more. */
  async idle(): Promise<void> {
    await this.#leaping;
  }

  async #leap(): Promise<void> {
    while (this.#sleepers.size > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      const next = [...this.#sleepers].sort((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      this.#sleepers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.wake();
    }
  }
}
