// Writes the generated tables into the pages in docs: `deno task docs`. With --check, only reports whether they are up
// to date. Run `deno fmt` afterwards: it aligns the columns.
import {
  errorTable,
  eventTable,
  keyTable,
  metricTable,
  optionTables,
  rejectTable,
  roleTable,
  storeErrorTable,
} from "./reference.ts";
import { statusLines } from "../../src/status/text.ts";
import { historyLines } from "../../src/status/history/text.ts";
import { clipped } from "../../src/status/history/view.ts";
import { playedHistory } from "./played_history.ts";
import { playedMinute } from "./played_minute.ts";

const ROOT = new URL("../../", import.meta.url);

/**
 * A generated part: its page, where it stands between `<!-- NAME: ... -->` and `<!-- end of NAME -->`, and its text.
 */
interface Part {
  readonly page: string;
  readonly text: () => string;
}

const RUNBOOK = "docs/operation/runbook.md";

/** The parts by name. */
const PARTS: Readonly<Record<string, Part>> = {
  "options": { page: "docs/set-up/options.md", text: optionTables },
  "keys": { page: "docs/set-up/configuration.md", text: keyTable },
  "metrics": { page: "docs/operation/monitoring.md", text: metricTable },
  "status sample": { page: "docs/operation/status.md", text: statusSample },
  "history sample": { page: "docs/operation/history.md", text: historySample },
  "events": { page: RUNBOOK, text: eventTable },
  "role reasons": { page: RUNBOOK, text: roleTable },
  "reject reasons": { page: RUNBOOK, text: rejectTable },
  "error kinds": { page: RUNBOOK, text: errorTable },
  "store error kinds": { page: RUNBOOK, text: storeErrorTable },
};

/** What `--status` prints, in a block of its own. */
function statusSample(): string {
  return ["```", ...statusLines(playedMinute().snapshot()), "```"].join("\n");
}

/** What `--history` prints. */
function historySample(): string {
  const history = playedHistory().history();
  const sinceMs = history.takenAtMs - 3_600_000;
  return ["```", ...historyLines(clipped(history, sinceMs), { sinceMs, utc: true }), "```"].join(
    "\n",
  );
}

/** The pages with generated parts, as paths from the root of the repository. */
export const GENERATED_PAGES: readonly string[] = [
  ...new Set(Object.values(PARTS).map(({ page }) => page)),
];

/** The page with its parts regenerated. Throws an `Error` when the markers of a part are missing. */
export function withParts(page: string, old: string): string {
  let text = old;
  for (const [name, part] of Object.entries(PARTS)) {
    if (part.page !== page) continue;
    const place = new RegExp(`(<!-- ${name}: [^\\n]* -->\\n)[^]*?(<!-- end of ${name} -->)`);
    if (!place.test(text)) throw new Error(`${page} has no place for "${name}"`);
    text = text.replace(place, (_, begin, end) => `${begin}\n${part.text()}\n\n${end}`);
  }
  return text;
}

/** Whether the page's generated parts match the code; ignores alignment, which `deno fmt` decides. */
export function isUpToDate(page: string, text: string): boolean {
  const squeezed = (words: string) => words.replace(/ +/g, " ").replace(/-+/g, "-");
  return squeezed(text) === squeezed(withParts(page, text));
}

if (import.meta.main) {
  for (const page of GENERATED_PAGES) {
    const url = new URL(page, ROOT);
    const text = Deno.readTextFileSync(url);
    if (!Deno.args.includes("--check")) Deno.writeTextFileSync(url, withParts(page, text));
    else if (!isUpToDate(page, text)) {
      console.error(`${page} is not what the code says: run deno task docs`);
      Deno.exit(1);
    }
  }
}
