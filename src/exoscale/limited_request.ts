// One request: when it may leave, when it is repeated, and what it tells the rate limiter.
import type { Clock } from "../world.ts";
import { CloudError } from "./cloud_error.ts";
import type { End, RateLimiter, Settle } from "./rate_limiter.ts";

/** A connection that has waited longer than this for a request to leave proves nothing any more. */
const RIPE_MS = 250;

/** The kind of request. */
export interface Turn {
  /** It changes something, so it is queued before reads. */
  readonly writes: boolean;
  /** It changes nothing; by default the opposite of `writes`. */
  readonly asks?: boolean;
  /**
   * Throws when the request must not leave any more: the wait for its turn can be long. A request that can become
   * unwanted goes out on a new connection: on a dead one it would arrive much later.
   */
  readonly before?: (() => void) | undefined;
  readonly signal: AbortSignal;
}

/** When and how it is repeated. */
export interface Repeating {
  readonly clock: Clock;
  readonly repeatAfterMs: number;
  readonly repeat: () => void;
}

/** One of the requests of a call: when it is repeated, and what it tells the rate limiter. */
export class LimitedRequest {
  readonly #own = new AbortController();
  readonly #turn: Turn;
  readonly #limiter: RateLimiter;
  readonly #repeating: Repeating;
  readonly #fresh: boolean;
  #waiting = new AbortController();
  #settle: Settle | null = null;
  #leftAtMs: number;
  #needsConnection = false;

  constructor(
    turn: Turn,
    limiter: RateLimiter,
    { fresh, ...repeating }: Repeating & { fresh: boolean },
  ) {
    this.#fresh = fresh;
    this.#turn = turn;
    this.#limiter = limiter;
    this.#repeating = repeating;
    this.#leftAtMs = repeating.clock.nowMs();
    this.#repeatLater();
  }

  get signal(): AbortSignal {
    return this.#own.signal;
  }

  /** Whether it got its turn, but must not leave on its connection. */
  get needsConnection(): boolean {
    return this.#needsConnection;
  }

  /** Time since it left. */
  get tookMs(): number {
    return this.#repeating.clock.nowMs() - this.#leftAtMs;
  }

  async mayLeave(): Promise<void> {
    this.#waiting.abort(); // While it waits for its turn, repeating it does not help.
    const { clock } = this.#repeating;
    const openAtMs = clock.nowMs();
    this.#settle = await this.#limiter.turn(this.#turn.writes, this.signal);
    this.#leftAtMs = clock.nowMs();
    this.#turn.before?.();
    const old = !this.#fresh || this.#leftAtMs > openAtMs + RIPE_MS;
    if (old && this.#limiter.inDoubt) {
      // On a dead connection it would only add to the burst that arrives when packets get through again.
      this.ended("unused");
      this.#needsConnection = true;
      throw new CloudError("unreachable", "its connection may be dead", { stale: true });
    }
    this.#repeatLater();
  }

  giveUp(): void {
    this.#own.abort();
  }

  ended(end: End): void {
    this.#waiting.abort();
    this.#settle?.(end);
    this.#settle = null;
  }

  #repeatLater(): void {
    const { clock, repeatAfterMs, repeat } = this.#repeating;
    this.#waiting.abort();
    const waiting = this.#waiting = new AbortController();
    void clock.sleep(repeatAfterMs, waiting.signal).then(() => waiting.signal.aborted || repeat());
  }
}
