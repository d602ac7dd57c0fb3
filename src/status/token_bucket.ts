// A rate limit for work that others can cause: so many answers a second, no matter who asks and how often.
import type { Clock } from "../world.ts";

/** Answers each second, and the burst after a pause. */
export const ANSWERS_PER_SECOND = 20;

/** A bucket that fills with time. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #perSecond: number;
  #left: number;
  #filledAtMs: number;

  constructor(clock: Clock, perSecond = ANSWERS_PER_SECOND) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#left = perSecond;
    this.#filledAtMs = clock.nowMs();
  }

  /** Whether one more is within the limit; if so, it is counted. */
  take(): boolean {
    const nowMs = this.#clock.nowMs();
    const gained = (nowMs - this.#filledAtMs) * this.#perSecond / 1_000;
    this.#left = Math.min(this.#perSecond, this.#left + gained);
    this.#filledAtMs = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
