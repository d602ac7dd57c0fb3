// Throws hostile input at everything that reads any.
//
//   deno task fuzz [--seconds 60] [--seed N] [--only NAME]     that long in all, each target its share
//   deno task fuzz --only NAME --seed N --path P               one input again
//
// Exit code 1 when a target broke its promise. A find belongs into a test before it is mended.
import { parseArgs } from "@std/cli/parse-args";
import { run } from "../../tests/support/fuzz/target.ts";
import { TARGETS } from "../../tests/support/fuzz/targets.ts";

const { seconds = "60", seed = `${Date.now() % 2 ** 31}`, only, path } = parseArgs(Deno.args, {
  string: ["seconds", "seed", "only", "path"],
});
for (const [name, text] of Object.entries({ seconds, seed })) {
  if (!/^\d{1,10}$/.test(text)) fail(`--${name} is "${text}", wanted a whole number`);
}
const targets = TARGETS.filter(({ name }) => only === undefined || name === only);
if (targets.length === 0) {
  fail(`--only is "${only}", wanted one of ${TARGETS.map(({ name }) => name).join(", ")}`);
}

let finds = 0;
const withinMs = Number(seconds) * 1_000 / targets.length;
console.log(`seed ${seed}, ${seconds} s for ${targets.length} targets`);
for (const target of targets) {
  const effort = { seed: Number(seed), withinMs };
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

function fail(message: string): never {
  console.error(`fuzz: ${message}`);
  Deno.exit(2);
}
