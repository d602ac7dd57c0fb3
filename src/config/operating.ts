// How the process behaves on its machine: what it says, and to whom.
import type { Severity } from "../core/report.ts";
import { LOG_FORMATS, type LogFormat } from "../host/log_format.ts";
import type { Reading } from "./reading.ts";

/** The operating side as configured. */
export interface OperatingConfig {
  readonly verbose: boolean;
  readonly checkOnly: boolean;
  readonly stdout: boolean;
  /** Null when nobody has said. */
  readonly logFormat: LogFormat | null;
  readonly logLevel: Severity;
  /** Path of the PID file, null without one. */
  readonly pidFile: string | null;
}

/** The operator's part of the configuration. */
export function readOperating(reading: Reading): OperatingConfig {
  return {
    verbose: reading.on("v"),
    checkOnly: reading.on("n"),
    stdout: reading.on("O"),
    logFormat: readFormat(reading),
    logLevel: readLevel(reading),
    pidFile: reading.value("pid-file"),
  };
}

function readFormat(reading: Reading): LogFormat | null {
  const text = reading.value("log-format");
  const format = LOG_FORMATS.find((each) => each === text) ?? null;
  const problem = `${JSON.stringify(text)} is not ${LOG_FORMATS.join(" or ")}`;
  reading.need(text === null || format !== null, "log-format", problem);
  return format;
}

function readLevel(reading: Reading): Severity {
  const levels = ["info", "warning", "critical"] as const;
  const text = reading.text("log-level");
  const level = levels.find((each) => each === text);
  const problem = `${JSON.stringify(text)} is not ${levels.join(" or ")}`;
  reading.need(level !== undefined, "log-level", problem);
  return level ?? "info";
}
