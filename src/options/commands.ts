// Options that say what one run is to do.
import { type CheckSpec, parseCheck } from "../checks/spec.ts";
import { splitCommand } from "../host/split_command.ts";
import { flag, type Option, parsed, plain } from "./option.ts";

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
    help: "check the syntax of the configuration and exit",
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
    name: "demote",
    group: "operation",
    help: "this node makes way for every node that can serve, until --promote or its restart",
  }),
  plain({
    name: "promote",
    group: "operation",
    help: "this node goes before its peers until its restart; ends a demotion",
  }),
  plain({
    name: "drain",
    group: "operation",
    help: "as --demote, but also over restarts of process and machine, until --undrain",
  }),
  plain({
    name: "undrain",
    group: "operation",
    help: "end a drain and a demotion: this node takes part again",
  }),
  plain({
    name: "reason",
    group: "operation",
    kind: "text",
    value: "TEXT",
    help: "with --drain or --demote: why, for log, status, page and metrics",
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
    name: "drill",
    group: "status",
    help:
      "on the holder of a healthy cluster: move the Elastic IP to the next best node and back, " +
      "print what users would have noticed, and exit",
  }),
  parsed({
    name: "probe",
    group: "status",
    key: "probe",
    value: "URL",
    help: "with --drill: ask this service every 100 ms through the Elastic IP, from outside",
    read(reader): Exclude<CheckSpec, { readonly kind: "exec" }> | null {
      const text = reader.value("probe");
      if (text === null) return null;
      const parsed = parseCheck(text);
      const problem = "problem" in parsed ? parsed.problem : "exec: asks nothing from outside";
      const spec = "spec" in parsed && parsed.spec.kind !== "exec" ? parsed.spec : null;
      reader.need(spec !== null, "probe", problem);
      return spec;
    },
  }),
  parsed({
    name: "drill-via",
    group: "status",
    key: "drillVia",
    value: "COMMAND",
    help: "with --drill: act on the holder by this command that runs exoip there, as in " +
      "'ssh root@edge-1 exoip'",
    read(reader): readonly string[] | null {
      const text = reader.value("drill-via");
      if (text === null) return null;
      const words = splitCommand(text);
      const problem = words === null ? "a quote does not end" : "names no command";
      reader.need(words?.[0] !== undefined, "drill-via", problem);
      return words;
    },
  }),
  plain({
    name: "status",
    group: "status",
    help: "print the state of this machine's watchdog (-v: with ids) and exit 0, 1, 2 or 3 as " +
      "monitoring plugins do",
  }),
  plain({
    name: "history",
    group: "status",
    help: "print who held when, with outages and their causes, as this machine's watchdog knows it",
  }),
  plain({
    name: "since",
    group: "status",
    kind: "duration",
    value: "TIME",
    fallback: "6h",
    help: "with --history: how far to look back",
  }),
  plain({
    name: "print-config",
    group: "packaging",
    help: "print the configuration with the source of each value, and exit",
  }),
  plain({
    name: "json",
    group: "status",
    help:
      "with --status, --history, --doctor, --drill, --shadow, --demote, --promote, --drain or " +
      "--undrain: print JSON",
  }),
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
