// One kind of call (reading or changing): what is under way, how often it failed, when to try again, and
// when failing makes the node unable.
import type { Call, Ownership } from "./ownership_state.ts";

/** Waits between attempts start here, double, and end at the cap; half of each is jitter. */
const BACKOFF_START_MS = 500, BACKOFF_CAP_MS = 5_000;
/** Shortest wait, after a call that hung. */
const RETRY_MIN_MS = 100;
/** Wait after a refusal that a repetition will not change (403, 404, ...). */
const REFUSED_MS = 30_000;
/** Longest wait that the cloud may impose (Retry-After). */
const RETRY_AFTER_CAP_MS = 60_000;
/** A call without any answer for this long counts as failing, even with a very short interval. */
const OVERDUE_MS = 3_000;
/** A node whose changes fail stays aside this long after the last failure. */
export const PENALTY_MS = 30_000;

/** What ownership needs to know of a failed call. */
export interface Setback {
  /** Whether repeating it soon makes sense. */
  readonly retryable: boolean;
  /** What the cloud asked for, null when it did not. */
  readonly retryAfterMs: number | null;
}

/** State of one kind of call. */
export interface Lane {
  readonly inFlight: {
    readonly id: number;
    readonly call: Call;
    readonly startedAtMs: number;
    /** A change was made meanwhile: the answer may be out of date. */
    readonly stale: boolean;
  } | null;
  readonly failures: number;
  readonly failingSinceMs: number | null;
  readonly failedAtMs: number;
  readonly notBeforeMs: number;
  /** When the cloud last answered anything. */
  readonly progressAtMs: number;
}

/** A lane that was never used. */
export const FRESH_LANE: Lane = {
  inFlight: null,
  failures: 0,
  failingSinceMs: null,
  failedAtMs: -Infinity,
  notBeforeMs: -Infinity,
  progressAtMs: -Infinity,
};

/** The lane after a success. */
export function succeeded(lane: Lane): Lane {
  return { ...FRESH_LANE, progressAtMs: lane.progressAtMs };
}

/** The lane after a failure: capped exponential back-off, half of it jitter. */
export function failed(
  lane: Lane,
  { retryable, retryAfterMs, roll }: Setback & { roll: number },
  atMs: number,
): Lane {
  const spanMs = retryable
    ? Math.min(BACKOFF_START_MS * 2 ** lane.failures, BACKOFF_CAP_MS)
    : REFUSED_MS;
  const waitMs = Math.max(
    spanMs * (0.5 + roll / 2),
    Math.min(retryAfterMs ?? 0, RETRY_AFTER_CAP_MS),
  );
  return {
    ...lane,
    inFlight: null,
    failures: lane.failures + 1,
    failingSinceMs: lane.failingSinceMs ?? lane.inFlight?.startedAtMs ?? atMs,
    failedAtMs: atMs,
    // A call that hung has waited already.
    notBeforeMs: Math.max((lane.inFlight?.startedAtMs ?? atMs) + waitMs, atMs + RETRY_MIN_MS),
  };
}

/** When the node becomes unable if nothing better is heard from the cloud. */
export function unableAtMs({ read, write, settings: { deadTimeMs } }: Ownership): number {
  const patienceMs = Math.max(deadTimeMs, OVERDUE_MS);
  const failing = [read, write].map((lane) => (lane.failingSinceMs ?? Infinity) + deadTimeMs);
  const overdue = [read, write].map(({ inFlight, progressAtMs }) =>
    inFlight ? Math.max(inFlight.startedAtMs, progressAtMs) + patienceMs : Infinity
  );
  return Math.min(...failing, ...overdue);
}

/** A write lane that failed long ago and has had nothing to do since is forgiven. */
export function forgive(lane: Lane, atMs: number): Lane {
  const over = lane.failingSinceMs !== null && !lane.inFlight &&
    atMs >= lane.failedAtMs + PENALTY_MS;
  return over ? succeeded(lane) : lane;
}
