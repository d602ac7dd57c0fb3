// What one measurement says, and beside what it is read: the limit that the protocol sets, what we want, and
// the same event measured on the original (Go) and on keepalived 2.2.7 on a 2-core machine.

/** What is known of a figure before it is measured. */
export interface Question {
  readonly title: string;
  readonly unit:
    | "ms"
    | "%"
    | "MiB"
    | "B/s"
    | "per s"
    | "ns"
    | "calls"
    | "changes"
    | "late heartbeats";
  /** What no program that speaks this protocol could better. */
  readonly limit?: string;
  /** The most that is good, of the median or of the worst run. */
  readonly most?: number;
  readonly of?: "median" | "worst";
  readonly original?: string;
  readonly keepalived?: string;
}

/** A measured figure. */
export interface Figure extends Question {
  readonly values: readonly number[];
}

/** How thorough the run is. */
export interface Size {
  /** How many runs, given those of a full run. */
  runs(full: number): number;
  /** How long to watch, given the time of a full run. */
  spanMs(full: number): number;
}

/** A full run: some minutes. */
export const FULL: Size = { runs: (full) => full, spanMs: (full) => full };
/** A run that shows that everything works, and roughly how fast. */
export const QUICK: Size = {
  runs: (full) => Math.ceil(full / 5),
  spanMs: (full) => full / 3,
};

/** One group of figures that are measured together. */
export interface Case {
  /** What `--only` selects by. */
  readonly name: string;
  run(size: Size): Promise<Figure[]>;
}

/** The middle of the values, of two middle ones their mean. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return ((low ?? NaN) + (high ?? NaN)) / 2;
}

/** The value that is held against what was wanted. */
export function judged({ values, of = "median" }: Figure): number {
  return of === "worst" ? Math.max(...values) : median(values);
}

/** Whether the figure is as wanted; null when nothing is wanted. */
export function met(figure: Figure): boolean | null {
  return figure.most === undefined ? null : judged(figure) <= figure.most;
}
