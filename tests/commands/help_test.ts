// -h: its width, its groups and its colours; the text itself stands in tests/golden/help.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { help, styleFor, topicOf } from "../../src/commands/help.ts";
import { flagOf, OPTIONS } from "../../src/options/all.ts";
import { type Group, GROUPS } from "../../src/options/option.ts";

const NAMES = Object.keys(GROUPS) as Group[];
/** Minimum width of a terminal; no line may be longer. */
const COLUMNS = 80;
/** Two screens of a usual terminal, with a line for the prompt. */
const TWO_SCREENS = 2 * 32 - 1;
const ESCAPE = new RegExp("\x1b\\[\\d*m", "g");

Deno.test("-h fits the terminal, and the overview fits two screens", () => {
  for (const topic of [null, "all", ...NAMES] as const) {
    for (const line of help(topic).split("\n")) assert(line.length <= COLUMNS, line);
  }
  const { length } = help().trimEnd().split("\n");
  assert(length <= TWO_SCREENS, `${length} lines`);
});

Deno.test("-h names every option, -h GROUP explains those of the group, -h all explains all", () => {
  const overview = help(), all = help("all");
  for (const option of OPTIONS) {
    assertStringIncludes(overview, flagOf(option));
    const [first = ""] = option.help.split(" ");
    assertStringIncludes(help(option.group), `  ${flagOf(option)}`);
    assertStringIncludes(help(option.group), first);
  }
  for (const group of NAMES) {
    assertStringIncludes(overview, `exoip -h GROUP`);
    assertStringIncludes(all, help(group));
    assert(OPTIONS.some((option) => option.group === group), `${group} is empty`);
  }
});

Deno.test("-h has colour on a screen only, and none for NO_COLOR or TERM=dumb", () => {
  const rows: ReadonlyArray<readonly [terminal: boolean, env: Record<string, string>, boolean]> = [
    [true, {}, true],
    [true, { TERM: "xterm-256color", NO_COLOR: "" }, true],
    [true, { NO_COLOR: "1" }, false],
    [true, { TERM: "dumb" }, false],
    [false, { TERM: "xterm" }, false],
  ];
  for (const [terminal, env, coloured] of rows) {
    for (const topic of [null, "all", "cloud"] as const) {
      const text = help(topic, styleFor({ terminal, env }));
      assertEquals([env, text !== help(topic)], [env, coloured]);
      assertEquals(text.replace(ESCAPE, ""), help(topic));
    }
  }
});

Deno.test("topicOf() takes a group in any case, and all", () => {
  assertEquals(topicOf(undefined), { topic: null });
  assertEquals(topicOf("all"), { topic: "all" });
  assertEquals(topicOf("Peers"), { topic: "peers" });
  assert("problem" in topicOf("constructor"));
});
