// The sender's interval in one byte of the trailer. While an interval is being changed node by node, a peer that still
// beats slowly must not look dead to one that already beats fast: each judges by the slower of the two.

/** Codes for each tenfold; 10 ms is code 1, 1 h is code 178. */
const STEPS = 32, LEAST_MS = 10, MOST_MS = 3_600_000;

/** 1 to 255 for 10 ms and more, 0 for null. */
export function codeOfInterval(intervalMs: number | null): number {
  if (intervalMs === null) return 0;
  const code = 1 + Math.round(STEPS * Math.log10(Math.max(intervalMs, LEAST_MS) / LEAST_MS));
  return Math.min(code, 255);
}

/** The interval, within 4 %; null for 0. */
export function intervalOfCode(code: number): number | null {
  return code === 0 ? null : Math.min(MOST_MS, LEAST_MS * 10 ** ((code - 1) / STEPS));
}
