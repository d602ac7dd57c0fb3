// What the core tells an operator: one line with a stable word to search for.
import type { EventName, Severity, SeverityOf } from "./events.ts";

export type { Severity };

/** One thing worth a line in the log. */
export interface Report {
  readonly severity: Severity;
  /** Stable word for log searches, see events.ts. */
  readonly event: EventName;
  /** The sentence: what happened, then the facts. */
  readonly text: string;
}

/** Takes what makes a report. */
export type Say = <Event extends EventName>(
  severity: SeverityOf<Event>,
  event: Event,
  text: string,
) => void;

/** Builds a report. */
export function report<Event extends EventName>(
  severity: SeverityOf<Event>,
  event: Event,
  text: string,
): Report {
  return { severity, event, text };
}
