// Which heartbeats to accept.
import { flag, type Option, shared } from "./option.ts";

/** The security settings. */
export interface SecurityConfig {
  /** None, one, or two while one replaces the other; the first signs. */
  readonly sharedSecrets: readonly string[];
}

/** Which heartbeats to accept. A shared secret itself has no flag: arguments show in ps. */
export const SECURITY = [
  shared<SecurityConfig>({
    name: "shared-secret-file",
    group: "security",
    variables: ["IF_SHARED_SECRET_FILE"],
    value: "FILE",
    help: "file with the secret that signs heartbeats, at least 16 bytes, the same on all nodes; " +
      "the variable IF_SHARED_SECRET may hold the secret itself",
    keys: ["sharedSecrets"],
    reload: "sharedSecrets",
    // One secret can replace another; switching signing on or off needs a restart.
    restartIf: (old, next) => (old.sharedSecrets.length > 0) !== (next.sharedSecrets.length > 0),
  }),
  flag({
    name: "accept-unsigned",
    group: "security",
    key: "acceptUnsigned",
    variables: ["IF_ACCEPT_UNSIGNED"],
    help:
      "accept unsigned heartbeats of a peer until its first signed one; for the roll-out of a secret",
    watchdogOnly: true,
  }),
] as const satisfies readonly Option[];

/** The variable with the secret itself. */
export const SECRET_VARIABLE = "IF_SHARED_SECRET";
