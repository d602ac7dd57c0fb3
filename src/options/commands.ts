// Options that say what one run is to do.
import { flag, type Option, plain } from "./option.ts";

/** Of the original. */
export const MODES = [
  plain({
    name: "W",
    origin: "original",
    help: "watchdog: keep the Elastic IP on the best live node",
  }),
  plain({
    name: "A",
    origin: "original",
    help: "associate: attach the Elastic IP to this instance and exit",
  }),
  plain({
    name: "D",
    origin: "original",
    help: "dissociate: detach the Elastic IP from this instance and exit",
  }),
] as const satisfies readonly Option[];

/** Of the original, too, at the end of its own. */
export const QUESTIONS = [
  flag({
    name: "v",
    key: "verbose",
    reload: "elsewhere",
    origin: "original",
    help: "print the configuration (without secrets), and log each call of the watchdog",
  }),
  flag({
    name: "n",
    key: "checkOnly",
    reload: "elsewhere",
    origin: "original",
    help: "check the configuration and exit",
  }),
  flag({
    name: "O",
    key: "stdout",
    reload: "elsewhere",
    origin: "original",
    help: "log to standard output instead of syslog",
  }),
  plain({ name: "version", origin: "original", help: "print version and commit and exit" }),
] as const satisfies readonly Option[];

/** Options that do one thing and exit. */
export const COMMANDS = [
  plain({
    name: "stop",
    help: "end the watchdog that has the --pid-file, wait for its end, and exit",
  }),
  plain({
    name: "print-iam-policy",
    help:
      "print the least IAM policy for the key's role (API v2) with this configuration, and exit",
  }),
  plain({
    name: "doctor",
    help:
      "check machine, key, Elastic IP, peers, firewall and heartbeats, change nothing, and exit",
  }),
  plain({ name: "status", help: "print the state of this machine's watchdog and exit" }),
  plain({
    name: "print-config",
    help: "print the configuration with the source of each value, and exit",
  }),
  plain({ name: "json", help: "with --status or --doctor: as JSON" }),
  plain({ name: "watch", help: "with --status: again every second, until Ctrl+C" }),
] as const satisfies readonly Option[];

/** The last one. */
export const HELP = [plain({ name: "h", help: "print this help and exit" })] as const;
