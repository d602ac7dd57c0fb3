// Never more than five requests in any second, as the server sees them, whatever goes wrong elsewhere.
import type { Clock } from "../world.ts";
import { CloudError } from "./cloud_error.ts";

const WINDOW_MS = 1_050;
/** Requests per window, as the server may count them. */
const REQUESTS = 5;
/** Readings leave this much of it to changes: a take-over does not queue behind them. */
const RESERVE = 1;
/** How long the kernel may go on sending a request that was given up: until its retransmissions end. */
const DOUBT_MS = 100_000;

/** How a request ended: whether it may yet arrive at the server. */
export type Settle = (doubtful: boolean) => void;

/**
 * A request that was let through. One that has been answered counts for a second more. One without an answer may reach
 * the server at any time: when packets get through again, all of them at once.
 */
interface Started {
  readonly startedAtMs: number;
  endedAtMs: number | null;
  doubtful: boolean;
}

/** What a request says of itself. */
export interface Turn {
  readonly writes: boolean;
  /** Throws when the request must not leave any more: the wait for its turn can be long. */
  readonly before?: (() => void) | undefined;
  /** It must not arrive twice: whoever wants it again has to judge again. */
  readonly once?: boolean | undefined;
  readonly signal: AbortSignal;
}

/** Lets requests through, at most five in any second; those that change something go before the others. */
export class Pace {
  readonly #clock: Clock;
  #started: Started[] = [];
  /** The waiting of those before, for readings and for changes. */
  readonly #queues: Record<"reads" | "writes", Promise<unknown>> = {
    reads: Promise.resolve(),
    writes: Promise.resolve(),
  };
  #waitingWrites = 0;
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
    let sent = false;
    try {
      before?.();
      sent = true;
      const answer = await request();
      settle(false);
      return answer;
    } catch (error) {
      settle(sent && mayArrive(error));
      throw error;
    }
  }

  /** Resolves when the next request may start; whoever sends it must settle it. */
  async turn(writes: boolean, signal: AbortSignal): Promise<Settle> {
    const queue = writes ? "writes" : "reads";
    const turn = this.#queues[queue].then(() => this.#wait(writes, signal));
    this.#queues[queue] = turn;
    if (!writes) return await turn;
    this.#waitingWrites += 1;
    return await turn.finally(() => this.#waitingWrites -= 1);
  }

  async #wait(writes: boolean, signal: AbortSignal): Promise<Settle> {
    while (!signal.aborted && !this.#hasRoom(writes)) await this.#room(signal);
    const started: Started = {
      startedAtMs: this.#clock.nowMs(),
      endedAtMs: null,
      doubtful: false,
    };
    this.#started.push(started);
    return (doubtful) => {
      started.doubtful = doubtful;
      started.endedAtMs = this.#clock.nowMs();
      for (const wake of this.#waiting) wake();
    };
  }

  #hasRoom(writes: boolean): boolean {
    const nowMs = this.#clock.nowMs();
    this.#started = this.#started.filter((each) => nowMs < forgottenAtMs(each));
    if (this.#started.length < REQUESTS - (writes ? 0 : RESERVE)) return true;
    // Nothing but requests that may never arrive: one in each window is let through beside them, or a dead connection
    // would silence us.
    const recent = this.#started.some((each) => nowMs < recentUntilMs(each));
    return !recent && (writes || this.#waitingWrites === 0);
  }

  /** Resolves when there may be room, when another request ends, or at the signal. */
  async #room(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = new AbortController();
    const wake = () => {
      waiting.abort();
      resolve();
    };
    this.#waiting.add(wake);
    signal.addEventListener("abort", wake);
    const nowMs = this.#clock.nowMs();
    const atMs = Math.min(
      ...this.#started.flatMap((each) => [forgottenAtMs(each), recentUntilMs(each)])
        .filter((each) => each > nowMs),
    );
    // With nothing to count down, a request that ends says so.
    if (atMs < Infinity) this.#clock.sleep(Math.ceil(atMs - nowMs), waiting.signal).then(resolve);
    await promise;
    signal.removeEventListener("abort", wake);
    this.#waiting.delete(wake);
  }
}

/** When a request does not count any more, Infinity while it is under way. */
function forgottenAtMs({ endedAtMs, doubtful }: Started): number {
  return (endedAtMs ?? Infinity) + (doubtful ? DOUBT_MS : WINDOW_MS);
}

/** Until when it has certainly been sent, or answered, within one window. */
function recentUntilMs({ startedAtMs, endedAtMs, doubtful }: Started): number {
  return (doubtful ? startedAtMs : endedAtMs ?? startedAtMs) + WINDOW_MS;
}

/** Whether the server may see the request although we know of no answer. */
function mayArrive(error: unknown): boolean {
  return !(error instanceof CloudError) || error.mayArrive;
}
