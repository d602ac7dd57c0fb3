// A log for repeating events: the first line of a kind is written, the others are counted, so that a fault or a flood
// costs one line a minute and bounded memory. The count is written when the minute is over, whether or not the event
// continues.
import type { EventName, SeverityOf } from "../core/registry/events.ts";
import { durationText } from "../core/age.ts";
import type { Clock, Log } from "../world.ts";

/** Time until a line of the same kind is written again. */
export const QUIET_MS = 60_000;
/** Kinds that are counted separately; further ones share one count. */
export const KINDS_MAX = 256;

/** The same for what strangers can send: they must not use up the kinds of important lines. */
export const STRANGE_KINDS_MAX = 64;
/** If it has not repeated for this long when its count is written, the line says that it is over. */
const OVER_MS = 5_000;

/** The arguments of `Log.write` without the address. */
export type Line<Event extends EventName = EventName> = readonly [
  severity: SeverityOf<Event>,
  event: Event,
  text: string,
];

/** A kind with a line within the last minute. */
interface Kind {
  readonly endsAtMs: number;
  /** How many lines may still be written. */
  left: number;
  suppressed: number;
  /** When the last line of the kind was written. */
  saidAtMs: number;
  /** The last line that was not written, and its time. */
  line: Line;
  lastAtMs: number;
}

/** Writes one line per kind and minute, or the first few before that. */
export class RateLimitedLog {
  readonly #log: Log;
  readonly #clock: Clock;
  /** In the order in which their minutes end. */
  readonly #kinds = new Map<string, Kind>();
  readonly #kindsMax: number;
  readonly #linesMax: number;

  /** `linesMax`: how many lines of a kind are written before the others of the minute are counted. */
  constructor(log: Log, clock: Clock, kindsMax: number = KINDS_MAX, linesMax = 1) {
    this.#log = log;
    this.#clock = clock;
    this.#kindsMax = kindsMax;
    this.#linesMax = linesMax;
  }

  /** Writes the line unless one of the same kind was written within the minute. */
  write<Event extends EventName>(kind: string, line: Line<Event>): void {
    const nowMs = this.#clock.nowMs();
    this.settle(nowMs);
    const key = this.#kinds.has(kind) || this.#kinds.size < this.#kindsMax ? kind : "";
    const known = this.#kinds.get(key);
    if (known && known.left === 0) {
      known.suppressed += 1;
      known.line = line;
      known.lastAtMs = nowMs;
    } else {
      this.#log.write(...line);
      if (known) {
        known.left -= 1;
        known.saidAtMs = nowMs;
      } else this.#begin(key, line, { nowMs, left: this.#linesMax - 1 });
    }
  }

  /** Writes the counts whose minute is over. Call it now and then. */
  settle(nowMs: number): void {
    for (const [key, kind] of this.#kinds) {
      if (nowMs < kind.endsAtMs) return;
      this.#kinds.delete(key);
      if (kind.suppressed === 0) continue;
      this.#tell(kind, nowMs);
      this.#begin(key, kind.line, { nowMs, left: 0 });
    }
  }

  /** Writes all counts at the end. */
  close(): void {
    const nowMs = this.#clock.nowMs();
    for (const kind of this.#kinds.values()) {
      if (kind.suppressed > 0) this.#tell(kind, nowMs);
    }
    this.#kinds.clear();
  }

  #begin(key: string, line: Line, { nowMs, left }: { nowMs: number; left: number }): void {
    const times = { saidAtMs: nowMs, lastAtMs: nowMs };
    this.#kinds.set(key, { endsAtMs: nowMs + QUIET_MS, left, suppressed: 0, line, ...times });
  }

  /** Writes the last line, with the number of lines, their time span, and whether they continue. */
  #tell(
    { suppressed, saidAtMs, lastAtMs, line: [severity, event, text] }: Kind,
    nowMs: number,
  ): void {
    const calmMs = nowMs - lastAtMs;
    const calm = calmMs < OVER_MS ? "" : `, then none for ${durationText(calmMs)}`;
    const span = durationText(Math.max(1, lastAtMs - saidAtMs));
    this.#log.write(severity, event, `${text} (${suppressed} more within ${span}${calm})`);
  }
}
