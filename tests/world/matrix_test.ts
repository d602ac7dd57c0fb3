// Every fault between the nodes and the cloud: a node finds some route within ten seconds, at rest, with the master
// killed at the same moment, and at the start. To run only some: deno task test:world -- --only PATTERN.
import { parseArgs } from "@std/cli/parse-args";
import { assert } from "@std/assert";
import { skippableTest } from "../support/skippable.ts";
import { AT_ONCE, cellsFor } from "./cells.ts";
import { runClusterCell } from "./cluster_cell.ts";
import { pooled } from "./pool.ts";
import { missing } from "./requirements.ts";
import { runStartCell } from "./start_cell.ts";

const { only = "" } = parseArgs(Deno.args, { string: ["only"] });
const { cluster, start } = cellsFor(new RegExp(only));

/** A step per cell, in parallel; a failure prints its whole story. */
async function steps<Cell extends { title: string }>(
  t: Deno.TestContext,
  { cells, run }: {
    cells: readonly Cell[];
    run: (cell: Cell) => Promise<{ broken: readonly string[]; story: string }>;
  },
): Promise<void> {
  assert(cells.length > 0, `no cell is called ${only}`);
  const outcomes = pooled(cells, { atOnce: AT_ONCE, run });
  // A step below throws it.
  for (const outcome of outcomes) outcome.catch(() => {});
  for (const [index, { title }] of cells.entries()) {
    await t.step(title, async () => {
      const result = await outcomes[index];
      const { broken = [], story = "" } = result ?? {};
      if (broken.length > 0) throw new Error(`${broken.join("; ")}\n${story}`);
    });
  }
}

if (cluster.length > 0) {
  skippableTest(
    "whatever breaks on the way to the cloud, a way is found in time",
    missing,
    (t) => steps(t, { cells: cluster, run: ({ fault, mode }) => runClusterCell(fault, mode) }),
  );
}

if (start.length > 0) {
  skippableTest(
    "whatever is wrong with names, everything starts in time",
    missing,
    (t) => steps(t, { cells: start, run: ({ fault }) => runStartCell(fault) }),
  );
}
