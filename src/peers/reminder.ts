// Repeats a line about a lasting problem, at once and then more and more rarely: a name that cannot be resolved for a
// week deserves a line, but not at each attempt.
import { backoffMs } from "../core/backoff.ts";
import type { EventName } from "../core/registry/events.ts";
import type { Line } from "../log/rate_limited_log.ts";
import type { Clock, Log } from "../world.ts";

/** Time between two lines about the same. */
const REMIND = { firstMs: 60_000, capMs: 3_600_000 };

/** Writes a line unless it was written lately. */
export class Reminder {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #said = new Map<string, { key: string; atMs: number; repeats: number }>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** `key` is the subject of the line: a line of the same kind with another key waits for a minute only. */
  say<Event extends EventName>(kind: string, line: Line<Event>, key: string): void {
    const atMs = this.#clock.nowMs();
    const last = this.#said.get(kind);
    const same = last?.key === key;
    const repeats = same ? last.repeats : 0;
    if (last && atMs < last.atMs + backoffMs(REMIND, repeats)) return;
    this.#said.set(kind, { key, atMs, repeats: same ? repeats + 1 : 0 });
    this.#log.write(...line);
  }
}
