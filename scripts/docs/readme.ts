// Writes the generated tables into the README; with --check only says whether they are up to date.
import { optionTable } from "../../src/commands/usage.ts";
import { errorTable, eventTable, metricTable, rejectTable, roleTable } from "./reference.ts";

const README = new URL("../../README.md", import.meta.url);

/** What stands between `<!-- NAME: ... -->` and `<!-- end of NAME -->`, by name. */
const TABLES: Readonly<Record<string, () => string>> = {
  "options": optionTable,
  "metrics": metricTable,
  "events": eventTable,
  "role reasons": roleTable,
  "reject reasons": rejectTable,
  "error kinds": errorTable,
};

/** The README with the tables that the code has now. Throws an `Error` when the place of one is missing. */
export function withTables(readme: string): string {
  let text = readme;
  for (const [name, table] of Object.entries(TABLES)) {
    const place = new RegExp(`(<!-- ${name}: [^\\n]* -->\\n)[^]*?(<!-- end of ${name} -->)`);
    if (!place.test(text)) throw new Error(`README.md has no place for the table "${name}"`);
    text = text.replace(place, (_, begin, end) => `${begin}\n${table()}\n\n${end}`);
  }
  return text;
}

/** Whether the README's tables say what the code does; alignment, which `deno fmt` chooses, aside. */
export function isUpToDate(readme: string): boolean {
  const squeezed = (text: string) => text.replace(/ +/g, " ").replace(/-+/g, "-");
  return squeezed(readme) === squeezed(withTables(readme));
}

if (import.meta.main) {
  const readme = Deno.readTextFileSync(README);
  if (Deno.args.includes("--check")) Deno.exit(isUpToDate(readme) ? 0 : 1);
  Deno.writeTextFileSync(README, withTables(readme));
}
