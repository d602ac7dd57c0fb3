// How the process lives among others on its machine.
import type { Row } from "./table.ts";

/** How the process lives among others on its machine. */
export const OPERATING: readonly Row[] = [
  [
    "config",
    "IF_CONFIG",
    "text",
    "FILE",
    "",
    "TOML file with options by their names; flags and variables go before it",
  ],
  [
    "env-file",
    "IF_ENV_FILE",
    "text",
    "FILE",
    "",
    "file of VARIABLE=value lines, read as systemd does; goes before the environment",
  ],
  [
    "log-format",
    "IF_LOG_FORMAT",
    "text",
    "text|json|journald",
    "text, as a service of systemd journald",
    "json and journald write to standard output",
  ],
  [
    "log-level",
    "IF_LOG_LEVEL",
    "text",
    "info|warning|critical",
    "info",
    "the least severe lines that are written",
  ],
  [
    "pid-file",
    "IF_PID_FILE",
    "text",
    "FILE",
    "",
    "file with the process id of the watchdog, locked while it runs",
  ],
  [
    "listen-status",
    "IF_LISTEN_STATUS",
    "text",
    "[HOST]:PORT",
    "",
    "serve page, /metrics, /healthz, /readyz and /status.json over HTTP; :PORT on loopback only",
  ],
];
