// Stand-in for `@std/cli/parse-args` where only npm can be reached: the options that exoip uses, over
// `node:util`. Same names and results as upstream for them; CI runs the suite on the published package.
import { parseArgs as parse } from "node:util";

/** What `parseArgs` is told: which names are strings, which are switches, which may be repeated. */
export interface ParseOptions {
  readonly string?: readonly string[];
  readonly boolean?: readonly string[];
  readonly collect?: readonly string[];
}

/** Reads `--name=value` and `--switch` arguments; the last value wins unless the name is collected. */
export function parseArgs(
  args: string[],
  { string = [], boolean = [], collect = [] }: ParseOptions = {},
  // deno-lint-ignore no-explicit-any -- upstream's type for a call whose names are not literals
): Record<string, any> & { _: Array<string | number> } {
  const option = (type: "string" | "boolean") => (name: string) =>
    [name, { type, multiple: collect.includes(name) }] as const;
  const { values, positionals } = parse({
    args,
    options: Object.fromEntries([
      ...string.map(option("string")),
      ...boolean.map(option("boolean")),
    ]),
    strict: false,
    allowPositionals: true,
  });
  const switches = Object.fromEntries(boolean.map((name) => [name, false]));
  const lists = Object.fromEntries(collect.map((name) => [name, []]));
  return { ...switches, ...lists, ...values, _: positionals };
}
