// Refused datagrams: counted by reason, and logged at most once a minute for each source and reason.
import type { RejectReason } from "../core/registry/reject_reasons.ts";
import type { RateLimitedLog } from "../log/rate_limited_log.ts";
import type { Datagrams } from "../status/counters.ts";
import type { Clock } from "../world.ts";

export interface RefusalOptions {
  readonly clock: Clock;
  readonly limitedLog: RateLimitedLog;
  readonly datagrams: Pick<Datagrams, "refuse">;
}

/** Counts and logs refused datagrams. */
export class Refusals {
  readonly #options: RefusalOptions;

  constructor(options: RefusalOptions) {
    this.#options = options;
  }

  /** Counts without logging, because the claim is not proved. */
  count(from: string, reason: RejectReason): void {
    const { datagrams, clock } = this.#options;
    datagrams.refuse(from, reason, clock.nowMs());
  }

  /** Counts, and logs unless the same was logged within the minute. */
  refuse(from: string, reason: RejectReason, detail?: string): void {
    this.count(from, reason);
    const text = `datagram from ${from}: ${reason}${detail ? `: ${detail}` : ""}`;
    // A line with details must not be suppressed by an earlier one without.
    const kind = `${from} ${reason}${detail ? " explained" : ""}`;
    this.#options.limitedLog.write(kind, ["warning", "refused", text]);
  }
}
