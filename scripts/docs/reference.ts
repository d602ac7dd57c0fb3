// The generated parts of docs: all options from their declarations, and from the registry every word that the program
// logs, counts, answers or measures.
import { ERROR_KINDS } from "../../src/core/registry/error_kinds.ts";
import { EVENTS } from "../../src/core/registry/events.ts";
import { METRICS } from "../../src/core/registry/metric_names.ts";
import { REJECT_REASONS } from "../../src/core/registry/reject_reasons.ts";
import { ROLE_REASONS } from "../../src/core/registry/role_reasons.ts";
import { STORE_ERROR_KINDS } from "../../src/core/registry/store_error_kinds.ts";
import { FILE_OPTIONS } from "../../src/config/config_file.ts";
import { flagOf, type Option } from "../../src/options/all.ts";
import { OPTION_GROUPS } from "./groups.ts";

type Row = readonly string[];

/** The tables of all options, one per group. */
export function optionTables(): string {
  const titles = ["Option", "Meaning", "Default", "Variable"];
  return OPTION_GROUPS.map(({ title, options }) => {
    const rows = options.map((option) => {
      const { value, variables, fallback, help } = option;
      const head = code(`${flagOf(option)}${value && ` ${value}`}`);
      return [head, help, fallback && code(fallback), variables.map(code).join(", ")];
    });
    return `### ${title}\n\n${table(titles, rows)}`;
  }).join("\n\n");
}

/** The table of keys in a configuration file. */
export function keyTable(): string {
  const rows = FILE_OPTIONS.map((option) => [
    code(option.alias ?? option.name),
    option.alias === null ? "" : code(option.name),
    typeOf(option),
    code(flagOf(option)),
  ]);
  return table(["Key", "Second name", "Type", "Option"], rows);
}

/** The TOML type of the option's value. */
export function typeOf({ kind, value }: Pick<Option, "kind" | "value">): string {
  if (kind === "switch") return "boolean";
  if (kind === "integer") return "integer";
  if (kind === "duration") return "seconds, or string with a unit";
  const several = kind === "list" || kind === "many" || value.includes("[,");
  return several ? "string, or array of strings" : "string";
}

/** The table of the log's events. */
export function eventTable(): string {
  const rows = sorted(EVENTS).map(([word, { severities, meaning, cure }]) => [
    code(word),
    severities.join(", "),
    meaning,
    cure,
  ]);
  return table(["Event", "Severity", "Meaning", "What to do"], rows);
}

/** The table of the reasons for a role. */
export function roleTable(): string {
  const rows = Object.entries(ROLE_REASONS).map(([word, { severity, meaning, cure }]) => [
    code(word),
    severity,
    meaning,
    cure,
  ]);
  return table(["Reason", "Severity", "Meaning", "What to do"], rows);
}

/** The table of reasons for rejecting a datagram. */
export function rejectTable(): string {
  const rows = Object.entries(REJECT_REASONS).map(([word, { meaning, cure }]) => [
    code(word),
    meaning,
    cure,
  ]);
  return table(["Reason", "Meaning", "What to do, if it lasts"], rows);
}

/** The table of cloud errors. */
export function errorTable(): string {
  const rows = Object.entries(ERROR_KINDS).map(([word, { retryable, meaning, cure }]) => [
    code(word),
    retryable ? "yes" : "no",
    meaning,
    cure,
  ]);
  return table(["Kind", "May pass", "Meaning", "What to do"], rows);
}

/** The table of errors of the store that has the lease. */
export function storeErrorTable(): string {
  const rows = Object.entries(STORE_ERROR_KINDS).map(([word, { meaning, cure }]) => [
    code(word),
    meaning,
    cure,
  ]);
  return table(["Kind", "Meaning", "What to do"], rows);
}

/** The table of the metrics. */
export function metricTable(): string {
  const rows = Object.entries(METRICS).map(([name, { type, labels, meaning }]) => [
    code(name),
    type,
    labels.map(code).join(", "),
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
  const line = (cells: Row) => `| ${cells.map((cell) => escaped(cell) || "–").join(" | ")} |`;
  return lines.map(line).join("\n");
}

/** A table cell, with options formatted as code. */
function escaped(cell: string): string {
  return cell.replaceAll("|", "\\|").replace(/(?<![\w`-])(?:exoip )?--?[A-Za-z][\w-]*/g, code);
}
