// What the demo is asked for.
import { readToolOptions } from "../dev/tool_options.ts";

/** The text of --help. */
export const USAGE = `Plays a bad day of three real watchdogs before a simulated Exoscale.

  deno task demo [--api v1|v2] [--keep]

  --api v1|v2   the API that the simulated cloud speaks (default: v2)
  --keep        leave the cluster up at the end and print commands to try on it
  --help        print this and exit

It needs no account and uses loopback addresses only; it takes less than a
minute. EXOIP_BIN may name a compiled binary to play with instead of the source.
Exit codes: 0 every event went as it should, 1 one did not, 2 unusable options.
`;

/** What was asked for. */
export interface Wishes {
  readonly api: "v1" | "v2";
  readonly keep: boolean;
}

/** Reads the arguments; null means --help. Throws an `Error` for what cannot be meant. */
export function readWishes(args: readonly string[]): Wishes | null {
  const told = readToolOptions(args, { usage: USAGE, texts: ["api"], switches: ["keep"] });
  if (told === null) return null;
  const { api = "v2", keep } = told;
  if (api !== "v1" && api !== "v2") {
    throw new Error(`--api: found ${JSON.stringify(api)}, wanted v1 or v2`);
  }
  return { api, keep };
}
