// Runs the matrix and prints it.
import { AT_ONCE, cellsFor } from "./cells.ts";
import { type CellResult, runClusterCell } from "./cluster_cell.ts";
import { pooled } from "./pool.ts";
import { missing } from "./requirements.ts";
import { runStartCell, type StartResult } from "./start_cell.ts";
import { clusterTable, startTable } from "./table.ts";
import { toolOptions } from "../../scripts/dev/tool_options.ts";

const USAGE = `Breaks what is between nodes and cloud in every way, and prints what came of it.

  deno task world [--only PATTERN] [--at-once N] [--story]

  --only PATTERN  only cells whose title matches this regular expression
  --at-once N     how many cells run side by side (default: ${AT_ONCE})
  --story         print the lines of the nodes of each cell

EXOIP_BIN may name a compiled binary to use instead of the source.
Exit codes: 0 all cells are good, 1 one is red, 2 unusable options.`;

const flags = toolOptions("world", {
  usage: USAGE,
  texts: ["only"],
  counts: ["at-once"],
  switches: ["story"],
});
if (missing !== null) throw new Error(`the world cannot be simulated here: ${missing}`);
const { cluster, start } = cellsFor(new RegExp(flags.only ?? ""));
const startedAtMs = performance.now();
const red: string[] = [];
let done = 0;

/** Prints the progress to standard error. */
async function report<Result extends { broken: readonly string[]; story: string }>(
  title: string,
  work: Promise<Result>,
): Promise<Result> {
  const result = await work;
  const { broken, story } = result;
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(0);
  console.error(
    `${seconds} s ${++done}/${cluster.length + start.length} ${title}: ${
      broken.join("; ") || "good"
    }`,
  );
  if (broken.length > 0) red.push(`${title}: ${broken.join("; ")}`);
  if (flags.story) console.error(story);
  return result;
}

const jobs: (() => Promise<CellResult | StartResult>)[] = [
  ...cluster.map((cell) => () => report(cell.title, runClusterCell(cell.fault, cell.mode))),
  ...start.map((cell) => () => report(cell.title, runStartCell(cell.fault))),
];
const atOnce = Math.max(1, flags["at-once"] ?? AT_ONCE);
const results = await Promise.all(pooled(jobs, { atOnce, run: (job) => job() }));
const clusterResults = results.flatMap((each) => "mode" in each ? [each] : []);
const startResults = results.flatMap((each) => "mode" in each ? [] : [each]);
if (clusterResults.length > 0) console.log(clusterTable(clusterResults), "\n");
if (startResults.length > 0) console.log(startTable(startResults), "\n");
console.log(`${results.length - red.length} cells good, ${red.length} red`);
for (const each of red) console.log(`- ${each}`);
Deno.exit(red.length === 0 ? 0 : 1);
