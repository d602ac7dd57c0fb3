// The one table of options: it feeds the parser, `-h`, the README, the manual page, completions and the tests.
import { CLOUD } from "./options/cloud.ts";
import { COMMANDS } from "./options/commands.ts";
import { ELECTION } from "./options/election.ts";
import { OPERATING } from "./options/operating.ts";
import { ORIGINAL } from "./options/original.ts";
import { SECURITY } from "./options/security.ts";
import { type Option, optionOf, type Row } from "./options/table.ts";

export type { Option, OptionKind } from "./options/table.ts";

const HELP: Row = ["h", "", "switch", "", "", "print this help and exit"];

/** All options in the order of the help. */
export const OPTIONS: readonly Option[] = [
  ...ORIGINAL.map((row) => optionOf(row, "original")),
  ...[...COMMANDS, ...OPERATING, ...CLOUD, ...ELECTION, ...SECURITY, HELP]
    .map((row) => optionOf(row, "addition")),
];

/** How the option is written: one dash for those of the original, two for ours. */
export function flagOf({ name, origin }: Pick<Option, "name" | "origin">): string {
  return origin === "original" || name.length === 1 ? `-${name}` : `--${name}`;
}

/** Whether the option's value must never be shown. */
export function isSecret(name: string): boolean {
  return name === "xs" || name.endsWith("secret");
}
