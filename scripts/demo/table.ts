// The demo's last word.
import type { Outcome } from "./stage.ts";

/** Event, when noticed, when the address moved, how long nobody held it. */
export function outcomeTable(outcomes: readonly Outcome[]): string {
  const ms = (value: number | null) => value === null ? "-" : `${Math.round(value)} ms`;
  const rows = [
    ["event", "noticed after", "moved after", "nobody held", "as it should"],
    ...outcomes.map(({ title, noticedMs, movedMs, unheldMs, ok, why }) => [
      title,
      ms(noticedMs),
      ms(movedMs),
      ms(unheldMs),
      ok ? "yes" : `NO: ${why}`,
    ]),
  ];
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0))
  );
  const lines = rows.map((row) =>
    row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths?.[0] ?? 0) : cell.padStart(widths?.[column] ?? 0)
    ).join("  ")
  );
  return ["", lines[0], "-".repeat(lines[0]?.length ?? 0), ...lines.slice(1), ""].join("\n");
}
