// A log for what repeats: the first of a kind is written, the others are counted, so that a fault or a flood
// costs one line a minute and no memory.
import type { Severity } from "./core/report.ts";
import type { Clock, Log } from "./world.ts";

/** Time before a line of the same kind is written again. */
export const QUIET_MS = 60_000;
/** Kinds that are told apart; beyond, all share one. */
export const KINDS_MAX = 256;

/** Writes one line per kind and minute. */
export class QuietLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #kinds = new Map<string, { atMs: number; muted: number }>();

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Writes the line unless one of the same kind was written within the minute. */
  write(kind: string, [severity, event, text]: [Severity, string, string]): void {
    const nowMs = this.#clock.nowMs();
    const key = this.#keyOf(kind, nowMs);
    const last = this.#kinds.get(key);
    if (last && nowMs < last.atMs + QUIET_MS) {
      last.muted += 1;
      return;
    }
    const more = last && last.muted > 0 ? ` (${last.muted} more since the last line)` : "";
    this.#kinds.set(key, { atMs: nowMs, muted: 0 });
    this.#log.write(severity, event, text + more);
  }

  /** The kind itself, or the shared one when there are too many. */
  #keyOf(kind: string, nowMs: number): string {
    if (this.#kinds.has(kind)) return kind;
    const shared = this.#kinds.get("");
    if (this.#kinds.size < KINDS_MAX) return kind;
    if (shared && nowMs < shared.atMs + QUIET_MS) return "";
    // Once a minute room is made for those that are still heard of.
    for (const [old, { atMs }] of this.#kinds) {
      if (nowMs >= atMs + QUIET_MS) this.#kinds.delete(old);
    }
    return this.#kinds.size < KINDS_MAX ? kind : "";
  }
}
