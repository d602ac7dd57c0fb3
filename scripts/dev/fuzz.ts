// Throws hostile input at everything that reads any. A find belongs into a test before it is mended.
import { run } from "../../tests/support/fuzz/target.ts";
import { TARGETS } from "../../tests/support/fuzz/targets.ts";
import { refuse, toolOptions } from "./tool_options.ts";

const NAMES = TARGETS.map(({ name }) => name).join(", ");
const USAGE = `Throws hostile input at everything that reads any.

  deno task fuzz [--seconds 60] [--seed N] [--only NAME]  that long in all, each
                                                          target its share
  deno task fuzz --only NAME --seed N --path P            one input again

Exit codes: 0 all promises were kept, 1 one was broken, 2 unusable options.`;

const { seconds = 60, seed = Date.now() % 2 ** 31, only, path } = toolOptions("fuzz", {
  usage: USAGE,
  texts: ["only", "path"],
  counts: ["seconds", "seed"],
});
const targets = TARGETS.filter(({ name }) => only === undefined || name === only);
if (targets.length === 0) refuse("fuzz", `--only is "${only}", wanted one of ${NAMES}`);

let finds = 0;
const withinMs = seconds * 1_000 / targets.length;
console.log(`seed ${seed}, ${seconds} s for ${targets.length} targets`);
for (const target of targets) {
  const effort = { seed, withinMs };
  const { runs, find } = await run(target, path === undefined ? effort : { ...effort, path });
  console.log(`${target.name.padEnd(14)} ${`${runs}`.padStart(8)} runs: ${target.promise}`);
  if (find === null) continue;
  finds += 1;
  console.log(`  BROKEN ${find.error}\n  input: ${find.input}`);
  const again = `--only ${target.name} --seed ${seed} --path ${find.path}`;
  console.log(`  replay: deno task fuzz ${again}`);
}
console.log(finds === 0 ? "all promises kept" : `${finds} broken`);
Deno.exit(finds === 0 ? 0 : 1);
