// What ties the Elastic IP to the service that it is for.
import type { Row } from "./table.ts";

/** What ties the Elastic IP to the service that it is for. */
export const SERVICE: readonly Row[] = [
  [
    "check",
    "IF_CHECK",
    "many",
    "CHECK",
    "",
    "what must be well here: tcp://HOST:PORT, http(s)://... or exec:COMMAND; repeatable",
  ],
  [
    "check-interval",
    "IF_CHECK_INTERVAL",
    "duration",
    "TIME",
    "2",
    "time between two runs of a check, 100ms to 1h",
  ],
  [
    "check-timeout",
    "IF_CHECK_TIMEOUT",
    "duration",
    "TIME",
    "1",
    "longest run of a check, 10ms to 1min",
  ],
  [
    "check-rise",
    "IF_CHECK_RISE",
    "integer",
    "1..1000",
    "2",
    "successes in a row after which a failing check is well",
  ],
  [
    "check-fall",
    "IF_CHECK_FALL",
    "integer",
    "1..1000",
    "3",
    "failures in a row after which a check is failing",
  ],
  [
    "notify",
    "IF_NOTIFY",
    "text",
    "COMMAND",
    "",
    "run at every change of role, with the facts in EXOIP_ variables",
  ],
  [
    "notify-timeout",
    "IF_NOTIFY_TIMEOUT",
    "duration",
    "TIME",
    "30",
    "longest run of --notify, 100ms to 1h",
  ],
  [
    "address-on",
    "IF_ADDRESS_ON",
    "text",
    "INTERFACE",
    "",
    "keep the Elastic IP on this interface, such as lo, while the watchdog runs; needs ip and root",
  ],
];
