// Promises of the documents: generated parts are up to date, commands can be parsed, the README is short.
import { assert, assertEquals } from "@std/assert";
import { OPTION_GROUPS } from "../../scripts/docs/groups.ts";
import { GENERATED_PAGES, isUpToDate } from "../../scripts/docs/pages.ts";
import { splitCommand } from "../../src/host/split_command.ts";
import { OPTIONS } from "../../src/options/all.ts";
import { readValues } from "../../src/options/parse.ts";
import { blocksOf, documents, linksOf, ROOT, textOf } from "./markdown.ts";

Deno.test("the generated parts of docs are those that the code has", () => {
  for (const page of GENERATED_PAGES) {
    assert(isUpToDate(page, textOf(page)), `${page}: run deno task docs && deno fmt`);
  }
  const changed = (page: string, from: string, to: string) => {
    const text = textOf(page);
    assert(text.includes(from), `${page} has ${from}`);
    assert(!isUpToDate(page, text.replace(from, to)), `${page}: ${from}`);
  };
  changed("docs/set-up/options.md", "IF_DEAD_RATIO", "IF_DEAD_RATE");
  changed("docs/set-up/configuration.md", "| `dead-ratio` ", "| `dead-rate` ");
  changed("docs/operation/monitoring.md", "| `exoip_ready` ", "| `exoip_unready` ");
  changed("docs/operation/runbook.md", "| `attached` ", "| `detached` ");
  changed("docs/operation/runbook.md", "| `settling` ", "| `unsettling` ");
  changed("docs/operation/runbook.md", "| `unproven` ", "| `proven` ");
  changed("docs/operation/runbook.md", "| `not-json` ", "| `json` ");
});

Deno.test("each option is in one group of docs and manual page", () => {
  const grouped = OPTION_GROUPS.flatMap(({ options }) => options).map(({ name }) => name);
  assertEquals(grouped.sort(), OPTIONS.map(({ name }) => name).sort());
});

Deno.test("the README has at most 12 KiB, and begins with the two commands that set everything up", () => {
  const readme = textOf("README.md");
  assert(new TextEncoder().encode(readme).length <= 12_288);
  const [first] = blocksOf(readme);
  assertEquals(first, "npx -y deno@2.9.6 task demo\nnpx -y deno@2.9.6 task test:all\n");
  assert(readme.indexOf(first ?? "") < 400);
});

/** The arguments of every `exoip` in a shell block, and their line. */
function* commandsIn(block: string): Generator<{ line: string; argv: readonly string[] }> {
  for (const line of block.replaceAll(/\\\n\s*/g, " ").split("\n")) {
    const [, command] = /^(?:\S+=\S* )*exoip ((?:'[^']*'|"[^"]*"|[^#|'"&])*)/.exec(line) ?? [];
    if (command === undefined) continue;
    const argv = splitCommand(command.replaceAll("...", "").trim());
    if (argv === null) throw new Error(line);
    yield { line, argv };
  }
}

Deno.test("every exoip command of the documents has options that exist", () => {
  let count = 0;
  for (const document of documents()) {
    for (const block of blocksOf(textOf(document), "sh")) {
      for (const { line, argv } of commandsIn(block)) {
        const { ignored } = readValues(argv, {});
        assertEquals(ignored, [], `${document}: ${line}`);
        count++;
      }
    }
  }
  assert(count >= 15, `${count} commands`);
});

Deno.test("every task that the documents name is one of deno.json", () => {
  const { tasks } = JSON.parse(textOf("deno.json")) as { tasks: Record<string, string> };
  for (const document of documents()) {
    for (const [, task = ""] of textOf(document).matchAll(/\bdeno(?:@[\d.]+)? task ([\w:-]+)/g)) {
      assert(task in tasks, `${document}: deno task ${task}`);
    }
  }
});

Deno.test("the alert rules and the table of alerts have the same names", () => {
  const rules = textOf("scripts/package/monitoring/exoip-rules.yml");
  const names = (text: string) => [...new Set(text.match(/\bExoip[A-Z]\w+/g))].sort();
  assertEquals(names(textOf("docs/operation/monitoring.md")), names(rules));
});

Deno.test("the decisions link to every scenario of the isolation policy", () => {
  const page = "docs/reference/decisions.md";
  const folder = "tests/scenarios/";
  const cells = [...Deno.readDirSync(new URL(folder, ROOT))].map(({ name }) => folder + name)
    .filter((path) => path.includes("isolation_"));
  const links = linksOf(textOf(page)).filter((link) => link.includes("isolation_"));
  assertEquals(cells.sort(), links.map((link) => link.replace("../../", "")).sort());
  for (const cell of cells) {
    assert(!textOf(cell).includes("cloud nobody"), `${cell}: nobody holds for a while`);
  }
});

Deno.test("the page about the status names every field of the snapshot", () => {
  const page = textOf("docs/operation/status.md");
  const fields = [...textOf("src/status/snapshot.ts").matchAll(/\breadonly (\w+):/g)];
  assert(fields.length > 60, "they are found");
  const named = (field: string) => page.includes(`\`${field}\``) || page.includes(`\`${field}[]\``);
  // The table says "with ages".
  const plainAges = /^(late|worstLate|sent|received)AgeMs$/;
  const missing = fields.map(([, field = ""]) => field)
    .filter((field) => !named(field) && !plainAges.test(field));
  assertEquals(missing, []);
});
