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
  [
    "print-iam-policy",
    "",
    "switch",
    "",
    "",
    "print the least IAM policy for the key's role (API v2) with this configuration, and exit",
  ],
  [
    "doctor",
    "",
    "switch",
    "",
    "",
    "check machine, key, Elastic IP, peers, firewall and heartbeats, change nothing, and exit",
  ],
  ["status", "", "switch", "", "", "print the state of this machine's watchdog and exit"],
  [
    "print-config",
    "",
    "switch",
    "",
    "",
    "print the configuration with the source of each value, and exit",
  ],
  ["json", "", "switch", "", "", "with --status or --doctor: as JSON"],
  ["watch", "", "switch", "", "", "with --status: again every second, until Ctrl+C"],
];
