// A limit on what others may make us do: so many answers a second, whoever asks and however often.
import type { Clock } from "../world.ts";

/** Answers a second, and at once after a pause. */
export const ANSWERS_PER_SECOND = 20;

/** A bucket that fills with time. */
export class Budget {
  readonly #clock: Clock;
  #left = ANSWERS_PER_SECOND;
  #filledAtMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#filledAtMs = clock.nowMs();
  }

  /** Whether one more is within the limit; if so, it is counted. */
  take(): boolean {
    const nowMs = this.#clock.nowMs();
    const gained = (nowMs - this.#filledAtMs) * ANSWERS_PER_SECOND / 1_000;
    this.#left = Math.min(ANSWERS_PER_SECOND, this.#left + gained);
    this.#filledAtMs = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
