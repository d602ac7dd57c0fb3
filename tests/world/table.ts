// The matrix as tables in Markdown.
import type { CellResult } from "./cluster_cell.ts";
import { STARTED, type StartResult } from "./start_cell.ts";

/** Faults in a running cluster, one line each; bold values break a limit. */
export function clusterTable(results: readonly CellResult[]): string {
  const faults = [...new Set(results.map(({ fault }) => fault))];
  const rows = faults.map((fault) => {
    const of = (mode: CellResult["mode"]) =>
      results.find((result) => result.fault === fault && result.mode === mode);
    const rest = of("at rest"), killed = of("master killed");
    const perSecond = [rest, killed].map((each) => each?.figures.perSecond ?? 0);
    return [
      fault,
      seconds((killed ?? rest)?.figures.curlMs),
      marked(seconds(rest?.figures.firstMs), rest),
      marked(seconds(killed?.figures.firstMs), killed),
      marked(seconds(killed?.figures.withoutHolderMs), killed),
      `${Math.max(...perSecond)}`,
    ];
  });
  return markdown([
    "Fault",
    "`curl`",
    "At rest: first good request",
    "Master killed: first good request",
    "Time without a holder",
    "Most requests of a node in a second",
  ], rows);
}

/** Faults from the beginning. */
export function startTable(results: readonly StartResult[]): string {
  const rows = results.map(({ fault, curlMs, figures, broken }) => [
    fault,
    seconds(curlMs),
    ...STARTED.map((what) => {
      const { firstMs, code } = figures[what];
      const gaveUp = firstMs === null && code !== null;
      const shown = gaveUp ? `gave up (${code})` : seconds(firstMs);
      return broken.some((each) => each.startsWith(`${what}: `)) ? `**${shown}**` : shown;
    }),
  ]);
  return markdown(
    ["Names from the beginning", "`curl`", ...STARTED.map((what) => `\`${what}\``)],
    rows,
  );
}

function marked(text: string, result: CellResult | undefined): string {
  return result && result.broken.length > 0 ? `**${text}**` : text;
}

/** Undefined: not measured; null: it never happened. */
function seconds(ms: number | null | undefined): string {
  return ms === undefined ? "–" : ms === null ? "never" : `${(ms / 1000).toFixed(1)} s`;
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
