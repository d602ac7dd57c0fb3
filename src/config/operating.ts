// How the process behaves on its machine: what it says, and to whom.
import type { Reading } from "./reading.ts";

/** The operating side as configured. */
export interface OperatingConfig {
  readonly verbose: boolean;
  readonly checkOnly: boolean;
  readonly stdout: boolean;
  /** Path of the PID file, null without one. */
  readonly pidFile: string | null;
}

/** The operator's part of the configuration. */
export function readOperating(reading: Reading): OperatingConfig {
  return {
    verbose: reading.on("v"),
    checkOnly: reading.on("n"),
    stdout: reading.on("O"),
    pidFile: reading.value("pid-file"),
  };
}
