// Datagrams that are not believed: counted by reason, and told at most once a minute for each source and reason.
import type { RejectReason } from "../core/registry/reject_reasons.ts";
import type { RateLimitedLog } from "../log/rate_limited_log.ts";
import type { Datagrams } from "../status/counters.ts";
import type { Clock } from "../world.ts";

/** What refusing needs. */
export interface RefusalOptions {
  readonly clock: Clock;
  readonly limitedLog: RateLimitedLog;
  readonly datagrams: Pick<Datagrams, "refuse">;
}

/** Counts and tells. */
export class Refusals {
  readonly #options: RefusalOptions;

  constructor(options: RefusalOptions) {
    this.#options = options;
  }

  /** Only counts: what would be said has not been proved. */
  count(from: string, reason: RejectReason): void {
    const { datagrams, clock } = this.#options;
    datagrams.refuse(from, reason, clock.nowMs());
  }

  /** Counts, and tells unless that was told just before. */
  refuse(from: string, reason: RejectReason, detail?: string): void {
    this.count(from, reason);
    const text = `datagram from ${from}: ${reason}${detail ? `: ${detail}` : ""}`;
    // What tells more must not be left out because the same was told without.
    const kind = `${from} ${reason}${detail ? " explained" : ""}`;
    this.#options.limitedLog.write(kind, ["warning", "refused", text]);
  }
}
