// How this node takes part in the election.
import { type Reading, unread } from "./reading.ts";

/** The election as configured. */
export interface ElectionConfig {
  /** 0 to 255, the lowest wins. */
  readonly priority: number;
  readonly intervalMs: number;
  readonly deadRatio: number;
  readonly exclusive: boolean;
  /** Infinity with `--no-preempt`. */
  readonly preemptDelayMs: number;
  readonly handoverTimeoutMs: number;
  readonly reconcileMs: number;
  readonly wire: "full" | "plain";
}

/** The election's part of the configuration. Only the watchdog cares, so only its mistakes count, as originally. */
export function readElection(reading: Reading, counts: boolean): ElectionConfig {
  if (!counts) return { ...readElection(unread(), true), exclusive: reading.on("exclusive") };
  const never = reading.on("no-preempt");
  return {
    priority: reading.count("P", [0, 255]),
    intervalMs: reading.span("t", ["10ms", "1h"]),
    deadRatio: reading.count("r", [1, 1_000]),
    exclusive: reading.on("exclusive"),
    preemptDelayMs: never ? Infinity : reading.span("preempt-delay", ["0s", "1d"]),
    handoverTimeoutMs: reading.span("handover-timeout", ["0s", "10min"]),
    reconcileMs: reading.span("reconcile", ["5s", "5min"]),
    wire: readWire(reading),
  };
}

function readWire(reading: Reading): "full" | "plain" {
  const text = reading.text("wire");
  const known = text === "full" || text === "plain";
  reading.need(known, "wire", `${JSON.stringify(text)} is not full or plain`);
  return text === "plain" ? "plain" : "full";
}
