// Never more than a few requests per second, whatever goes wrong elsewhere.
import type { Clock } from "../world.ts";

const WINDOW_MS = 1_050;
/** Requests per window; one more for those that change something, so that a take-over never queues. */
const READS = 4, WRITES = 5;

/** Lets requests through in order, at most four (changing ones: five) in any second. */
export class Pace {
  readonly #clock: Clock;
  /** The waiting of those before, for readings and for changes. */
  readonly #queues: Record<"reads" | "writes", Promise<void>> = {
    reads: Promise.resolve(),
    writes: Promise.resolve(),
  };
  #startedAtMs: number[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when the next request may start. */
  turn(writes: boolean, signal: AbortSignal): Promise<void> {
    const queue = writes ? "writes" : "reads";
    this.#queues[queue] = this.#queues[queue].then(() =>
      this.#wait(writes ? WRITES : READS, signal)
    );
    return this.#queues[queue];
  }

  async #wait(allowed: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const nowMs = this.#clock.nowMs();
      this.#startedAtMs = this.#startedAtMs.filter((atMs) => atMs > nowMs - WINDOW_MS);
      const first = this.#startedAtMs.at(-allowed);
      if (first === undefined || signal.aborted) {
        this.#startedAtMs.push(nowMs);
        return;
      }
      await this.#clock.sleep(Math.ceil(first + WINDOW_MS - nowMs), signal);
    }
  }
}
