// The `info` datagram: how the question is recognised, from whom, and how often the answer goes into the log, too.
import type { Log } from "./world.ts";

/** The longest request that is recognised. */
const INFO_MAX_BYTES = 16;
/** Shortest time between two answers that are logged: whoever asks all the time gets all answers, the log does not. */
const LOG_MS = 1_000;

/** Whether a datagram that is no heartbeat asks for the state. */
export function asksForInfo(bytes: Uint8Array): boolean {
  return bytes.length <= INFO_MAX_BYTES && new TextDecoder().decode(bytes).trim() === "info";
}

/** Whether the sender is on this machine, which has these addresses besides loopback. */
export function isLocal(from: string, localAddresses: readonly string[]): boolean {
  return from.startsWith("127.") || from === "::1" || localAddresses.includes(from);
}

/** Logs answers, at most one in a second. */
export class InfoLog {
  #atMs = -Infinity;

  /** Writes the lines unless others were written just before. */
  write(lines: readonly string[], log: Log, nowMs: number): void {
    if (nowMs < this.#atMs + LOG_MS) return;
    this.#atMs = nowMs;
    for (const line of lines) log.write("info", "status", line);
  }
}
