// Copies of the program in each of which one rule is broken. The checkers must catch every one of them, or they would
// not catch the mistake that somebody makes one day.
import { writeStory } from "./story.ts";
import type { play } from "./scenario.ts";

/** One rule, and how to break it. */
export interface Mutant {
  readonly rule: string;
  readonly file: string;
  /** The text that upholds the rule, and what stands in its place. */
  readonly swap: readonly [string, string];
}

/** The rules that a failover stands on. */
export const MUTANTS: readonly Mutant[] = [
  {
    rule: "listen for the hold-off before anything is decided",
    file: "election/step.ts",
    swap: ["settledAtMs: peers ? atMs + holdOffMs(settings) :", "settledAtMs: peers ? atMs :"],
  },
  {
    rule: "after a sleep judge nobody",
    file: "election/step.ts",
    swap: ["const slept = ", "const slept = false && "],
  },
  {
    rule: "a peer is dead only after the dead time",
    file: "election/state.ts",
    swap: ["return intervalMs * deadRatio;", "return intervalMs * 1.5;"],
  },
  {
    rule: "only a better node goes before us",
    file: "election/peer.ts",
    swap: ["return one.priority < other.priority;", "return one.priority > other.priority;"],
  },
  {
    rule: "the sick make way for the well",
    file: "election/peer.ts",
    swap: ["if (one.unhealthy !== other.unhealthy) return other.unhealthy;", ""],
  },
  {
    rule: "attach before anything is taken from the dead",
    file: "ownership/plan.ts",
    swap: ["|| holding !== true || detaching", "|| detaching"],
  },
  {
    rule: "give up only what a successor has",
    file: "ownership/plan.ts",
    swap: ["return holding === true && confirmed !== null", "return holding === true"],
  },
  {
    rule: "one call at a time",
    file: "ownership/plan.ts",
    swap: ["if (state[slot].inFlight) return null;", ""],
  },
  {
    rule: "one eviction per death",
    file: "ownership/observe.ts",
    swap: ["demandProof(close(state.evictions, instanceId, atMs), atMs)", "state.evictions"],
  },
  {
    rule: "leave the address with a holder that may be a peer whose name cannot be resolved",
    file: "election/desired_state.ts",
    swap: ["const doubt = inDoubt(state.missing);", "const doubt = false;"],
  },
  {
    rule: "no recording pushes out the process that is believed",
    file: "election/proof.ts",
    swap: [
      'return echoedAtMs !== null && echoedAtMs > (proof?.sinceMs ?? -Infinity) ? null : "unproven";',
      "return null;",
    ],
  },
  {
    rule: "within a run only what rises is believed",
    file: "election/proof.ts",
    swap: ['if (trailer.sequence <= proof.sequence) return "replayed";', ""],
  },
  {
    rule: "a signed peer that does not hear us any more lives on",
    file: "election/proof.ts",
    swap: [
      'return echoedAtMs !== null || lateMs <= mostMs ? null : "unproven";',
      'return echoedAtMs !== null ? null : "unproven";',
    ],
  },
  {
    rule: "look again now and then",
    file: "ownership/observe.ts",
    swap: ["{ ...landed, looksAtMs: [nextLook] }", "landed"],
  },
  {
    rule: "a failed call is repeated",
    file: "ownership/call_slot.ts",
    swap: [
      "notBeforeMs: retryAtMs(slot, { ...setback, startedAtMs }, atMs)",
      "notBeforeMs: Infinity",
    ],
  },
];

/** The first seed whose story catches the broken rule, null when none of them does. */
export async function caughtBy(
  { file, swap: [upheld, broken] }: Mutant,
  seeds: Iterable<number>,
): Promise<{ seed: number; violation: string } | null> {
  const folder = await Deno.makeTempDir({ prefix: "exoip-canary-" });
  try {
    for (const part of ["src", "tests/simulation", "tests/support"]) {
      await copyTree(new URL(`../../${part}/`, import.meta.url), `${folder}/${part}`);
    }
    const path = `${folder}/src/core/${file}`;
    const text = await Deno.readTextFile(path);
    if (text.split(upheld).length !== 2) throw new Error(`${file} has not once: ${upheld}`);
    await Deno.writeTextFile(path, text.replace(upheld, broken));
    const copy = await import(`file://${folder}/tests/simulation/scenario.ts`);
    const playCopy: typeof play = copy.play;
    for (const seed of seeds) {
      const { violation } = await playCopy(writeStory(seed));
      // A copy that crashes says nothing of the checkers.
      if (violation?.includes(" ms core: ")) throw new Error(`the copy broke down: ${violation}`);
      if (violation !== null) return { seed, violation };
    }
    return null;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function copyTree(from: URL, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyTree(new URL(`${name}/`, from), `${to}/${name}`);
    else await Deno.copyFile(new URL(name, from), `${to}/${name}`);
  }
}
