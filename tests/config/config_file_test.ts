// The configuration file: every option under its names, and errors with their line.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { readValues } from "../../src/options/parse.ts";
import { keysOf, parseConfigFile } from "../../src/config/config_file.ts";
import { OPTIONS } from "../../src/options/all.ts";
import { quickestMs } from "../support/quickest.ts";

const SETTABLE = OPTIONS.filter(({ name, variables }) =>
  variables.length > 0 && !["config", "env-file"].includes(name)
);

Deno.test("parseConfigFile() gives each option the text that a flag would have had", () => {
  const file = parseConfigFile(
    `# edge
xi = "198.51.100.50"
P = 10
t = 0.2
handover-timeout = 5
preempt-delay = "1m"
no-preempt = true
exclusive = false
p = ["192.0.2.2", "192.0.2.3"]
`,
    "exoip.toml",
  );
  assertEquals(file.problems, []);
  const texts = [...file.given].map(([name, { text, source }]) => [name, text, source]);
  assertEquals(texts, [
    ["xi", "198.51.100.50", "exoip.toml, line 2"],
    ["P", "10", "exoip.toml, line 3"],
    ["t", "0.2", "exoip.toml, line 4"],
    ["handover-timeout", "5", "exoip.toml, line 5"],
    ["preempt-delay", "1m", "exoip.toml, line 6"],
    ["no-preempt", "true", "exoip.toml, line 7"],
    ["exclusive", "false", "exoip.toml, line 8"],
    ["p", "192.0.2.2,192.0.2.3", "exoip.toml, line 9"],
  ]);
});

Deno.test("parseConfigFile() knows every option with a variable by its name and its second name", () => {
  const keys = OPTIONS.flatMap(keysOf);
  assertEquals(new Set(keys).size, keys.length, "no key means two options");
  for (const option of SETTABLE) {
    const value = {
      switch: "true",
      integer: "7",
      duration: '"7s"',
      text: '"7"',
      list: '"7"',
      many: '"7"',
    };
    for (const key of keysOf(option)) {
      const { given, problems } = parseConfigFile(`${key} = ${value[option.kind]}`, "f");
      assertEquals([problems, given.has(option.name)], [[], true], key);
    }
  }
  const short = SETTABLE.filter(({ name, alias }) => name.length <= 2 && alias === null);
  assertEquals(short, [], "whoever reads the file should find words");
});

Deno.test("parseConfigFile() takes a list as an array or as text", () => {
  for (const [key, name] of [["peers", "p"], ["address", "xi"]] as const) {
    for (const value of ['["192.0.2.1", "192.0.2.2"]', '"192.0.2.1,192.0.2.2"']) {
      const { given } = parseConfigFile(`${key} = ${value}`, "f");
      assertEquals(given.get(name)?.text, "192.0.2.1,192.0.2.2");
    }
  }
});

Deno.test("parseConfigFile() names file, line, key, what was found and what was wanted", () => {
  const rows: ReadonlyArray<readonly [line: string, problem: string]> = [
    ['P = "ten"', 'P: found "ten", wanted a whole number'],
    ["priority = 1.5", "priority: found 1.5, wanted a whole number"],
    ["no-preempt = 1", "no-preempt: found 1, wanted true or false"],
    ['interval = "soon"', 'interval: found "soon", wanted a time such as 1, 0.2, 200ms or 1s'],
    ["interval = true", 'interval: found true, wanted a time such as 1, 0.2, "200ms" or "1s"'],
    ["interval = inf", "interval: found Infinity, wanted a time such as 1, 0.2, 200ms or 1s"],
    ["zone = 5", "zone: found 5, wanted a text in quotes"],
    ['zone = ["a"]', "zone: found an array, wanted a text in quotes"],
    [
      "peers = [1]",
      "peers: found an array with a number in it, wanted a text in quotes, or an array of texts",
    ],
    ["peers = 2020-01-01", "peers: found a date, wanted a text in quotes, or an array of texts"],
    ["xs = 123456", "xs: found something else, wanted a text in quotes"],
    ["prioritty = 5", "prioritty: unknown key (did you mean priority?)"],
    ["no_preempt = true", "no_preempt: unknown key (did you mean no-preempt?)"],
    ["IF_HOST_PRIORITY = 5", "IF_HOST_PRIORITY: unknown key, here it is P"],
    ["colour = 5", "colour: unknown key"],
    ["W = true", "W: cannot be set in this file"],
    ['config = "other"', "config: cannot be set in this file"],
    ['"env-file" = "other"', "env-file: cannot be set in this file"],
    ["[election]", "election: unknown key"],
    ["[P]", "P: found a table, wanted a whole number"],
  ];
  for (const [line, problem] of rows) {
    const { problems } = parseConfigFile(`# first\n${line}\n`, "/etc/exoip.toml");
    assertEquals(problems, [`/etc/exoip.toml, line 2: ${problem}`], line);
  }
});

Deno.test("parseConfigFile() reports all problems together, and an option under two names", () => {
  const { problems } = parseConfigFile("P = 1\npriority = 2\nr = true\n", "f");
  assertEquals(problems, [
    "f, line 2: priority: given twice, also as P or priority",
    "f, line 3: r: found true, wanted a whole number",
  ]);
});

Deno.test("parseConfigFile() names the line that is no TOML, and quotes nothing of it", () => {
  const { problems, given } = parseConfigFile('P = 1\napi-secret = "half of it\n', "f");
  assertEquals([given.size, problems.length], [0, 1]);
  assertMatch(problems[0] ?? "", /^f, line [23]: /);
  assert(!problems[0]?.includes("half"), problems[0]);
});

Deno.test("a value of the file looks to the rest of the program as one of a flag", () => {
  const { given } = parseConfigFile('peers = ["a.test", "b.test"]\npriority = 7\n', "f");
  const flags = readValues(["-p", "a.test", "-p", "b.test", "-P", "7"], {}).given;
  for (const [name, { text }] of flags) assertEquals(given.get(name)?.text, text);
});

Deno.test("parseConfigFile() stops after some problems, and is done with many keys at once", async () => {
  const text = Array.from({ length: 20_000 }, (_, number) => `k${number} = 1`).join("\n");
  let problems: readonly string[] = [];
  const limitMs = 5_000;
  const bestMs = await quickestMs(limitMs, () => {
    problems = parseConfigFile(text, "/f").problems;
  });
  assert(bestMs < limitMs, `${bestMs} ms`);
  assertEquals(problems.length, 21);
  assertEquals(problems.slice(-2), [
    "/f, line 20: k19: unknown key",
    "/f: and more: the rest is not read",
  ]);
});
