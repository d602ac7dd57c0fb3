// A report to the operator: one log line with a stable word to search for.
import type { EventName, Severity, SeverityOf } from "./events.ts";

export type { Severity };

/** One log line. */
export interface Report {
  readonly severity: Severity;
  /** Stable word for log searches, see events.ts. */
  readonly event: EventName;
  /** The sentence: what happened, then the facts. */
  readonly text: string;
}

/** Reports something to the operator. */
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
