// What the demo is asked for.
import { didYouMean } from "../../src/options/did_you_mean.ts";

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

const OPTIONS = ["--api", "--keep", "--help"];

/** Reads the arguments; null means --help. Throws an `Error` for what cannot be meant. */
export function readWishes(args: readonly string[]): Wishes | null {
  let api: Wishes["api"] = "v2", keep = false;
  const rest = [...args];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const [name = "", value] = word.split("=", 2);
    if (name === "--help" || name === "-h") return null;
    if (name === "--keep" && value === undefined) keep = true;
    else if (name === "--api") {
      const wanted = value ?? rest.shift();
      if (wanted !== "v1" && wanted !== "v2") {
        throw new Error(`--api: found ${JSON.stringify(wanted ?? "")}, wanted v1 or v2`);
      }
      api = wanted;
    } else throw new Error(`unknown option ${word}${didYouMean(word, OPTIONS)}`);
  }
  return { api, keep };
}
