// How a row of the option table is written, and what it becomes.

/** How a value is written: `list` joins its values with commas, `many` with line breaks. */
export type OptionKind = "switch" | "text" | "list" | "many" | "integer" | "duration";

/** One option. */
export interface Option {
  /** As on the command line, without dashes. One or two dashes are accepted, as Go does. */
  readonly name: string;
  /** Environment variables, highest precedence first. */
  readonly variables: readonly string[];
  readonly kind: OptionKind;
  /** Placeholder of the value in the help. */
  readonly value: string;
  /** As it would be written, empty when there is none. */
  readonly fallback: string;
  readonly help: string;
  /** Its second name in a configuration file, null when the first is a word already. */
  readonly alias: string | null;
  /** `original` options are those of the Go tool. */
  readonly origin: "original" | "addition";
}

/** One option as the groups write it. */
export type Row = readonly [
  name: string,
  variables: string,
  kind: OptionKind,
  value: string,
  fallback: string,
  help: string,
  alias?: string,
];

/** The option that a row describes. */
export function optionOf(
  [name, variables, kind, value, fallback, help, alias]: Row,
  origin: Option["origin"],
): Option {
  return {
    name,
    variables: variables.split(" ").filter(Boolean),
    kind,
    value,
    fallback,
    help,
    alias: alias ?? null,
    origin,
  };
}
