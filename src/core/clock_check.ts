// Whether the time in a signed heartbeat is near enough to ours. Signatures do not age, clocks do: what was recorded
// long ago must not be taken for fresh by a node that has just started and remembers nothing.
//
// From the moment when a peer agrees with our wall clock it is our monotonic clock that counts, which carries on the
// time agreed upon and follows the wall clock so slowly that only drift is made up for. So no step of the wall clock,
// large or small or repeated, makes anybody look dead, nor us to the others.

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

/** What was agreed upon, null before the first peer has agreed with our wall clock. */
export interface Agreement {
  /** Unix time minus monotonic time. */
  readonly offsetMs: number;
  /** When it was last brought nearer to the wall clock, on the monotonic one. */
  readonly atMs: number;
}

/** How fast it follows: faster than any quartz drifts, and a step of an hour takes weeks. */
const FOLLOWING = 0.001;

/** Our Unix time as the peers know it. */
export function agreedMs(agreed: Agreement | null, { nowMs, wallMs }: Instant): number {
  return agreed === null ? wallMs : nowMs + agreed.offsetMs;
}

/** By how much the sender's time is ahead of ours; negative when it is behind. */
export function aheadMs(agreed: Agreement | null, sentMs: number, instant: Instant): number {
  const byAgreedMs = sentMs - agreedMs(agreed, instant);
  return slept(agreed, instant) && clockOff(byAgreedMs) ? sentMs - instant.wallMs : byAgreedMs;
}

/**
 * While a machine sleeps its monotonic clock stands still and the wall clock does not. The other way round it would
 * be a clock that was set back, by which old recordings could pass for new.
 */
function slept(agreed: Agreement | null, instant: Instant): boolean {
  return instant.wallMs - agreedMs(agreed, instant) > CLOCK_TOLERANCE_MS;
}

/** Whether that is too much. */
export function clockOff(ms: number): boolean {
  return Math.abs(ms) > CLOCK_TOLERANCE_MS;
}

/** What is agreed upon after a heartbeat with the right tag. */
export function agree(
  agreed: Agreement | null,
  sentMs: number,
  instant: Instant,
): Agreement | null {
  const { nowMs, wallMs } = instant;
  const byWall = { offsetMs: wallMs - nowMs, atMs: nowMs };
  if (agreed === null) return clockOff(sentMs - wallMs) ? null : byWall;
  if (clockOff(sentMs - agreedMs(agreed, instant))) {
    return slept(agreed, instant) && !clockOff(sentMs - wallMs) ? byWall : agreed;
  }
  const mostMs = (nowMs - agreed.atMs) * FOLLOWING;
  const byMs = Math.max(-mostMs, Math.min(mostMs, byWall.offsetMs - agreed.offsetMs));
  return { offsetMs: agreed.offsetMs + byMs, atMs: nowMs };
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
