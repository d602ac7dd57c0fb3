// All options. Each is declared once, in src/options; the declarations feed parser, `-h`, docs, manual pages,
// completions, files, configuration and reload.
import { ELASTIC_IPS } from "./elastic_ips.ts";
import { CLOUD, KEY } from "./cloud.ts";
import { COMMANDS, HELP, MODES, QUESTIONS } from "./commands.ts";
import { ELECTION, RANK } from "./election.ts";
import { OPERATING } from "./operating.ts";
import type { FieldsOf, Option } from "./option.ts";
import { LEASE } from "./lease.ts";
import { LISTEN, PEERS } from "./peers.ts";
import { SECURITY } from "./security.ts";
import { SERVICE } from "./service.ts";

export type { Option, OptionKind } from "./option.ts";

/** As declared, in the order of the help: the original's options first, in its order. */
export const DECLARED = [
  ...[...MODES, ...ELASTIC_IPS, ...KEY, ...PEERS, ...RANK, ...LISTEN, ...QUESTIONS],
  ...[...COMMANDS, ...OPERATING, ...CLOUD, ...ELECTION, ...SERVICE, ...SECURITY, ...LEASE, ...HELP],
] as const;

/** The fields of the configuration that follow from one option each. */
export type Fields = FieldsOf<typeof DECLARED>;

/** All options. */
export const OPTIONS: readonly Option[] = DECLARED;

/** The option as written: one dash for the original's options, two for ours. */
export function flagOf({ name, origin }: Pick<Option, "name" | "origin">): string {
  return origin === "original" || name.length === 1 ? `-${name}` : `--${name}`;
}

/** Whether the option's value must never be shown. */
export function isSecret(name: string): boolean {
  return name === "xs" || name.endsWith("secret");
}
