// One measurement and its references: the limit that the protocol sets, our target, and the same event measured on the
// original (Go) and on keepalived 2.2.7 on a 2-core machine.

/** A figure before it is measured. */
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
  /** What no program with this protocol can improve on. */
  readonly limit?: string;
  /** Upper limit of the target, for the median or the worst run. */
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
  /** Number of runs, given that of a full run. */
  runs(full: number): number;
  /** How long to measure, given the time of a full run. */
  spanMs(full: number): number;
}

/** A full run: some minutes. */
export const FULL: Size = { runs: (full) => full, spanMs: (full) => full };
/** A run that shows that everything works, with rough figures. */
export const QUICK: Size = {
  runs: (full) => Math.ceil(full / 5),
  spanMs: (full) => full / 3,
};

/** One group of figures that are measured together. */
export interface Case {
  /** The name for `--only`. */
  readonly name: string;
  run(size: Size): Promise<Figure[]>;
}

/** The median; of two middle values, their mean. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return ((low ?? NaN) + (high ?? NaN)) / 2;
}

/** The value that is compared with the target. */
export function judged({ values, of = "median" }: Figure): number {
  return of === "worst" ? Math.max(...values) : median(values);
}

/** Whether the figure meets its target; null without one. */
export function met(figure: Figure): boolean | null {
  return figure.most === undefined ? null : judged(figure) <= figure.most;
}
