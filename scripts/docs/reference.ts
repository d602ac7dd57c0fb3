// The reference tables of the README, from the registry: every word that the program logs, counts, answers or measures.
import { ERROR_KINDS } from "../../src/core/registry/error_kinds.ts";
import { EVENTS } from "../../src/core/registry/events.ts";
import { METRICS } from "../../src/core/registry/metric_names.ts";
import { REJECT_REASONS } from "../../src/core/registry/reject_reasons.ts";
import { ROLE_REASONS } from "../../src/core/registry/role_reasons.ts";

type Row = readonly string[];

/** The table of the log's events. */
export function eventTable(): string {
  const rows = sorted(EVENTS).map(([word, { severities, meaning }]) => [
    code(word),
    severities.join(", "),
    meaning,
  ]);
  return table(["Event", "Severity", "Meaning"], rows);
}

/** The table of the reasons for a role. */
export function roleTable(): string {
  const rows = Object.entries(ROLE_REASONS).map(([word, { severity, meaning }]) => [
    code(word),
    severity,
    meaning,
  ]);
  return table(["Reason", "Severity", "Meaning"], rows);
}

/** The table of the reasons for which a datagram is refused. */
export function rejectTable(): string {
  const rows = Object.entries(REJECT_REASONS).map(([word, { meaning }]) => [code(word), meaning]);
  return table(["Reason", "Meaning"], rows);
}

/** The table of what can go wrong with the cloud. */
export function errorTable(): string {
  const rows = Object.entries(ERROR_KINDS).map(([word, { retryable, meaning }]) => [
    code(word),
    retryable ? "yes" : "no",
    meaning,
  ]);
  return table(["Kind", "May pass", "Meaning"], rows);
}

/** The table of the metrics. */
export function metricTable(): string {
  const rows = Object.entries(METRICS).map(([name, { type, labels, meaning }]) => [
    code(name),
    type,
    labels.map(code).join(", ") || "–",
    meaning,
  ]);
  return table(["Metric", "Type", "Labels", "Meaning"], rows);
}

function sorted<Entry>(registry: Readonly<Record<string, Entry>>): [string, Entry][] {
  return Object.entries(registry).sort(([one], [other]) => one < other ? -1 : 1);
}

function code(word: string): string {
  return "`" + word + "`";
}

function table(titles: Row, rows: readonly Row[]): string {
  const lines = [titles, titles.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.map(escaped).join(" | ")} |`).join("\n");
}

/** A cell of a table; options look like code in it. */
function escaped(cell: string): string {
  return cell.replaceAll("|", "\\|").replace(/(?<![\w`-])--?[A-Za-z][\w-]*/g, code);
}
