// The options by subject, as docs and the manual pages list them.
import { CLOUD, KEY } from "../../src/options/cloud.ts";
import { COMMANDS, HELP, MODES, QUESTIONS } from "../../src/options/commands.ts";
import { ADDRESSES } from "../../src/options/elastic_ips.ts";
import { ELECTION, RANK } from "../../src/options/election.ts";
import { OPERATING } from "../../src/options/operating.ts";
import type { Option } from "../../src/options/option.ts";
import { LISTEN, PEERS } from "../../src/options/peers.ts";
import { SECURITY } from "../../src/options/security.ts";
import { SERVICE } from "../../src/options/service.ts";

/** Options that belong together. */
export interface OptionGroup {
  readonly title: string;
  readonly options: readonly Option[];
}

/** Every option in one of them. */
export const OPTION_GROUPS: readonly OptionGroup[] = [
  { title: "What to do", options: [...MODES, ...COMMANDS, ...QUESTIONS, ...HELP] },
  { title: "Elastic IP and peers", options: [...ADDRESSES, ...PEERS, ...LISTEN] },
  { title: "Cloud", options: [...KEY, ...CLOUD] },
  { title: "Election and timing", options: [...RANK, ...ELECTION] },
  { title: "Health, notifications, interface", options: SERVICE },
  { title: "Signed heartbeats", options: SECURITY },
  { title: "Files, log, status", options: OPERATING },
];
