// Plays seeded stories of a cluster under faults.
import { play } from "../../tests/support/simulation/scenario.ts";
import { type Broken, type Range, STORIES } from "./simulate_worker.ts";
import { toolOptions } from "./tool_options.ts";

const USAGE = `Plays seeded stories of a cluster under faults.

  deno task simulate [--seeds 200] [--from 1]     that many seeds, on all cores
  deno task simulate --seed 42 [--group|--lease]  one seed, as a scenario with
                                                  its trace

Each seed has three stories: one with one Elastic IP, one (--group) with several
that move together, and one (--lease) in which holding takes a lease.
Exit codes: 0 every rule was kept, 1 one was broken, 2 unusable options.`;

/** Seeds per batch for a worker. */
const CHUNK = 50;

const { seeds = 200, from = 1, seed, group, lease } = toolOptions("simulate", {
  usage: USAGE,
  counts: ["seeds", "from", "seed"],
  switches: ["group", "lease"],
});
Deno.exit(seed === undefined ? await playMany(from, seeds) : await replay(seed));

/** One seed's story, printed as a scenario with its trace. */
async function replay(seed: number): Promise<number> {
  const kind = lease ? "lease" : group ? "group" : "alone";
  const story = STORIES[kind]?.(seed) ?? "";
  const { trace, violation } = await play(story);
  console.log([`# seed ${seed}`, story, "----", ...trace].join("\n"));
  console.log(violation === null ? "# all rules kept" : `# BROKEN ${violation}`);
  return violation === null ? 0 : 1;
}

async function playMany(from: number, count: number): Promise<number> {
  const beganMs = performance.now();
  const end = from + count;
  let next = from, broken = 0;
  const worker = async () => {
    const url = new URL("./simulate_worker.ts", import.meta.url);
    const thread = new Worker(url, { type: "module" });
    while (next < end) {
      const range: Range = { from: next, to: Math.min(next + CHUNK, end) };
      next = range.to;
      for (const { seed, kind, violation } of await ask(thread, range)) {
        broken += 1;
        const replay = `deno task simulate --seed ${seed}${kind === "alone" ? "" : ` --${kind}`}`;
        console.log(`seed ${seed}: ${violation}\n  replay: ${replay}`);
      }
    }
    thread.terminate();
  };
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, worker));
  const seconds = ((performance.now() - beganMs) / 1000).toFixed(1);
  console.log(`${count} stories in ${seconds} s, ${broken} broke a rule`);
  return broken === 0 ? 0 : 1;
}

function ask(thread: Worker, range: Range): Promise<Broken[]> {
  return new Promise((resolve, reject) => {
    thread.onmessage = ({ data }: MessageEvent<Broken[]>) => resolve(data);
    thread.onerror = (event) => reject(new Error(event.message));
    thread.postMessage(range);
  });
}
