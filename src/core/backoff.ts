// The wait between two attempts: it doubles from the first to a cap, so that something short is over soon, and
// something long costs little.

/** How long to wait between attempts. */
export interface Backoff {
  /** The wait after the first failure, in ms. */
  readonly firstMs: number;
  /** The longest wait, in ms. */
  readonly capMs: number;
  /** The share of a wait that chance may take away, 0 to 1: nodes that failed together then come back apart. */
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

/** What the cloud has asked us to wait, in ms, as far as we follow; 0 when it has not asked. */
export function imposedMs(retryAfterMs: number | null): number {
  return Math.min(retryAfterMs ?? 0, RETRY_AFTER_CAP_MS);
}
