// Never more than five requests in any second, as the server sees them, whatever fails elsewhere.
import type { Clock } from "../world.ts";

const WINDOW_MS = 1_050;
/** Requests per window, as the server may count them. */
const REQUESTS = 5;
/** Most requests without an answer: when packets get through again, they and new ones arrive together. */
const UNANSWERED = 4;
/** Reads leave this much of both limits to changes, so that a takeover does not queue behind them. */
const RESERVE = 1;
/** A request without an answer for this long casts doubt on reused connections. */
const LATE_MS = 1_000;
/** How long the kernel may go on sending a request that was given up: until its retransmissions end. */
const DOUBT_MS = 100_000;

/** How a request ended: `doubtful` when it may yet arrive at the server, `unused` when nothing of it has left. */
export type End = "answered" | "doubtful" | "unused";

/** Reports how a request ended. */
export type Settle = (end: End) => void;

/**
 * A request that was let through. An answered one counts for a second more. One without an answer may reach the server
 * at any time: when packets get through again, all of them arrive at once.
 */
interface Started {
  readonly startedAtMs: number;
  endedAtMs: number | null;
  doubtful: boolean;
  /** When it must have arrived if ever; Infinity while nothing shows that packets get through. */
  arrivedByMs: number;
}

/** Lets through at most that many requests, by default five, in any second; changes go before reads. */
export class RateLimiter {
  readonly #clock: Clock;
  readonly #requests: number;
  #started: Started[] = [];
  /** The queues: each entry ends when those before it have had their turn. */
  readonly #queues: Record<"reads" | "writes", Promise<unknown>> = {
    reads: Promise.resolve(),
    writes: Promise.resolve(),
  };
  #waitingWrites = 0;
  /** Wakes the requests that wait for room. */
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock, requests = REQUESTS) {
    this.#clock = clock;
    this.#requests = requests;
  }

  /** Whether a request has been without an answer for so long that reused connections may be dead. */
  get inDoubt(): boolean {
    const sinceMs = this.#clock.nowMs() - LATE_MS;
    return this.#started.some((each) => each.endedAtMs === null && each.startedAtMs < sinceMs);
  }

  /** Resolves when the next request may start; the caller must settle it. */
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
      arrivedByMs: Infinity,
    };
    this.#started.push(started);
    return (end) => {
      started.doubtful = end === "doubtful";
      started.endedAtMs = end === "unused" ? -Infinity : this.#clock.nowMs();
      if (end === "answered") this.#getThrough(started);
      for (const wake of this.#waiting) wake();
    };
  }

  /**
   * Packets get through, so whatever the kernel still repeats for earlier requests arrives soon: its wait doubles each
   * time, so it lasts at most as long again as it has tried.
   */
  #getThrough({ startedAtMs }: Started): void {
    const nowMs = this.#clock.nowMs();
    for (const each of this.#started) {
      if (each.startedAtMs >= startedAtMs || each.arrivedByMs < Infinity) continue;
      each.arrivedByMs = 2 * nowMs - each.startedAtMs;
    }
  }

  #hasRoom(writes: boolean): boolean {
    const nowMs = this.#clock.nowMs();
    this.#started = this.#started.filter((each) => nowMs < forgottenAtMs(each));
    const reserve = writes ? 0 : RESERVE;
    const recent = this.#started.filter((each) => nowMs < recentUntilMs(each)).length;
    const unanswered = this.#started.filter((each) => mayArrive(each, nowMs)).length;
    const counted =
      this.#started.filter((each) => nowMs < recentUntilMs(each) || mayArrive(each, nowMs)).length;
    const most = this.#requests - reserve;
    if (counted < most && unanswered < most - (REQUESTS - UNANSWERED)) return true;
    // While other requests may never arrive, one per window is let through: a dead connection must not silence us.
    return recent === 0 && (writes || this.#waitingWrites === 0);
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
      ...this.#started
        .flatMap((each) => [forgottenAtMs(each), recentUntilMs(each), each.arrivedByMs])
        .filter((each) => each > nowMs),
    );
    // Without a time to wait for, the end of a request wakes us.
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

/** Until when it counts as sent, or answered, within one window. */
function recentUntilMs({ startedAtMs, endedAtMs, doubtful }: Started): number {
  return (doubtful ? startedAtMs : endedAtMs ?? startedAtMs) + WINDOW_MS;
}

/** Whether it has no answer and may yet arrive. */
function mayArrive({ endedAtMs, doubtful, arrivedByMs }: Started, nowMs: number): boolean {
  return (endedAtMs === null || doubtful) && nowMs < arrivedByMs;
}
