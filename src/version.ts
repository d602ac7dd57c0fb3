// What `-version` prints. The build replaces the commit.
import manifest from "../deno.json" with { type: "json" };

/** Version of the release, from deno.json. */
export const VERSION: string = manifest.version;

/** Commit it was built from; `scripts/compile.ts` hands it to the binary. */
export function commitOf(env: Readonly<Record<string, string | undefined>>): string {
  return env.EXOIP_COMMIT || "unknown";
}
