// The figures for people (a Markdown table) and for programs.
import { type Figure, median, met } from "./figure.ts";

/** One row per figure: the measurement, and its references. */
export function figureTable(figures: readonly Figure[]): string {
  const rows = [
    ["", "measured: median [min–max] (n)", "protocol's limit", "wanted", "original", "keepalived"],
    ...figures.map((figure) => [
      figure.title,
      measured(figure),
      figure.limit ?? "–",
      wanted(figure),
      figure.original ?? "–",
      figure.keepalived ?? "–",
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(3, ...rows.map((row) => (row[column] ?? "").length))
  );
  const lines = rows.map((row) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`
  );
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [lines[0], rule, ...lines.slice(1)].join("\n");
}

/** The figures as `bench.json` has them. */
export function figureJson(figures: readonly Figure[]): unknown[] {
  return figures.map((figure) => ({
    ...figure,
    median: median(figure.values),
    min: Math.min(...figure.values),
    max: Math.max(...figure.values),
    met: met(figure),
  }));
}

function measured({ values, unit }: Figure): string {
  if (values.length === 0) return "nothing";
  const [low, high] = [digits(Math.min(...values)), digits(Math.max(...values))];
  const span = values.length > 1 ? ` [${low}–${high}] (${values.length})` : " (1)";
  return `${digits(median(values))} ${unit}${span}`;
}

function wanted(figure: Figure): string {
  if (figure.most === undefined) return "–";
  const which = figure.of === "worst" ? "always " : "";
  const verdict = met(figure) ? "" : ", MISSED";
  return `${which}${figure.most === 0 ? "0" : `≤ ${figure.most} ${figure.unit}`}${verdict}`;
}

/** A loaded machine measures to three digits at best. */
function digits(value: number): string {
  if (value === 0) return "0";
  const places = Math.min(3, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));
  return String(Number(value.toFixed(places)));
}
