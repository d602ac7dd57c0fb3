// What becomes of a heartbeat before the node hears of it: with a shared secret its tag must be right. The tag is
// looked at last, so that a flood which fails any other test costs no cryptography, and one at a time, so that a flood
// which fails none takes no memory.
import {
  agree,
  agreedMs,
  type Agreement,
  aheadMs,
  CLOCK_TOLERANCE_MS,
  CLOCK_WARNING_MS,
  clockOff,
  type Instant,
  suspectedClock,
} from "../core/clock_check.ts";
import type { Election } from "../core/election_state.ts";
import { hasTag } from "../core/heartbeat.ts";
import { distrust, type Heard } from "../core/trust.ts";
import type { QuietLog } from "../log/quiet_log.ts";
import type { Refusals } from "./refusals.ts";
import type { Seal } from "./seal.ts";
import type { Clock } from "../world.ts";

/** A heartbeat whose time is refused is checked as often, so that what is said of a clock is true. */
const CLOCK_CHECK_MS = 10_000;

/** What the guard needs of the watchdog. */
export interface GuardOptions {
  /** Null when heartbeats are not signed. */
  readonly seal: Seal | null;
  /** Unsigned heartbeats are heard until their sender has signed one. */
  readonly acceptUnsigned: boolean;
  readonly clock: Clock;
  readonly quiet: QuietLog;
  readonly refusals: Refusals;
}

/** A heartbeat on its way to the node that it is for. */
export interface Arrival {
  readonly bytes: Uint8Array;
  readonly heard: Heard;
  readonly election: Election;
  readonly deliver: (heard: Heard) => void;
}

/** Lets heartbeats through, or not. */
export class Guard {
  readonly #options: GuardOptions;
  #agreed: Agreement | null = null;
  /** By how much the clocks of the peers are ahead, by address; only what a tag has vouched for. */
  readonly #ahead = new Map<string, number>();
  readonly #clockCheckedAtMs = new Map<string, number>();

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** The Unix time that our own heartbeats tell. */
  get sendingMs(): number {
    return this.#options.seal
      ? agreedMs(this.#agreed, this.#instant())
      : this.#options.clock.wallMs();
  }

  /** Delivers what may be believed and counts the rest; a promise when a tag has to be checked first. */
  admit(arrival: Arrival): Promise<void> | void {
    const { seal, acceptUnsigned, refusals } = this.#options;
    const { bytes, election, deliver } = arrival;
    const { from, heartbeat } = arrival.heard;
    if (!seal) return deliver(arrival.heard);
    const heard: Heard = { from, heartbeat, sealed: hasTag(bytes) };
    // What the node refuses anyway it may refuse itself: the tag could only make it worse.
    if (distrust(election, heard) !== null) return deliver(heard);
    if (!heard.sealed) return acceptUnsigned ? deliver(heard) : refusals.refuse(from, "unsigned");
    const { keyId = 0, sequence = 0 } = heartbeat.trailer ?? {};
    if (!seal.knows(keyId)) return refusals.refuse(from, "unknown-key");
    const { nowMs } = this.#options.clock;
    if (clockOff(aheadMs(this.#agreed, sequence, this.#instant()))) {
      const checkedAtMs = this.#clockCheckedAtMs.get(from) ?? -Infinity;
      if (nowMs() < checkedAtMs + CLOCK_CHECK_MS) return refusals.count(from, "clock-off");
      this.#clockCheckedAtMs.set(from, nowMs());
    }
    return this.#check({ ...arrival, heard }, { seal, keyId, sequence });
  }

  async #check(
    { bytes, heard, deliver }: Arrival,
    { seal, keyId, sequence }: { seal: Seal; keyId: number; sequence: number },
  ): Promise<void> {
    const { refusals, quiet } = this.#options;
    const { from } = heard;
    const instant = this.#instant();
    if (!await seal.verify(bytes, keyId)) return refusals.refuse(from, "bad-tag");
    const byWallMs = sequence - instant.wallMs;
    this.#ahead.set(from, byWallMs);
    if (clockOff(aheadMs(this.#agreed, sequence, instant))) {
      return refusals.refuse(from, "clock-off", this.#clockText(from));
    }
    this.#agreed = agree(this.#agreed, sequence, instant);
    if (Math.abs(byWallMs) >= CLOCK_WARNING_MS) {
      quiet.write(`${from} clock`, ["warning", "clock", `peer ${from}: ${this.#clockText(from)}`]);
    }
    deliver(heard);
  }

  #clockText(from: string): string {
    const byMs = this.#ahead.get(from) ?? 0;
    const side = byMs > 0 ? "ahead of" : "behind";
    const look = {
      own: "most others differ in the same way: set the clock of this machine",
      peer: "the others agree with this machine: set the clock of that peer",
      either: "set the clocks of both",
    }[suspectedClock(from, this.#ahead)];
    const seconds = (Math.abs(byMs) / 1_000).toFixed(1);
    const most = CLOCK_TOLERANCE_MS / 1_000;
    return `its clock is ${seconds} s ${side} ours, wanted at most ${most} s; ${look}`;
  }

  #instant(): Instant {
    const { clock } = this.#options;
    return { nowMs: clock.nowMs(), wallMs: clock.wallMs() };
  }
}
