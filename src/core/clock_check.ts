// Whether the time in a signed heartbeat is near enough to ours. Signatures do not age, clocks do: what was recorded
// long ago must not be taken for fresh by a node that has just started and remembers nothing.
//
// Two clocks of ours can agree with it: the wall clock, and the wall clock as it was when a peer last agreed with it,
// carried on by the monotonic one. So a jump of our own wall clock makes nobody look dead, nor us to the others.

/** Largest difference between the sender's time and ours. Two nodes may each be half of it off. */
export const CLOCK_TOLERANCE_MS = 60_000;
/** Difference from which the operator is warned: nothing is refused yet. */
export const CLOCK_WARNING_MS = CLOCK_TOLERANCE_MS / 2;

/** Our two clocks at one instant. */
export interface Instant {
  /** Monotonic, from an arbitrary origin. */
  readonly nowMs: number;
  /** Unix time. */
  readonly wallMs: number;
}

/** Wall minus monotonic time when a peer last agreed with our wall clock, null before. */
export type AgreedOffset = number | null;

/** Our Unix time as the peers know it: the wall clock's, unless that has jumped away from what was agreed upon. */
export function agreedMs(agreed: AgreedOffset, { nowMs, wallMs }: Instant): number {
  if (agreed === null) return wallMs;
  const carriedMs = nowMs + agreed;
  return Math.abs(wallMs - carriedMs) > CLOCK_TOLERANCE_MS ? carriedMs : wallMs;
}

/** By how much the sender's time is ahead of the nearer of our two clocks; negative when it is behind. */
export function aheadMs(agreed: AgreedOffset, sentMs: number, instant: Instant): number {
  const [byWallMs, byAgreedMs] = [sentMs - instant.wallMs, sentMs - agreedMs(agreed, instant)];
  return Math.abs(byWallMs) <= Math.abs(byAgreedMs) ? byWallMs : byAgreedMs;
}

/** Whether that is too much. */
export function clockOff(ms: number): boolean {
  return Math.abs(ms) > CLOCK_TOLERANCE_MS;
}

/** What is agreed upon after a heartbeat with the right tag. */
export function agree(agreed: AgreedOffset, sentMs: number, instant: Instant): AgreedOffset {
  const near = !clockOff(sentMs - instant.wallMs);
  return near ? instant.wallMs - instant.nowMs : agreed;
}

/**
 * Whose clock to look at, from what the tags of each peer vouch for (`ahead` in ms, by address): ours when it differs
 * in the same direction from several and from most of them, the peer's when others agree with ours.
 */
export function suspectedClock(
  from: string,
  ahead: ReadonlyMap<string, number>,
): "own" | "peer" | "either" {
  const mine = ahead.get(from) ?? 0;
  const others = [...ahead].filter(([address]) => address !== from).map(([, ms]) => ms);
  if (others.length === 0) return "either";
  const alike = others.filter((ms) => Math.abs(ms - mine) < Math.abs(mine) / 2).length;
  const right = others.filter((ms) => Math.abs(ms) < Math.abs(mine) / 2).length;
  return alike > right ? "own" : right > alike ? "peer" : "either";
}
