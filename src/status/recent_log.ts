// A log that remembers its last lines: the timeline of changes.
import type { EventName, Severity } from "../core/registry/events.ts";
import type { ChangeView } from "./snapshot.ts";
import type { Clock, Log } from "../world.ts";
import { ageOf } from "../core/age.ts";

/** Most lines that are remembered. */
export const CHANGES_MAX = 100;
/** Longest text that is remembered. */
const TEXT_MAX_CHARS = 300;
/** Words of lines that report no change: calls, and lines that a stranger could cause to push out all others. */
const NO_CHANGE: ReadonlySet<EventName> = new Set(["call", "refused"]);

interface Change {
  readonly atMs: number;
  readonly monotonicMs: number;
  readonly severity: Severity;
  readonly event: EventName;
  readonly text: string;
}

/** Passes on every line. */
export class RecentLog implements Log {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #hide: (text: string) => string;
  readonly #changes: Change[] = [];

  /** `hide` removes the secrets from the remembered lines. */
  constructor(log: Log, clock: Clock, hide: (text: string) => string = (text) => text) {
    this.#log = log;
    this.#clock = clock;
    this.#hide = hide;
  }

  write(severity: Severity, event: EventName, sentence: string, elasticIp?: string): void {
    this.#log.write(severity, event, sentence, elasticIp);
    if (NO_CHANGE.has(event)) return;
    const shown = this.#hide(sentence);
    const text = elasticIp === undefined ? shown : `${elasticIp}: ${shown}`;
    this.#changes.push({
      atMs: Math.round(this.#clock.wallMs()),
      monotonicMs: this.#clock.nowMs(),
      severity,
      event,
      text: text.length > TEXT_MAX_CHARS ? `${text.slice(0, TEXT_MAX_CHARS)}...` : text,
    });
    if (this.#changes.length > CHANGES_MAX) this.#changes.shift();
  }

  /** The remembered lines, oldest first. */
  changes(nowMs: number): ChangeView[] {
    return this.#changes.map(({ monotonicMs, ...change }) => ({
      ...change,
      ageMs: ageOf(monotonicMs, nowMs),
    }));
  }
}
