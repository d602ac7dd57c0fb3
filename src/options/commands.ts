// Options that say what one run is to do.
import { flag, type Option, plain } from "./option.ts";

/** Options of the original. */
export const MODES = [
  plain({
    name: "W",
    group: "start",
    origin: "original",
    help: "watchdog: keep the Elastic IP on the best live node",
  }),
  plain({
    name: "A",
    group: "start",
    origin: "original",
    help: "attach the Elastic IP to this instance and exit",
  }),
  plain({
    name: "D",
    group: "start",
    origin: "original",
    help: "detach the Elastic IP from this instance and exit",
  }),
] as const satisfies readonly Option[];

/** Options of the original, at the end of its list. */
export const QUESTIONS = [
  flag({
    name: "v",
    group: "status",
    key: "verbose",
    reload: "elsewhere",
    origin: "original",
    help: "print the configuration (without secrets), and log each call to the cloud",
  }),
  flag({
    name: "n",
    group: "start",
    key: "checkOnly",
    reload: "elsewhere",
    origin: "original",
    help: "check the syntax of the configuration and exit; --doctor checks the rest",
  }),
  flag({
    name: "O",
    group: "start",
    key: "stdout",
    reload: "elsewhere",
    origin: "original",
    help: "log to standard output instead of syslog",
  }),
  plain({
    name: "version",
    group: "start",
    origin: "original",
    help: "print version and commit and exit",
  }),
] as const satisfies readonly Option[];

/** Options that do one thing and exit. */
export const COMMANDS = [
  plain({
    name: "stop",
    group: "packaging",
    help: "stop the watchdog that has the --pid-file, wait until it has ended, and exit",
  }),
  plain({
    name: "print-iam-policy",
    group: "cloud",
    help:
      "print the smallest IAM policy for the key's role (API v2) that this configuration needs, and exit",
  }),
  plain({
    name: "doctor",
    group: "start",
    help:
      "check machine, key, Elastic IP, peers, firewall and heartbeats; change nothing, and exit",
  }),
  plain({
    name: "status",
    group: "status",
    help: "print the state of this machine's watchdog (-v: with ids) and exit 0, 1, 2 or 3 as " +
      "monitoring plugins do",
  }),
  plain({
    name: "print-config",
    group: "packaging",
    help: "print the configuration with the source of each value, and exit",
  }),
  plain({ name: "json", group: "status", help: "with --status or --doctor: print JSON" }),
  plain({
    name: "nagios",
    group: "status",
    help: "with --status: print one line with performance data",
  }),
  plain({
    name: "watch",
    group: "status",
    help: "with --status: print it again every second, until Ctrl+C",
  }),
] as const satisfies readonly Option[];

/** The last option. */
export const HELP = [
  plain({
    name: "h",
    group: "start",
    value: "[GROUP]",
    help: "print help and exit; GROUP: see below, or all",
  }),
] as const;
