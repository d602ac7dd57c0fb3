// The one timer of the loop, and a record of how late it fires.
import type { Clock } from "../world.ts";
import { ageOf, type Instant } from "../core/age.ts";

/** How late deadlines were met, as in `LoopView`. */
export interface Lag {
  readonly overdueMs: number;
  readonly lateMs: number;
  readonly lateAgeMs: number | null;
  readonly worstLateMs: number;
  readonly worstLateAgeMs: number | null;
}

/** Fires at the deadline that was set last. */
export class DeadlineTimer {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #timer: { atMs: number; cancel: AbortController } | null = null;
  #late: { ms: number; atMs: Instant } = { ms: 0, atMs: null };
  #worst: { ms: number; atMs: Instant } = { ms: 0, atMs: null };

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Sets the deadline. It never fires early; Infinity never fires. */
  set(atMs: number): void {
    if (this.#timer?.atMs === atMs) return;
    this.cancel();
    if (atMs === Infinity) return;
    const cancel = new AbortController();
    this.#timer = { atMs, cancel };
    // Timers count whole milliseconds: rounding up avoids waking slightly too early, and then again.
    const waitMs = Math.ceil(atMs - this.#clock.nowMs());
    this.#clock.sleep(waitMs, cancel.signal).then(() => {
      if (cancel.signal.aborted) return;
      this.#timer = null;
      this.#met(atMs);
      this.#ring();
    });
  }

  /** Does not fire until a deadline is set again. */
  cancel(): void {
    this.#timer?.cancel.abort();
    this.#timer = null;
  }

  /** The lag figures at that time. */
  lag(nowMs: number): Lag {
    return {
      overdueMs: Math.max(0, nowMs - (this.#timer?.atMs ?? Infinity)),
      lateMs: this.#late.ms,
      lateAgeMs: ageOf(this.#late.atMs, nowMs),
      worstLateMs: this.#worst.ms,
      worstLateAgeMs: ageOf(this.#worst.atMs, nowMs),
    };
  }

  #met(dueAtMs: number): void {
    const atMs = this.#clock.nowMs();
    this.#late = { ms: Math.max(0, atMs - dueAtMs), atMs };
    if (this.#late.ms >= this.#worst.ms) this.#worst = this.#late;
  }
}
