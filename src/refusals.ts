// Datagrams that are not believed: counted by reason, and told at most once a minute for each source and reason.
import type { QuietLog } from "./quiet_log.ts";

/** Counts and tells. */
export class Refusals {
  /** By reason word. */
  readonly counts = new Map<string, number>();
  readonly #quiet: QuietLog;

  constructor(quiet: QuietLog) {
    this.#quiet = quiet;
  }

  /** Only counts: what would be said has not been proved. */
  count(reason: string): void {
    this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1);
  }

  /** Counts, and tells unless that was told just before. */
  refuse(from: string, reason: string, detail?: string): void {
    this.count(reason);
    const text = `datagram from ${from}: ${reason}${detail ? `: ${detail}` : ""}`;
    this.#quiet.write(`${from} ${reason}`, ["warning", "refused", text]);
  }
}
