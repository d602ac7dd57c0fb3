// From argv and environment to one value per option, by Go's rules: one or two dashes, `-flag value`, `-flag=value`;
// the first non-flag argument ends the flags. config.ts interprets the values.
import { parseArgs } from "@std/cli/parse-args";
import { flagOf, type Option, OPTIONS } from "./all.ts";
import { didYouMean } from "./did_you_mean.ts";
import { parseDuration } from "./duration.ts";
import type { Environment } from "../world.ts";

/** A value as written, and its source. */
export interface Given {
  /** Several values are joined as in a list. */
  readonly text: string;
  /** The values one by one. */
  readonly texts: readonly string[];
  /** The flag or variable, for messages. */
  readonly source: string;
}

/** The command line cannot be parsed: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Everything that was given. */
export interface Values {
  /** The winning value of each option that was given. */
  readonly given: ReadonlyMap<string, Given>;
  /** Arguments after the first non-flag: ignored, as in the original. */
  readonly ignored: readonly string[];
  /** The option before these, null without one. */
  readonly ignoredAfter?: Option | null;
  /** Options that a file gives a value that they cannot have. */
  readonly refused?: ReadonlySet<string>;
}

const BY_NAME = new Map(OPTIONS.map((option) => [option.name, option]));
const SPELLINGS: ReadonlyMap<string, string> = new Map([["help", "h"]]);
const TRUE = ["1", "t", "T", "true", "TRUE", "True"];
const FALSE = ["0", "f", "F", "false", "FALSE", "False"];

/** Reads arguments and environment. Throws `UsageError` if no configuration could mean them. */
export function readValues(argv: readonly string[], env: Environment): Values {
  const { flags, ignored, last } = split(argv);
  const parsed: Readonly<Record<string, unknown>> = parseArgs(flags, {
    string: OPTIONS.map(keyOf),
    collect: OPTIONS.filter(({ kind }) => kind === "list" || kind === "many").map(keyOf),
  });
  const given = new Map<string, Given>();
  for (const option of OPTIONS) {
    const value = fromFlag(option, parsed[keyOf(option)]) ?? fromEnvironment(option, env);
    if (value) given.set(option.name, checkSyntax(option, value));
  }
  const own = privateEndpoint(given, env);
  if (own) given.set("xe", own);
  return { given, ignored, ignoredAfter: last };
}

/** The endpoint that key and secret of `CLOUDSTACK_...` belong to. */
export const PRIVATE_ENDPOINT = "CLOUDSTACK_ENDPOINT";

/** That variable, if key or secret come from there: a private cloud's key must not go to Exoscale. */
function privateEndpoint(given: ReadonlyMap<string, Given>, env: Environment): Given | null {
  const text = env[PRIVATE_ENDPOINT];
  const isPrivate = ["xk", "xs"].some((name) => given.get(name)?.source.startsWith("CLOUDSTACK_"));
  // An endpoint given for exoip itself overrides it.
  const meant = /^(-|IF_)/.test(given.get("xe")?.source ?? "");
  return text && isPrivate && !meant ? { text, texts: [text], source: PRIVATE_ENDPOINT } : null;
}

/** Whether the word is the value of a switch. */
export function isSwitchValue(word: string): boolean {
  return [...TRUE, ...FALSE].includes(word);
}

/** Whether a switch that was given is on. */
export function isOn(given: Pick<Given, "text"> | undefined): boolean {
  return given !== undefined && TRUE.includes(given.text);
}

/**
 * Rewrites Go's flags to the form that `parseArgs` reads: `--name==value`. The second `=` keeps an empty value from
 * vanishing; `fromFlag` removes it.
 */
function split(
  argv: readonly string[],
): { flags: string[]; ignored: string[]; last: Option | null } {
  const flags: string[] = [];
  let last: Option | null = null;
  for (let at = 0; at < argv.length; at++) {
    const argument = argv[at] ?? "";
    if (!argument.startsWith("-") || argument === "-") {
      return { flags, ignored: argv.slice(at), last };
    }
    if (argument === "--") return { flags, ignored: argv.slice(at + 1), last };
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(argument);
    if (!match) {
      throw new UsageError(`cannot parse ${shownName(argument)}: wanted -name or -name=value`);
    }
    const written = match[1] ?? "";
    const name = SPELLINGS.get(written) ?? written;
    const option = BY_NAME.get(name);
    if (!option) throw new UsageError(`unknown option ${shownName(argument)}${meantFlag(name)}`);
    let value = match[2];
    if (value === undefined && option.kind === "switch") value = "true";
    if (value === undefined) value = argv[++at];
    if (value === undefined) throw new UsageError(`${flagOf(option)} needs a value`);
    flags.push(`--${keyOf(option)}==${value}`);
    last = option;
  }
  return { flags, ignored: [], last };
}

/** By a flag's name, and by its aliases: its second spelling, or its name in a configuration file. */
const BY_WORD = new Map(
  OPTIONS.flatMap((option) => {
    const { name, alias } = option;
    const other = [...SPELLINGS].flatMap(([word, meant]) => meant === name ? [word] : []);
    return [name, ...other, ...(alias === null ? [] : [alias])].map((word) =>
      [word, option] as const
    );
  }),
);

function meantFlag(name: string): string {
  return didYouMean(name, [...BY_WORD.keys()], (word) => {
    const option = BY_WORD.get(word);
    return option ? flagOf(option) : word;
  });
}

/** The option's name for `parseArgs`, which would take a leading `no-` for a negation. */
function keyOf({ name }: Option): string {
  return name.replace(/^no-/, "not-");
}

/** The flag without a value that may be glued to it, as in `-xsSECRET` or `-xehttps://...`. */
function shownName(argument: string): string {
  const [flag = ""] = argument.split("=");
  const [, short] = /^(--?xs).+/.exec(flag) ?? [];
  if (short) return `${short}...`;
  const [name = ""] = /^[\w-]{0,40}/.exec(flag) ?? [];
  return name === flag ? name : `${name}...`;
}

function fromFlag(option: Option, parsed: unknown): Given | null {
  const texts = [parsed ?? []].flat().map((text) => String(text).slice(1));
  if (texts.length === 0) return null;
  return givenBy(option, texts, flagOf(option));
}

/** The given value from these words. */
export function givenBy({ kind }: Option, words: readonly string[], source: string): Given {
  const texts = kind === "list" ? words.flatMap((word) => word.split(",")) : words;
  return { text: texts.join(kind === "many" ? "\n" : ","), texts, source };
}

/** An empty variable counts as unset. */
function fromEnvironment(option: Option, env: Environment): Given | null {
  const source = option.variables.find((name) => env[name]);
  if (source === undefined) return null;
  const text = env[source] ?? "";
  return givenBy(
    option,
    option.kind === "many" ? text.trim().split(option.separator) : [text],
    source,
  );
}

function checkSyntax(option: Option, given: Given): Given {
  const wanted = wantedForm(option, given.text);
  if (wanted === null) return given;
  throw new UsageError(`${given.source}: ${JSON.stringify(given.text)} is not ${wanted}`);
}

/** The form that an option of this kind wants, null when the text has it. */
export function wantedForm({ kind }: Option, text: string): string | null {
  if (kind === "switch" && !isSwitchValue(text)) {
    return `true or false${didYouMean(text, ["true", "false"])}`;
  }
  if (kind === "integer" && !/^[+-]?\d+$/.test(text)) return "a whole number";
  const timed = kind !== "duration" || parseDuration(text) !== null;
  return timed ? null : "a time such as 1, 0.2, 200ms or 1s";
}
