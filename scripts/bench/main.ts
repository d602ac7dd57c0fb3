// How fast exoip is and what it costs, in whole processes on loopback: a table, and bench.json.
// Nothing here is a test of time.
import { exoipCommand } from "../../tests/support/process.ts";
import { crashCase } from "./crash.ts";
import { type Case, type Figure, FULL, QUICK } from "./figure.ts";
import { floodCase } from "./flood.ts";
import { handoverCase } from "./handover.ts";
import { leaseCase } from "./lease.ts";
import { microCase } from "./micro.ts";
import { restCase } from "./rest.ts";
import { figureJson, figureTable } from "./table.ts";
import { faultCase } from "./faults.ts";
import { refuse, toolOptions } from "../dev/tool_options.ts";

const CASES: readonly Case[] = [
  crashCase,
  handoverCase,
  faultCase,
  floodCase,
  restCase,
  leaseCase,
  microCase,
];

const NAMES = CASES.map(({ name }) => name).join(", ");
const USAGE = `Measures how fast exoip is and what it costs, in whole processes on loopback.

  deno task bench [--quick] [--only NAME] [--json FILE]

  --quick      fewer runs
  --only NAME  only the cases with this in their name:
               ${NAMES}
  --json FILE  where every value goes (default: bench.json)

EXOIP_BIN may name a compiled binary to measure instead of the source.
Exit codes: 0 measured, 1 a case could not be measured, 2 unusable options.`;

const { quick, only = "", json = "bench.json" } = toolOptions("bench", {
  usage: USAGE,
  texts: ["only", "json"],
  switches: ["quick"],
});
const chosen = CASES.filter(({ name }) => name.includes(only));
if (chosen.length === 0) {
  refuse("bench", `--only is "${only}", which is in the name of no case: ${NAMES}`);
}

const [program, rest] = exoipCommand();
const subject = rest.length > 0 ? "the source (EXOIP_BIN names no binary)" : program;
const load = () => Deno.loadavg()[0]?.toFixed(2) ?? "unknown";
console.log(`measuring ${subject}, load of the machine ${load()}`);
const figures: Figure[] = [];
let broken = false;
for (const { name, run } of chosen) {
  const beganMs = performance.now();
  try {
    figures.push(...await run(quick ? QUICK : FULL));
  } catch (error) {
    broken = true;
    console.error(`${name}: not measured:`, error);
  }
  const seconds = Math.round((performance.now() - beganMs) / 1_000);
  console.log(`${name}: ${seconds} s, load of the machine ${load()}`);
}
console.log(`\n${figureTable(figures)}`);
const report = { subject, deno: Deno.version.deno, at: new Date(), figures: figureJson(figures) };
await Deno.writeTextFile(json, JSON.stringify(report, null, 2) + "\n");
console.log(`\n${json} has every value`);
Deno.exit(broken ? 1 : 0);
