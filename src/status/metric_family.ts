// The Prometheus format of one metric: text format 0.0.4.
import { plain } from "../core/plain.ts";
import { type MetricName, METRICS } from "../core/registry/metric_names.ts";
import type { Snapshot } from "./snapshot.ts";
import type { AgeMs } from "../core/age.ts";

/** Longest value of a label. */
const LABEL_MAX_CHARS = 1_000;

/** Labels by name. */
export type Labels = Readonly<Record<string, string>>;

/** One value, with the labels that distinguish it. */
export interface Sample {
  readonly value: number;
  readonly labels?: Labels;
}

/** A metric with all its values. */
export interface Family {
  readonly name: MetricName;
  readonly samples: readonly Sample[];
}

/** Unix time in seconds of an event with that age; no sample if it never happened. */
export function instantOf(ageMs: AgeMs, { takenAtMs }: Snapshot, labels: Labels = {}): Sample[] {
  // The age is measured each time, so the result would vary by less than a millisecond: round it.
  return ageMs === null ? [] : [{ value: Math.round((takenAtMs - ageMs) / 100) / 10, labels }];
}

/** Seconds, rounded to the millisecond: the measurement is not more exact. */
export function secondsOf(ms: number): number {
  return Math.round(ms) / 1_000;
}

/** Help, type and values of a metric. */
export function familyText({ name, samples }: Family): string {
  const { type, meaning } = METRICS[name];
  const lines = samples.map(({ value, labels = {} }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    return `${name}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${value}\n`;
  });
  return `# HELP ${name} ${meaning}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function escaped(text: string): string {
  return plain(text, LABEL_MAX_CHARS).replaceAll("\\", "\\\\").replaceAll('"', '\\"');
}
