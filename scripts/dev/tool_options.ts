// The options of our own tools. Some of them work for hours, so a word that a tool does not know ends it at once.
import { parseArgs } from "@std/cli/parse-args";
import { messageOf } from "../../src/core/message_of.ts";
import { didYouMean } from "../../src/options/did_you_mean.ts";

/** What a tool can be told, by the names of its options without dashes. */
export interface ToolOptions<Text extends string, Count extends string, Switch extends string> {
  /** The text of --help, without a newline at the end. */
  readonly usage: string;
  /** Options with a value. */
  readonly texts?: readonly Text[];
  /** Options whose value is a whole number. */
  readonly counts?: readonly Count[];
  readonly switches?: readonly Switch[];
}

/** What a tool was told: undefined for an option that was not given. */
export type Told<Text extends string, Count extends string, Switch extends string> =
  & { readonly [Name in Text]?: string }
  & { readonly [Name in Count]?: number }
  & { readonly [Name in Switch]: boolean };

/** Reads the arguments; null means --help. Throws an `Error` for what cannot be meant. */
export function readToolOptions<
  Text extends string = never,
  Count extends string = never,
  Switch extends string = never,
>(
  args: readonly string[],
  { texts = [], counts = [], switches = [] }: ToolOptions<Text, Count, Switch>,
): Told<Text, Count, Switch> | null {
  const valued: readonly string[] = [...texts, ...counts];
  const known: readonly string[] = [...valued, ...switches, "help"];
  const { _: words, ...given } = parseArgs([...args], {
    string: [...valued],
    boolean: [...switches, "help"],
  });
  if (given.help === true || given.h === true) return null;
  const [stranger] = [...Object.keys(given).filter((name) => !known.includes(name)), ...words];
  if (stranger !== undefined) throw unknown(`${stranger}`, { args, known });
  for (const name of switches) {
    if (args.some((each) => each.startsWith(`--${name}=`))) {
      throw new Error(`--${name} takes no value`);
    }
  }
  for (const name of valued) {
    if (!(name in given)) continue;
    const value = given[name];
    if (typeof value !== "string" || value === "") throw new Error(`--${name} needs a value`);
    if (texts.some((each) => each === name)) continue;
    if (!/^\d{1,15}$/.test(value)) {
      throw new Error(`--${name} is ${JSON.stringify(value)}, wanted a whole number`);
    }
    given[name] = Number(value);
  }
  return given as unknown as Told<Text, Count, Switch>;
}

function unknown(
  stranger: string,
  { args, known }: { args: readonly string[]; known: readonly string[] },
): Error {
  const written = args.find((each) => each === `-${stranger}` || each === stranger);
  const word = written ?? `--${stranger}`;
  return new Error(`unknown option ${word}${didYouMean(word, known.map((each) => `--${each}`))}`);
}

/** The options of the tool that runs. Prints the usage and exits when asked for that, or for what cannot be meant. */
export function toolOptions<
  Text extends string = never,
  Count extends string = never,
  Switch extends string = never,
>(
  tool: string,
  options: ToolOptions<Text, Count, Switch>,
): Told<Text, Count, Switch> {
  try {
    const told = readToolOptions(Deno.args, options);
    if (told !== null) return told;
  } catch (error) {
    refuse(tool, `${messageOf(error)}\n\n${options.usage}`);
  }
  console.log(options.usage);
  Deno.exit(0);
}

/** Ends the tool because it cannot do what was asked. */
export function refuse(tool: string, message: string): never {
  console.error(`${tool}: ${message}`);
  Deno.exit(2);
}
