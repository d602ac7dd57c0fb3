// Plays seeded stories of a cluster under faults.
//
//   deno task simulate --seeds 1000          the first thousand seeds
//   deno task simulate --seed 42             one seed, with its story
import { parseArgs } from "@std/cli/parse-args";
import { playStory } from "../tests/simulation/story.ts";

const { seeds = "200", seed } = parseArgs(Deno.args, { string: ["seeds", "seed"] });
const chosen = seed === undefined
  ? Array.from({ length: Number(seeds) }, (_, index) => index + 1)
  : [Number(seed)];
if (!chosen.every(Number.isSafeInteger)) {
  console.error("simulate: --seeds and --seed take whole numbers");
  Deno.exit(2);
}
let broken = 0;
for (const each of chosen) {
  const { violation, chronicle } = playStory(each, { trace: seed !== undefined });
  if (violation === null && seed === undefined) continue;
  console.log([`seed ${each}: ${violation ?? "all rules kept"}`, ...chronicle].join("\n  "));
  if (violation !== null) {
    broken += 1;
    console.log(`  replay: deno task simulate --seed ${each}`);
  }
}
console.log(`${chosen.length} stories, ${broken} broke a rule`);
Deno.exit(broken === 0 ? 0 : 1);
