// A log for what repeats: the first of a kind is written, the others are counted, so that a fault or a flood
// costs one line a minute and no memory. The count is told when the minute is over, whether or not it goes on.
import type { EventName, SeverityOf } from "../core/registry/events.ts";
import { durationText } from "../core/age.ts";
import type { Clock, Log } from "../world.ts";

/** Time before a line of the same kind is written again. */
export const QUIET_MS = 60_000;
/** Kinds that are told apart; beyond, all share one. */
export const KINDS_MAX = 256;

/** The same for what strangers can send, who must not use up the kinds of what matters. */
export const STRANGE_KINDS_MAX = 64;
/** What has not repeated for this long before it is told is said to be over. */
const OVER_MS = 5_000;

/** What `Log.write` is told, but for the address. */
export type Line<Event extends EventName = EventName> = readonly [
  severity: SeverityOf<Event>,
  event: Event,
  text: string,
];

/** A kind of which a line was written within the minute. */
interface Kind {
  readonly endsAtMs: number;
  /** Lines that may still be written. */
  left: number;
  muted: number;
  /** When the last line of the kind was written. */
  saidAtMs: number;
  /** The last one that was not written, and when that was. */
  line: Line;
  lastAtMs: number;
}

/** Writes one line per kind and minute, or the first few before that. */
export class RateLimitedLog {
  readonly #log: Log;
  readonly #clock: Clock;
  /** In the order of their ends. */
  readonly #kinds = new Map<string, Kind>();
  readonly #kindsMax: number;
  readonly #linesMax: number;

  /** `linesMax`: so many lines of a kind are written before the others of the minute are counted. */
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
      known.muted += 1;
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

  /** Tells the counts whose minute is over. To be called now and then. */
  settle(nowMs: number): void {
    for (const [key, kind] of this.#kinds) {
      if (nowMs < kind.endsAtMs) return;
      this.#kinds.delete(key);
      if (kind.muted === 0) continue;
      this.#tell(kind, nowMs);
      this.#begin(key, kind.line, { nowMs, left: 0 });
    }
  }

  /** Tells all counts, since nothing more will come. */
  close(): void {
    const nowMs = this.#clock.nowMs();
    for (const kind of this.#kinds.values()) {
      if (kind.muted > 0) this.#tell(kind, nowMs);
    }
    this.#kinds.clear();
  }

  #begin(key: string, line: Line, { nowMs, left }: { nowMs: number; left: number }): void {
    const times = { saidAtMs: nowMs, lastAtMs: nowMs };
    this.#kinds.set(key, { endsAtMs: nowMs + QUIET_MS, left, muted: 0, line, ...times });
  }

  /** The last of them stands for all, with how many there were within which time, and whether that goes on. */
  #tell({ muted, saidAtMs, lastAtMs, line: [severity, event, text] }: Kind, nowMs: number): void {
    const calmMs = nowMs - lastAtMs;
    const calm = calmMs < OVER_MS ? "" : `, then none for ${durationText(calmMs)}`;
    const span = durationText(Math.max(1, lastAtMs - saidAtMs));
    this.#log.write(severity, event, `${text} (${muted} more within ${span}${calm})`);
  }
}
