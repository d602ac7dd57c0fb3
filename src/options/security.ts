// Who may be believed.
import type { Row } from "./table.ts";

/** Who may be believed. A shared secret itself has no flag: arguments show in ps. */
export const SECURITY: readonly Row[] = [
  [
    "shared-secret-file",
    "IF_SHARED_SECRET_FILE",
    "text",
    "FILE",
    "",
    "file with the secret that signs heartbeats, at least 16 bytes, the same on all nodes; " +
    "the secret itself may stand in IF_SHARED_SECRET",
  ],
  [
    "accept-unsigned",
    "IF_ACCEPT_UNSIGNED",
    "switch",
    "",
    "",
    "hear unsigned heartbeats of each peer until it has signed one: for the roll-out of a secret",
  ],
];
