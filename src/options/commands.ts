// Options that do one thing and exit.
import type { Row } from "./table.ts";

/** Options that do one thing and exit. */
export const COMMANDS: readonly Row[] = [
  [
    "stop",
    "",
    "switch",
    "",
    "",
    "end the watchdog that has the --pid-file, wait for its end, and exit",
  ],
  ["status", "", "switch", "", "", "print the state of this machine's watchdog and exit"],
  ["json", "", "switch", "", "", "with --status: as JSON"],
  ["watch", "", "switch", "", "", "with --status: again every second, until Ctrl+C"],
];
