// What `-version` prints.
import manifest from "../deno.json" with { type: "json" };

/** Version of the release, from deno.json. */
export const VERSION: string = manifest.version;

/** Written by scripts/release/compile.ts and embedded in the binary. */
const COMMIT_FILE = new URL("../dist/COMMIT", import.meta.url);

/** Commit that the binary was built from; a run from source has none. */
export function commit(): string {
  if (!Deno.build.standalone) return "none, run from source";
  try {
    return Deno.readTextFileSync(COMMIT_FILE).trim();
  } catch {
    return "unknown";
  }
}
