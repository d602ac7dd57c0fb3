// What the core tells an operator: one line with a stable word to search for.

/** How much an operator should care. */
export type Severity = "info" | "warning" | "critical";

/** One thing worth a line in the log. */
export interface Report {
  readonly severity: Severity;
  /** Stable word for log searches, listed in the README. */
  readonly event: string;
  /** The sentence: what happened, then the facts. */
  readonly text: string;
}

/** Builds a report. */
export function report(severity: Severity, event: string, text: string): Report {
  return { severity, event, text };
}
