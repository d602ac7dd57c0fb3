// One run of a check, whatever its kind.
import type { CheckSpec } from "./spec.ts";
import { execCheck } from "./exec.ts";
import { httpCheck } from "./http.ts";
import { tcpCheck } from "./tcp.ts";
import type { RunCommand } from "../host/command.ts";

/**
 * Runs a check once. Resolves when it passes, rejects with the reason when it fails; the signal ends it early. It
 * settles only when nothing of it is left, which may be some time after the signal.
 */
export type Probe = (check: CheckSpec, signal: AbortSignal) => Promise<void>;

/** The checks of this machine, with that environment for child processes and those extra authorities. */
export function probeWith(
  run: RunCommand,
  { env, caCerts = [] }: {
    env: Readonly<Record<string, string>>;
    caCerts?: readonly string[];
  },
): Probe {
  return (check, signal) => {
    switch (check.kind) {
      case "tcp":
        return tcpCheck(check, signal);
      case "http":
        return httpCheck({ ...check, caCerts }, signal);
      case "exec":
        return execCheck(check.words, { run, env, signal });
      default:
        return check satisfies never;
    }
  };
}
