// Writes the option table into the README; with --check only says whether it is up to date.
import { optionTable } from "../src/usage.ts";

const README = new URL("../README.md", import.meta.url);
const TABLE = /(<!-- options: [^\n]* -->\n)[^]*?(<!-- end of options -->)/;

/** The README with the option table that the code has now. */
export function withOptionTable(readme: string): string {
  return readme.replace(TABLE, (_, begin, end) => `${begin}\n${optionTable()}\n\n${end}`);
}

/** Whether the README's table says what the code does; alignment, which `deno fmt` chooses, aside. */
export function isUpToDate(readme: string): boolean {
  const squeezed = (text: string) => text.replace(/ +/g, " ").replace(/-+/g, "-");
  return squeezed(readme) === squeezed(withOptionTable(readme));
}

if (import.meta.main) {
  const readme = Deno.readTextFileSync(README);
  if (Deno.args.includes("--check")) Deno.exit(isUpToDate(readme) ? 0 : 1);
  Deno.writeTextFileSync(README, withOptionTable(readme));
}
