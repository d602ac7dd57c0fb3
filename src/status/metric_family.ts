// How one metric is written for Prometheus: text format 0.0.4.
import { plain } from "../core/plain.ts";
import { type MetricName, METRICS } from "../core/registry/metric_names.ts";
import type { Snapshot } from "./snapshot.ts";
import type { AgeMs } from "../core/age.ts";

/** Longest value of a label. */
const LABEL_MAX_CHARS = 1_000;

/** Labels by name. */
export type Labels = Readonly<Record<string, string>>;

/** One value, with what tells it apart from others of the same name. */
export interface Sample {
  readonly value: number;
  readonly labels?: Labels;
}

/** A metric with all its values. */
export interface Family {
  readonly name: MetricName;
  readonly samples: readonly Sample[];
}

/** Unix time in seconds of what is that old; no sample for what never was. */
export function instantOf(ageMs: AgeMs, { takenAtMs }: Snapshot, labels: Labels = {}): Sample[] {
  // An age is taken anew each time, so what never changes would seem to, by less than a millisecond.
  return ageMs === null ? [] : [{ value: Math.round((takenAtMs - ageMs) / 100) / 10, labels }];
}

/** Seconds, to the millisecond: what is measured here is no more exact. */
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
