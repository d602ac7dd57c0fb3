// Never more than a few requests per second, whatever goes wrong elsewhere. The runtime's `fetch` sends a request a
// second time when its connection breaks before an answer (deno#32566, deno#36415), so that one costs two.
import type { Clock } from "../world.ts";
import { CloudError } from "./cloud_error.ts";

const WINDOW_MS = 1_050;
/** Requests per window, as the server may count them. */
const REQUESTS = 5;

/** Tells how the request ended: with an answer or none in time, or broken off. */
export type Settle = (broken: boolean) => void;

/**
 * A request that was let through. It counts twice until it has ended well, and as long as it may still arrive: one
 * whose packets got lost reaches the server seconds after it was sent.
 */
interface Started {
  endedAtMs: number | null;
  cost: 1 | 2;
}

/** What a request says of itself. */
export interface Turn {
  readonly writes: boolean;
  /** Throws when the request must not leave any more: the wait for its turn can be long. */
  readonly before?: (() => void) | undefined;
  readonly signal: AbortSignal;
}

/** Lets requests through, at most five in any second; those that change something go before the others. */
export class Pace {
  readonly #clock: Clock;
  #started: Started[] = [];
  /** The last request that ended broke off. */
  #breaking = false;
  /** The waiting of those before, for readings and for changes. */
  readonly #queues: Record<"reads" | "writes", Promise<unknown>> = {
    reads: Promise.resolve(),
    writes: Promise.resolve(),
  };
  /** Wakes those who wait for room. */
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sends a request when its turn has come, unless `before` throws at that moment. */
  async send<Answer>(
    { writes, before, signal }: Turn,
    request: () => Promise<Answer>,
  ): Promise<Answer> {
    const settle = await this.turn(writes, signal);
    try {
      before?.();
      const answer = await request();
      settle(false);
      return answer;
    } catch (error) {
      settle(error instanceof CloudError && error.kind === "unreachable");
      throw error;
    }
  }

  /** Resolves when the next request may start; whoever sends it must settle it. */
  turn(writes: boolean, signal: AbortSignal): Promise<Settle> {
    const queue = writes ? "writes" : "reads";
    const turn = this.#queues[queue].then(() => this.#wait(writes, signal));
    this.#queues[queue] = turn;
    return turn;
  }

  async #wait(writes: boolean, signal: AbortSignal): Promise<Settle> {
    for (;;) {
      const sinceMs = this.#clock.nowMs() - WINDOW_MS;
      this.#started = this.#started.filter(({ endedAtMs }) => (endedAtMs ?? Infinity) > sinceMs);
      if (signal.aborted || this.#count() + this.#costOf(writes) <= REQUESTS) break;
      await this.#room(sinceMs, signal);
    }
    const started: Started = { endedAtMs: null, cost: 2 };
    this.#started.push(started);
    return (broken) => {
      this.#breaking = broken;
      started.endedAtMs = this.#clock.nowMs();
      if (!broken) started.cost = 1;
      for (const wake of this.#waiting) wake();
    };
  }

  /** A take-over must not queue behind readings for a break that nothing announces. */
  #costOf(writes: boolean): 1 | 2 {
    return writes && !this.#breaking ? 1 : 2;
  }

  #count(): number {
    return this.#started.reduce((sum, { cost }) => sum + cost, 0);
  }

  /** Resolves when the first request that has ended is old enough, when another one ends, or at the signal. */
  async #room(sinceMs: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = new AbortController();
    const wake = () => {
      waiting.abort();
      resolve();
    };
    this.#waiting.add(wake);
    signal.addEventListener("abort", wake);
    const waitMs = Math.min(...this.#started.map(({ endedAtMs }) => endedAtMs ?? Infinity)) -
      sinceMs;
    // While none has ended there is nothing to count down: each of them ends, and says so.
    if (waitMs < Infinity) this.#clock.sleep(Math.ceil(waitMs), waiting.signal).then(resolve);
    await promise;
    signal.removeEventListener("abort", wake);
    this.#waiting.delete(wake);
  }
}
