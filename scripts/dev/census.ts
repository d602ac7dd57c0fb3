// Counts in the simulation what a large cluster costs: datagrams and calls at rest, and what happens when the master
// dies.
import { NODE_SETTINGS } from "../../tests/support/node_settings.ts";
import { SimCluster } from "../../tests/support/simulation/cluster.ts";
import { seededRandom } from "../../tests/support/simulation/prng.ts";
import { refuse, toolOptions } from "./tool_options.ts";

const USAGE = `Counts in the simulation what a large cluster costs.

  deno task census [--nodes 3,10,50,100,200]  the sizes, one line each`;

/** The counts for one size. */
export interface Census {
  readonly nodes: number;
  /** Datagrams in a second at rest, in the whole cluster. */
  readonly datagrams: number;
  /** Calls to the cloud in a minute at rest, in the whole cluster; each is one request or two. */
  readonly calls: number;
  /** From the death of the master to the next one's hold, in ms. */
  readonly takeOverMs: number;
  /** Calls in the whole cluster in the ten seconds after that death. */
  readonly takeOverCalls: number;
}

const REST_MS = 60_000, SETTLE_MS = 40_000, TAKE_OVER_MS = 10_000, START_EVERY_MS = 7;

/** Counts a cluster of that size, with the command line's defaults and peers from the cloud's list. */
export async function census(nodes: number): Promise<Census> {
  const cluster = new SimCluster({ random: seededRandom(nodes), dynamic: true });
  const machines = Array.from(
    { length: nodes },
    (_, index) =>
      cluster.add(`node-${index + 1}`, { ...NODE_SETTINGS, priority: Math.min(index + 1, 254) }),
  );
  let datagrams = 0;
  const calls: string[] = [];
  cluster.observers.push({
    sent: () => datagrams++,
    called: (_, { verb }) => calls.push(verb),
    read: () => calls.push("members"),
  });
  // Real clusters do not start two hundred machines in the same millisecond.
  for (const [index, machine] of machines.entries()) {
    cluster.timeline.at(index * START_EVERY_MS, () => cluster.start(machine));
  }
  await cluster.run(SETTLE_MS);
  datagrams = 0;
  calls.length = 0;
  await cluster.run(REST_MS);
  const rest = { datagrams: datagrams / (REST_MS / 1_000), calls: calls.length };
  calls.length = 0;
  const [first, second] = machines;
  if (!first || !second) throw new Error(`--nodes: ${nodes} is no cluster, wanted 2 or more`);
  const diedAtMs = cluster.timeline.nowMs;
  let heldAtMs = Infinity;
  cluster.cloud.onChanged = () => {
    if (cluster.cloud.holders.has(second.instanceId)) {
      heldAtMs = Math.min(heldAtMs, cluster.timeline.nowMs);
    }
  };
  cluster.kill(first);
  await cluster.run(TAKE_OVER_MS);
  return { nodes, ...rest, takeOverMs: heldAtMs - diedAtMs, takeOverCalls: calls.length };
}

if (import.meta.main) {
  const { nodes = "3,10,50,100,200" } = toolOptions("census", { usage: USAGE, texts: ["nodes"] });
  if (!/^[1-9]\d{0,3}(,[1-9]\d{0,3})*$/.test(nodes)) {
    refuse("census", `--nodes is "${nodes}", wanted whole numbers such as 3,50`);
  }
  const sizes = nodes.split(",").map(Number);
  console.log("| Nodes | Datagrams/s | API calls/min | Take-over, ms | API calls in it |");
  console.log("| ----: | ----------: | ------------: | ------------: | --------------: |");
  for (const size of sizes) {
    const { datagrams, calls, takeOverMs, takeOverCalls } = await census(size);
    const cells = [size, Math.round(datagrams), calls, Math.round(takeOverMs), takeOverCalls];
    console.log(`| ${cells.join(" | ")} |`);
  }
}
