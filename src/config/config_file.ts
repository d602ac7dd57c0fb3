// --config: a TOML file with options by name; it can set those that have a variable, too. config.ts interprets the
// values; here each becomes the text that a flag would have had.
import { parse, TomlError } from "smol-toml";
import { type Given, givenBy, wantedForm } from "../options/parse.ts";
import { messageOf } from "../core/message_of.ts";
import { PROBLEMS_MAX } from "./env_file.ts";
import { isSecret, type Option, OPTIONS } from "../options/all.ts";
import { didYouMean } from "../options/did_you_mean.ts";

/** The options in a file, and all its problems. */
export interface ConfigFile {
  /** By the option's name. */
  readonly given: ReadonlyMap<string, Given>;
  /** Options with a value that they cannot have. */
  readonly refused: ReadonlySet<string>;
  /** Each names file, line and key. */
  readonly problems: readonly string[];
}

/** Options that a file cannot set: paths of files, and what one run is to do. */
const ELSEWHERE: ReadonlySet<string> = new Set(["config", "env-file"]);
/** Options that a file can set. */
export const FILE_OPTIONS: readonly Option[] = OPTIONS.filter(({ name, variables }) =>
  variables.length > 0 && !ELSEWHERE.has(name)
);
const BY_KEY = new Map(
  FILE_OPTIONS.flatMap((option) => keysOf(option).map((key) => [key, option] as const)),
);

/** The names of an option in the file. */
export function keysOf({ name, alias }: Option): string[] {
  return alias === null ? [name] : [name, alias];
}

/** Reads the file's text; the path is for messages. */
export function parseConfigFile(text: string, path: string): ConfigFile {
  const given = new Map<string, Given>(), refused = new Set<string>();
  let entries: [key: string, value: unknown][];
  try {
    entries = Object.entries(parse(text, { integersAsBigInt: true }));
  } catch (error) {
    const line = error instanceof TomlError ? `, line ${error.line}` : "";
    return { given, refused, problems: [`${path}${line}: ${reasonOf(error)}`] };
  }
  const problems: string[] = [];
  const lines = linesOf(text);
  for (const [key, value] of entries) {
    if (problems.length >= PROBLEMS_MAX) {
      problems.push(`${path}: and more: the rest is not read`);
      break;
    }
    const line = lines.get(key);
    const source = line === undefined ? path : `${path}, line ${line}`;
    const option = BY_KEY.get(key);
    const read = option ? textsOf(option, value) : { problem: unknown(key) };
    if ("problem" in read) {
      problems.push(`${source}: ${key}: ${read.problem}`);
      if (option) refused.add(option.name);
    } else if (option && given.has(option.name)) {
      problems.push(`${source}: ${key}: given twice, also as ${keysOf(option).join(" or ")}`);
    } else if (option) given.set(option.name, givenBy(option, read.texts, source));
  }
  return { given, refused, problems };
}

/** Why the text is not TOML. The rest of the parser's message quotes the file, which may contain secrets. */
function reasonOf(error: unknown): string {
  const [reason = ""] = messageOf(error).split("\n");
  // The parser has met the end of the line: the string is not closed.
  const open = /control characters are not allowed in strings/.test(reason);
  return open ? "a quote is not closed on this line (or the text has a control character)" : reason;
}

/** The value as a flag would have it. */
function textsOf(
  option: Option,
  value: unknown,
): { texts: readonly string[] } | { problem: string } {
  const { kind, name } = option;
  const several = kind === "list" || kind === "many" || option.value.includes("[,");
  if (several && Array.isArray(value) && value.every((each) => typeof each === "string")) {
    return { texts: kind === "many" ? value : [value.join(",")] };
  }
  const text = kind === "switch"
    ? typeof value === "boolean" ? `${value}` : null
    : kind === "integer"
    ? typeof value === "bigint" ? `${value}` : null
    : kind === "duration" && ["bigint", "number"].includes(typeof value)
    ? `${value}`
    : typeof value === "string"
    ? value
    : null;
  const wanted = text === null ? formOf(kind, several) : wantedForm(option, text);
  if (text !== null && wanted === null) {
    return { texts: kind === "many" ? text.split("\n") : [text] };
  }
  const found = isSecret(name) ? "something else" : shown(value);
  return { problem: `found ${found}, wanted ${wanted}` };
}

function formOf(kind: Option["kind"], several: boolean): string {
  if (kind === "switch") return "true or false";
  if (kind === "integer") return "a whole number";
  if (kind === "duration") return 'a time such as 1, 0.2, "200ms" or "1s"';
  return several ? "a text in quotes, or an array of texts" : "a text in quotes";
}

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof Date) return "a date";
  if (Array.isArray(value)) return arrayText(value);
  return typeof value === "object" ? "a table" : `${value}`;
}

function arrayText(values: readonly unknown[]): string {
  const other = values.find((each) => typeof each !== "string");
  if (other === undefined) return values.length === 0 ? "an empty array" : "an array";
  const what = typeof other === "bigint" || typeof other === "number"
    ? "a number"
    : typeof other === "boolean"
    ? "true or false"
    : Array.isArray(other)
    ? "another array"
    : other instanceof Date
    ? "a date"
    : "a table";
  return `an array with ${what} in it`;
}

function unknown(key: string): string {
  const option = OPTIONS.find(({ name, variables }) => name === key || variables.includes(key));
  const proper = option && keysOf(option).find((each) => BY_KEY.has(each) && each !== key);
  if (proper) return `unknown key, here it is ${proper}`;
  if (option) return "cannot be set in this file";
  return `unknown key${didYouMean(key, [...BY_KEY.keys()])}`;
}

/** Longer than any of our keys, with blanks and brackets. */
const KEY_MAX_CHARS = 200;

/** The line where each key first appears; the parser does not report it. */
function linesOf(text: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  for (const [index, line] of text.split("\n").entries()) {
    const start = line.trimStart().slice(0, KEY_MAX_CHARS);
    const [, name] = /^(?:\[{1,2}[ \t]{0,9})?["']?([\w-]+)["']?[ \t]{0,99}[=\].]/.exec(start) ?? [];
    if (name !== undefined && !lines.has(name)) lines.set(name, index + 1);
  }
  return lines;
}
