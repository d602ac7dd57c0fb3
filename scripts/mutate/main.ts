// Changes one operator, bound or constant of the pure files at a time, and runs the tests that should notice.
import { isOf, readAccepted, staleAmong } from "./accepted.ts";
import { findMutants, type Mutant } from "./find.ts";
import { Imports, type Stage } from "./notice.ts";
import { choose } from "./sample.ts";
import { type Outcome, Slot } from "./slot.ts";
import { refuse, toolOptions } from "../dev/tool_options.ts";

const USAGE = `Changes one operator, bound or constant of the pure files at a time, and runs
the tests that should notice. All of them take hours.

  deno task mutate [--sample N] [--seed 1] [--only TEXT] [--jobs N] [--floor 0]
  deno task mutate --accepted

  --sample N   that many mutants instead of all; a change elsewhere leaves the
               choice as it is
  --seed N     another sample
  --only TEXT  only files with this in their path
  --jobs N     at a time (default: one for each core)
  --floor N    how many per cent must be noticed
  --accepted   only the mutants in accepted.txt: says which of them a test
               notices by now

Exit codes: 0 enough were noticed, 1 fewer than the floor, or accepted.txt is
out of date, 2 unusable options.`;

const ROOT = new URL("../../", import.meta.url).pathname.slice(0, -1);
/** Pure files that have quick tests of their own. */
const PURE = new RegExp([
  "^src/core/.*[.]ts$",
  "^src/exoscale/(rate_limiter|error_response|endpoint)[.]ts$",
  "^src/status/(address_view|check_view|text|metrics|address_metrics|metric_family|liveness)[.]ts$",
].join("|"));
/** Time limit of a stage: this many times its duration without a change, but at least this long. */
const LIMIT_TIMES = 5, LIMIT_LEAST_MS = 10_000;

/** The fate of a mutant. */
interface Result {
  readonly mutant: Mutant;
  /** The stage that failed, null when the mutant survived. */
  readonly noticed: string | null;
  readonly outcome: Outcome;
  readonly tookMs: number;
}

const options = toolOptions("mutate", {
  usage: USAGE,
  texts: ["only"],
  counts: ["sample", "seed", "jobs", "floor"],
  switches: ["accepted"],
});
const { seed = 1, floor = 0, sample = Infinity } = options;
const jobs = Math.max(1, options.jobs ?? navigator.hardwareConcurrency);

const paths = await treeOf(ROOT);
const files = paths.filter((path) => PURE.test(path) && path.includes(options.only ?? "")).sort();
if (files.length === 0) {
  refuse("mutate", `--only is "${options.only}", wanted a part of the path of a pure file`);
}
const accepted = readAccepted(Deno.readTextFileSync(new URL("accepted.txt", import.meta.url)));
const all = await findMutants(ROOT, files);
const stale = staleAmong(accepted, { mutants: all, files, paths });
const isAccepted = (mutant: Mutant) => accepted.some((each) => isOf(mutant, each));
const chosen = choose(options.accepted ? all.filter(isAccepted) : all, { seed, sample });
const tried = options.accepted ? chosen : chosen.filter((mutant) => !isAccepted(mutant));

const imports = new Imports(ROOT, paths);
await using stack = new AsyncDisposableStack();
const slots: Slot[] = [];
for (let job = 0; job < jobs; job++) slots.push(stack.use(await Slot.of(ROOT, paths)));

const began = performance.now();
const limits = await measure([...new Set(tried.map(({ file }) => file))]);
const results = await inTurn(tried, tryOut);
const seconds = (performance.now() - began) / 1_000;
tell();

/** Runs every stage once without a change: it must pass, and its duration sets the time limit. */
async function measure(mutated: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const stages = new Map<string, Stage>();
  for (const file of mutated) {
    for (const stage of imports.stagesFor(file)) stages.set(stage.files.join(" "), stage);
  }
  const measured = await inTurn([...stages.values()], async (stage, slot) => {
    const startedMs = performance.now();
    const outcome = await slot.run(stage, 600_000);
    if (outcome !== "passed") {
      await stack.disposeAsync();
      refuse("mutate", `without a change, tests fail: ${stage.files.join(" ")}`);
    }
    const tookMs = performance.now() - startedMs;
    return [stage.files.join(" "), LIMIT_LEAST_MS + LIMIT_TIMES * tookMs] as const;
  });
  return new Map(measured);
}

async function tryOut(mutant: Mutant, slot: Slot): Promise<Result> {
  const startedMs = performance.now();
  const ended = (noticed: string | null, outcome: Outcome): Result => ({
    mutant,
    noticed,
    outcome,
    tookMs: performance.now() - startedMs,
  });
  return await slot.with(mutant, async () => {
    for (const stage of imports.stagesFor(mutant.file)) {
      const limitMs = limits.get(stage.files.join(" ")) ?? LIMIT_LEAST_MS;
      const outcome = await slot.run(stage, limitMs);
      if (outcome !== "passed") return ended(stage.name, outcome);
    }
    if (!await slot.compiles(mutant.file)) return ended("the compiler", "failed");
    console.log(`SURVIVED ${describe(mutant)}`);
    return ended(null, "passed");
  });
}

/** Processes the items in the slots; the results keep the order of the items. */
async function inTurn<T, R>(items: readonly T[], work: (item: T, slot: Slot) => Promise<R>) {
  const done: R[] = [];
  let next = 0;
  await Promise.all(slots.map(async (slot) => {
    for (let index = next++; index < items.length; index = next++) {
      const item = items[index];
      if (item !== undefined) done[index] = await work(item, slot);
    }
  }));
  return done;
}

function describe({ file, line, before, after }: Mutant): string {
  return `${file}:${line}\n  - ${before}\n  + ${after}`;
}

/** Prints the figures and sets the exit code. */
function tell(): void {
  const noticed = results.filter((result) => result.noticed !== null);
  for (const file of files) {
    const here = results.filter(({ mutant }) => mutant.file === file);
    const count = here.filter((result) => result.noticed !== null).length;
    if (here.length > 0) console.log(`${file.padEnd(36)} ${count} of ${here.length} noticed`);
  }
  const by = Map.groupBy(noticed, ({ noticed, outcome }) => outcome === "hung" ? "hung" : noticed);
  const ways = [...by].map(([way, each]) => `${each.length} ${way}`).join(", ");
  const share = results.length === 0 ? 100 : 100 * noticed.length / results.length;
  const work = results.reduce((sum, { tookMs }) => sum + tookMs, 0) / 1_000;
  console.log(`noticed by: ${ways}`);
  console.log(
    `${noticed.length} of ${results.length} noticed (${share.toFixed(1)} %), ` +
      `${chosen.length - tried.length} accepted besides, of ${all.length} mutants in all; ` +
      `${seconds.toFixed(0)} s, ${(work / Math.max(1, results.length)).toFixed(1)} s each`,
  );
  for (const { file, before, after } of stale) {
    console.log(
      `accepted.txt is out of date, no such change: ${file}\n  - ${before}\n  + ${after}`,
    );
  }
  if (options.accepted) {
    for (const { mutant } of noticed) console.log(`no longer survives: ${describe(mutant)}`);
  }
  const kept = options.accepted ? noticed.length === 0 : share >= floor;
  if (!options.accepted && !kept) console.log(`wanted: ${floor} %`);
  Deno.exitCode = kept && stale.length === 0 ? 0 : 1;
}

/** All files of the tree, committed or not. */
async function treeOf(root: string): Promise<string[]> {
  const { success, stdout } = await new Deno.Command("git", {
    args: ["-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    stderr: "inherit",
  }).output();
  if (!success) refuse("mutate", "git cannot list the files of the tree");
  const names = new TextDecoder().decode(stdout).split("\0").filter((path) => path !== "");
  return [...new Set(names)].filter((path) => {
    try {
      return Deno.lstatSync(`${root}/${path}`).isFile;
    } catch {
      return false;
    }
  });
}
