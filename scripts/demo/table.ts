// The demo's last word.
import type { Outcome } from "./stage.ts";
import { wrapped } from "../../src/status/table.ts";
import { COLUMNS } from "./told.ts";

/** Event, when noticed, when the address moved, how long nobody held it; what went wrong stands below its row. */
export function outcomeTable(outcomes: readonly Outcome[]): string {
  const ms = (value: number | null) => value === null ? "-" : `${Math.round(value)} ms`;
  const rows = [
    ["event", "noticed after", "moved after", "nobody held", "as it should"],
    ...outcomes.map(({ title, noticedMs, movedMs, unheldMs, ok }) => [
      title.split(":")[0] ?? title,
      ms(noticedMs),
      ms(movedMs),
      ms(unheldMs),
      ok ? "yes" : "NO",
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
  const [head = "", ...body] = lines;
  const said = body.flatMap((line, index) => {
    const why = outcomes[index]?.why ?? "";
    return why === "" ? [line] : [line, ...wrapped(`  ${why}`, COLUMNS, 2)];
  });
  return ["", head, "-".repeat(head.length), ...said, ""].join("\n");
}
