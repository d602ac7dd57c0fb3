// How the process lives among others on its machine.
import type { Row } from "./table.ts";

/** How the process lives among others on its machine. */
export const OPERATING: readonly Row[] = [
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
