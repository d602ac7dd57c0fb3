// How the nodes decide, beyond the original.
import type { Row } from "./table.ts";

/** How the nodes decide, beyond the original. */
export const ELECTION: readonly Row[] = [
  [
    "exclusive",
    "IF_EXCLUSIVE",
    "switch",
    "",
    "",
    "of several nodes with the same best priority only the one with the lowest id holds",
  ],
  [
    "no-preempt",
    "IF_NO_PREEMPT",
    "switch",
    "",
    "",
    "leave the Elastic IP with a live node that ranks lower",
  ],
  [
    "preempt-delay",
    "IF_PREEMPT_DELAY",
    "duration",
    "TIME",
    "0",
    "leave it there for this long first, 0 to 1 day",
  ],
  [
    "handover-timeout",
    "IF_HANDOVER_TIMEOUT",
    "duration",
    "TIME",
    "10",
    "when told to stop: longest wait for a successor to hold the Elastic IP, 0 to 10min",
  ],
  [
    "reconcile",
    "IF_RECONCILE",
    "duration",
    "TIME",
    "30",
    "time between two looks at the cloud, 5s to 5min",
  ],
  [
    "wire",
    "IF_WIRE",
    "text",
    "full|plain",
    "full",
    "plain sends the original's 24 bytes only, without trailer",
  ],
];
