// The cloud's clock, by the `Date` of its answers. What is sent under a lease expires by that clock, no later than the
// lease does. Only our monotonic clock is compared with it: nobody sets that one, and if it stands still with the whole
// machine, the cloud's clock counts as earlier than it is, which errs on the safe side.
import { type LeaseSpan, LONGEST_TTL_MS } from "../core/lease/state.ts";
import type { Clock } from "../world.ts";
import { CloudError } from "./cloud_error.ts";
import type { TimedAnswer } from "./http.ts";

/** How much a clock may gain or lose against ours: the kernel steers ours by no more than that. */
const DRIFT = 5e-4;
/** `Date` has whole seconds, and the cloud may count in whole ones, too. */
const SECOND_MS = 1_000;
/** Servers of one cloud may differ by this much. */
const SPREAD_MS = 500;

/** How far the cloud's clock is ahead of our monotonic one. */
interface Ahead {
  readonly leastMs: number;
  readonly mostMs: number;
}

/** Learns from each answer. */
export class CloudClock {
  readonly #clock: Clock;
  #ahead: Ahead | null = null;
  #notedAtMs = 0;
  /**
   * What was known before later answers showed a greater lead. Either we now know more, or our clock stood still, for
   * less time than can be told apart: then it stood still for a lease that was renewed before, too.
   */
  #earlier: { readonly untilMs: number; readonly leastMs: number }[] = [];
  /** When the cloud's clock was last found further ahead than it can be. */
  #jumpedAtMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes the `Date` of an answer that has just ended. */
  note({ headers, tookMs }: Pick<TimedAnswer, "headers" | "tookMs">): void {
    const dateMs = Date.parse(headers.get("date") ?? "");
    if (Number.isNaN(dateMs)) return;
    const nowMs = this.#clock.nowMs();
    const seen = { leastMs: dateMs - nowMs, mostMs: dateMs + SECOND_MS - nowMs + tookMs };
    const known = this.#known(nowMs);
    const jumped = known !== null && seen.leastMs > known.mostMs + SPREAD_MS;
    if (jumped) this.#jumpedAtMs = nowMs;
    const replace = known === null || jumped || seen.mostMs < known.leastMs - SPREAD_MS;
    this.#ahead = replace ? seen : narrowed(known, seen);
    if (known !== null && known.leastMs < this.#ahead.leastMs) {
      const recent = this.#earlier.filter(({ untilMs }) => untilMs > nowMs - LONGEST_TTL_MS);
      this.#earlier = [...recent, { untilMs: nowMs, leastMs: known.leastMs }];
    }
    this.#notedAtMs = nowMs;
  }

  /**
   * The last second that is over before that lease is, as Unix time in ms by the cloud's clock: some clouds accept a
   * request until the second in which it expires is over. Throws `late` if it has begun, or if that cannot be told.
   */
  lastSecondOf({ renewedAtMs, endsAtMs }: LeaseSpan): number {
    const nowMs = this.#clock.nowMs();
    // Our clock may have stood still since then.
    if (renewedAtMs < this.#jumpedAtMs) {
      throw late("a clock jumped after the lease was renewed");
    }
    const then = this.#earlier.find(({ untilMs }) => renewedAtMs < untilMs)?.leastMs ?? Infinity;
    const known = this.#known(nowMs);
    const aheadMs = known ? Math.min(known.leastMs, then) : this.#clock.wallMs() - nowMs;
    const lastMs = Math.floor((endsAtMs + aheadMs) / SECOND_MS - 1) * SECOND_MS;
    if (lastMs > nowMs + aheadMs) return lastMs;
    throw late("the lease is over before the cloud could make it");
  }

  #known(nowMs: number): Ahead | null {
    if (this.#ahead === null) return null;
    const driftMs = (nowMs - this.#notedAtMs) * DRIFT;
    const { leastMs, mostMs } = this.#ahead;
    return { leastMs: leastMs - driftMs, mostMs: mostMs + driftMs };
  }
}

function late(why: string): CloudError {
  return new CloudError("late", `change given up: ${why}`);
}

/** What both say. If they contradict each other a little, the earlier time counts. */
function narrowed(known: Ahead, seen: Ahead): Ahead {
  const mostMs = Math.min(known.mostMs, seen.mostMs);
  return { leastMs: Math.min(Math.max(known.leastMs, seen.leastMs), mostMs), mostMs };
}
