// The wait between two attempts: it doubles up to a cap, so a short fault ends soon and a long one costs little.

/** How long to wait between attempts. */
export interface Backoff {
  /** The wait after the first failure, in ms. */
  readonly firstMs: number;
  /** The longest wait, in ms. */
  readonly capMs: number;
  /**
   * Random share of the wait that may be left out, 0 to 1, so that nodes that failed together retry at different times.
   */
  readonly jitter?: number;
}

/** Longest wait that the cloud may impose (Retry-After). */
const RETRY_AFTER_CAP_MS = 60_000;

/** The wait before the next attempt after `repeats` waits, in ms; `roll` is a random number in 0..1. */
export function backoffMs(
  { firstMs, capMs, jitter = 0 }: Backoff,
  repeats: number,
  roll: number = 1,
): number {
  const longestMs = Math.min(firstMs * 2 ** repeats, capMs);
  return longestMs * (1 - jitter + jitter * roll);
}

/** The wait that the cloud has asked for, in ms, capped at a minute; 0 when it has not asked. */
export function imposedMs(retryAfterMs: number | null): number {
  return Math.min(retryAfterMs ?? 0, RETRY_AFTER_CAP_MS);
}
