// The options of our own tools: a typing error must not start hours of work.
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { readToolOptions } from "../../scripts/dev/tool_options.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
/** The tools that read their options with it. */
const TOOLS = {
  bench: "scripts/bench/main.ts",
  census: "scripts/dev/census.ts",
  fuzz: "scripts/dev/fuzz.ts",
  image: "scripts/image/main.ts",
  mutate: "scripts/mutate/main.ts",
  simulate: "scripts/dev/simulate.ts",
  sums: "scripts/release/sums.ts",
  world: "tests/world/matrix.ts",
};

const OPTIONS = {
  usage: "unused",
  texts: ["only"],
  counts: ["seed", "at-once"],
  switches: ["story"],
} as const;

async function run(tool: string, ...args: string[]) {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--allow-all", `${ROOT}${tool}`, ...args],
    env: { NO_COLOR: "1" },
  });
  const { code, stdout, stderr } = await command.output();
  const [out = "", err = ""] = [stdout, stderr].map((each) => new TextDecoder().decode(each));
  return { code, out, err };
}

Deno.test("readToolOptions() reads texts, counts and switches", () => {
  const read = (...args: string[]) => {
    const told = readToolOptions(args, OPTIONS);
    return told && [told.only, told.seed, told["at-once"], told.story];
  };
  assertEquals(read(), [undefined, undefined, undefined, false]);
  assertEquals(read("--only", "x y", "--seed=7", "--at-once", "0"), ["x y", 7, 0, false]);
  assertEquals(read("--story", "--seed", "1", "--seed", "2"), [undefined, 2, undefined, true]);
  assertEquals([read("--help"), read("-h"), read("--seed", "x", "-h")], [null, null, null]);
});

Deno.test("readToolOptions() says what is wrong with an option", () => {
  const rows: ReadonlyArray<readonly [args: string, error: string]> = [
    ["--sead 7", "unknown option --sead (did you mean --seed?)"],
    ["--stroy", "unknown option --stroy (did you mean --story?)"],
    ["-s", "unknown option -s"],
    ["7", "unknown option 7"],
    ["-- --seed", "unknown option --seed"],
    ["--seed", "--seed needs a value"],
    ["--seed --story", "--seed "],
    ["--only=", "--only needs a value"],
    ["--seed -1", '--seed is "-1", wanted a whole number'],
    ["--seed 1e3", '--seed is "1e3", wanted a whole number'],
    ["--seed 7x", '--seed is "7x", wanted a whole number'],
    ["--story=yes", "--story takes no value"],
  ];
  for (const [args, wanted] of rows) {
    const { message } = assertThrows(() => readToolOptions(args.split(" "), OPTIONS), Error);
    assert(message.startsWith(wanted), `${args}: ${message}`);
  }
});

for (const [tool, file] of Object.entries(TOOLS)) {
  Deno.test(`deno task ${tool} explains itself, and refuses options that it does not know`, async () => {
    const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
    if (tool !== "census") assertStringIncludes(tasks[tool], file);
    const help = await run(file, "--help");
    assertEquals([help.code, help.err], [0, ""]);
    assertStringIncludes(help.out, `deno task ${tool}`);
    for (const line of help.out.split("\n")) assert(line.length <= 80, line);
    const wrong = await run(file, "--wrong");
    assertEquals([wrong.code, wrong.out], [2, ""]);
    assertEquals(wrong.err, `${tool}: unknown option --wrong\n\n${help.out}`);
  });
}
