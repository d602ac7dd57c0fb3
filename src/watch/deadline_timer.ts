// The one timer of the loop, and a record of how well it is kept.
import type { Clock } from "../world.ts";
import { ageOf, type Instant } from "../core/age.ts";

/** How the deadlines were kept, as in `LoopView`. */
export interface Lag {
  readonly overdueMs: number;
  readonly lateMs: number;
  readonly lateAgeMs: number | null;
  readonly worstLateMs: number;
  readonly worstLateAgeMs: number | null;
}

/** Rings at the instant that was set last. */
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

  /** Rings then and not before; never with Infinity. */
  set(atMs: number): void {
    if (this.#timer?.atMs === atMs) return;
    this.cancel();
    if (atMs === Infinity) return;
    const cancel = new AbortController();
    this.#timer = { atMs, cancel };
    // Timers count whole milliseconds: rounding up wakes once and not a little too early.
    const waitMs = Math.ceil(atMs - this.#clock.nowMs());
    this.#clock.sleep(waitMs, cancel.signal).then(() => {
      if (cancel.signal.aborted) return;
      this.#timer = null;
      this.#met(atMs);
      this.#ring();
    });
  }

  /** Does not ring any more until it is set again. */
  cancel(): void {
    this.#timer?.cancel.abort();
    this.#timer = null;
  }

  /** The figures at that instant. */
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
