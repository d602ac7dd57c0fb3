// Variables that look like ours but are unknown: a misspelt one would silently leave its option at the default.
import { OPTIONS } from "../options/all.ts";
import { didYouMean, within } from "../options/did_you_mean.ts";
import type { Environment } from "../world.ts";
import { SECRET_VARIABLE } from "../options/security.ts";

const PREFIX = "IF_";
const KNOWN: readonly string[] = [
  ...OPTIONS.flatMap(({ variables }) => variables),
  SECRET_VARIABLE,
];
const ENDINGS = KNOWN.filter((name) => name.startsWith(PREFIX)).map(endingOf);
/** ifupdown passes every option of a stanza as a variable like this; only this one is close to a variable of ours. */
const OF_OTHERS: ReadonlySet<string> = new Set(["IF_HWADDRESS"]);

/** Unknown variables with our prefix in one of our files. */
export function unknownVariables(variables: Environment): string[] {
  return Object.keys(variables).filter((name) => name.startsWith(PREFIX) && !KNOWN.includes(name));
}

/** Misspelt variables in the environment. Other programs fill it, too, so only names close to one of ours count. */
export function misspelt(env: Environment): string[] {
  return unknownVariables(env).filter((name) => {
    const ending = endingOf(name);
    const most = Math.min(2, Math.max(1, Math.floor(ending.length / 4)));
    return env[name] !== "" && !OF_OTHERS.has(name) && within(most, ending, ENDINGS) !== null;
  });
}

/** ` (did you mean IF_Y?)`, or nothing. */
export function meantVariable(name: string): string {
  return didYouMean(endingOf(name), ENDINGS, (ending) => PREFIX + ending);
}

function endingOf(name: string): string {
  return name.slice(PREFIX.length);
}
