// Who may be believed.
import { flag, type Option, shared } from "./option.ts";

/** The security side as configured. */
export interface SecurityConfig {
  /** None, one, or two while one replaces the other; the first signs. */
  readonly sharedSecrets: readonly string[];
}

/** Who may be believed. A shared secret itself has no flag: arguments show in ps. */
export const SECURITY = [
  shared<SecurityConfig>({
    name: "shared-secret-file",
    variables: ["IF_SHARED_SECRET_FILE"],
    value: "FILE",
    help: "file with the secret that signs heartbeats, at least 16 bytes, the same on all nodes; " +
      "the secret itself may stand in IF_SHARED_SECRET",
    keys: ["sharedSecrets"],
    reload: "sharedSecrets",
    // One secret for another; with or without is another question.
    restartIf: (old, next) => (old.sharedSecrets.length > 0) !== (next.sharedSecrets.length > 0),
  }),
  flag({
    name: "accept-unsigned",
    key: "acceptUnsigned",
    variables: ["IF_ACCEPT_UNSIGNED"],
    help:
      "hear unsigned heartbeats of each peer until it has signed one: for the roll-out of a secret",
    watchdogOnly: true,
  }),
] as const satisfies readonly Option[];

/** The variable with the secret itself. */
export const SECRET_VARIABLE = "IF_SHARED_SECRET";
