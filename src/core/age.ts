// Ages and durations, as numbers and as text.

/** How long ago, in whole ms; null: never. */
export type AgeMs = number | null;

/** An instant, or never. */
export type Instant = number | null;

/** The age of an instant; null for one that never was. */
export function ageOf(sinceMs: Instant, atMs: number): AgeMs {
  return sinceMs === null || !Number.isFinite(sinceMs)
    ? null
    : Math.max(0, Math.round(atMs - sinceMs));
}

/** An age for people: `3.2 s`, `5 min 3 s`, `2 h 5 min`, `3 d 4 h`. */
export function spanText(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 120) return `${(ms / 1_000).toFixed(1)} s`;
  const [minutes, hours, days] = [60, 3_600, 86_400].map((unit) => Math.floor(seconds / unit));
  if (seconds < 7_200) return `${minutes} min ${seconds % 60} s`;
  if (seconds < 172_800) return `${hours} h ${minutes! % 60} min`;
  return `${days} d ${hours! % 24} h`;
}

/** A configured time, or the time that a call took: `250 ms`, `3 s`, `3.3 s`, `5 min`. */
export function durationText(ms: number): string {
  if (ms === Infinity) return "without end";
  const whole = Math.round(ms);
  if (whole < 1_000) return `${whole} ms`;
  return spanText(whole).replace(/\.0(?= s$)/, "").replace(/ 0 (s|min|h)$/, "");
}

/** `3.2 s ago`, or `never`. */
export function ageText(ageMs: AgeMs): string {
  return ageMs === null ? "never" : `${spanText(ageMs)} ago`;
}
