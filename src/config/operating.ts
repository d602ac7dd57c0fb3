// How the process behaves on its machine: what it says, and to whom.
import { isIpv4 } from "../core/ipv4.ts";
import type { StatusAddress } from "../host/status_server.ts";
import { nameOf, type Reading } from "./reading.ts";

/** The operating side as configured. */
export interface OperatingConfig {
  readonly verbose: boolean;
  readonly checkOnly: boolean;
  readonly stdout: boolean;
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
    pidFile: reading.value("pid-file"),
    listenStatus: readListenStatus(reading),
  };
}

function readListenStatus(reading: Reading): StatusAddress | null {
  for (const name of ["json", "watch"]) {
    reading.need(!reading.on(name), name, `goes with ${nameOf("status")} only`);
  }
  const text = reading.value("listen-status");
  if (text === null) return null;
  const match = /^(localhost|[\d.]+|\[[\da-f:.]+\])?:(\d{1,5})$/i.exec(text);
  const hostname = (match?.[1] ?? "127.0.0.1").replace(/^\[|\]$/g, "");
  const port = Number(match?.[2]);
  const plausible = /^[\d.]+$/.test(hostname) ? isIpv4(hostname) : true;
  reading.need(
    plausible && port >= 1 && port <= 65_535,
    "listen-status",
    `${JSON.stringify(text)} is not [HOST]:PORT with an IP address (IPv6 in brackets) or localhost`,
  );
  return { hostname, port };
}
