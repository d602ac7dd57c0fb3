// A log for changes at any rate: few changes get a line each, many are counted.
import type { EventName } from "../core/registry/events.ts";
import type { Line, RateLimitedLog } from "./rate_limited_log.ts";
import type { Clock, Log } from "../world.ts";

/** Lines of a kind that are written one by one within this time. */
export const BURST_MAX = 10, BURST_MS = 60_000;

/**
 * Writes the first lines of a kind. Further ones go to a rate-limited log, which writes the last of them and their
 * number.
 */
export class BurstLog {
  readonly #log: Log;
  readonly #limitedLog: RateLimitedLog;
  readonly #clock: Clock;
  /** The times of the latest lines of each kind. */
  readonly #kinds = new Map<string, readonly number[]>();

  constructor({ log, limitedLog, clock }: { log: Log; limitedLog: RateLimitedLog; clock: Clock }) {
    this.#log = log;
    this.#limitedLog = limitedLog;
    this.#clock = clock;
  }

  /** The caller must bound the number of kinds. */
  write<Event extends EventName>(kind: string, [severity, event, text]: Line<Event>): void {
    const nowMs = this.#clock.nowMs();
    const recent = (this.#kinds.get(kind) ?? []).filter((atMs) => nowMs < atMs + BURST_MS);
    this.#kinds.set(kind, [...recent, nowMs].slice(-BURST_MAX));
    if (recent.length < BURST_MAX) this.#log.write(severity, event, text);
    else this.#limitedLog.write(kind, [severity, event, `${text}; it changes often`]);
  }
}
