// How the process behaves on its machine: what it says, and to whom.
import type { Severity } from "../core/report.ts";
import { LOG_FORMATS, type LogFormat } from "../host/log_format.ts";
import { canonicalIp } from "../core/ip.ts";
import type { StatusAddress } from "../host/status_server.ts";
import { nameOf, type Reading } from "./reading.ts";

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
  /** Where the status is served over HTTP, null when it is not. */
  readonly listenStatus: StatusAddress | null;
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
    listenStatus: readListenStatus(reading),
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

function readListenStatus(reading: Reading): StatusAddress | null {
  const told = reading.on("doctor");
  const either = `goes with ${nameOf("status")} or ${nameOf("doctor")} only`;
  reading.need(told || !reading.on("json"), "json", either);
  reading.need(!reading.on("watch"), "watch", `goes with ${nameOf("status")} only`);
  const text = reading.value("listen-status");
  if (text === null) return null;
  const match = /^(?:([\d.]+|localhost)|\[([\da-f:.]+)\])?:(\d{1,5})$/i.exec(text);
  const host = (match?.[1] ?? match?.[2] ?? "127.0.0.1").toLowerCase();
  const hostname = host === "localhost" ? "127.0.0.1" : canonicalIp(host);
  const port = Number(match?.[3]);
  reading.need(
    hostname !== null && port >= 1 && port <= 65_535,
    "listen-status",
    `${JSON.stringify(text)} is not [HOST]:PORT with an IP address (IPv6 in brackets) or localhost`,
  );
  return { hostname: hostname ?? "", port };
}
