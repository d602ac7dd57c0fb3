// Says what lasts, at first at once and then more and more rarely: a name that cannot be resolved for a week is worth a
// line, and not one at each attempt.
import type { EventName } from "../core/registry/events.ts";
import type { Line } from "../log/rate_limited_log.ts";
import type { Clock, Log } from "../world.ts";

/** Shortest and longest time between two lines about the same. */
const FIRST_MS = 60_000, CAP_MS = 3_600_000;

/** Writes a line unless it was written lately. */
export class Reminder {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #said = new Map<string, { key: string; atMs: number; waitMs: number }>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** `key` is what the line is about: another one of the same kind waits for a minute only. */
  say<Event extends EventName>(kind: string, line: Line<Event>, key: string): void {
    const atMs = this.#clock.nowMs();
    const last = this.#said.get(kind);
    const same = last?.key === key;
    if (last && atMs < last.atMs + (same ? last.waitMs : FIRST_MS)) return;
    const waitMs = last && same ? Math.min(last.waitMs * 2, CAP_MS) : FIRST_MS;
    this.#said.set(kind, { key, atMs, waitMs });
    this.#log.write(...line);
  }
}
