// Lets the first of a kind through and counts the others, so that a fault or a flood costs one line a minute
// and no memory.

/** Time before the same key is let through again. */
export const QUIET_MS = 60_000;
/** Keys that are told apart; beyond, all share one. */
const KEYS_MAX = 256;

/** What was let through, and when. */
export interface Throttle {
  readonly seen: ReadonlyMap<string, { readonly atMs: number; readonly muted: number }>;
}

/** Nothing was seen yet. */
export const FRESH_THROTTLE: Throttle = { seen: new Map() };

/** Whether this one passes, and how many like it were muted since the last that did. */
export function admit(
  { seen }: Throttle,
  key: string,
  atMs: number,
): [Throttle, { readonly passes: boolean; readonly muted: number }] {
  const slot = seen.has(key) || seen.size < KEYS_MAX ? key : "";
  const last = seen.get(slot);
  const passes = last === undefined || atMs >= last.atMs + QUIET_MS;
  const muted = last?.muted ?? 0;
  const kept = passes && seen.size >= KEYS_MAX
    ? new Map([...seen].filter(([, { atMs: thenMs }]) => atMs < thenMs + QUIET_MS))
    : new Map(seen);
  kept.set(slot, passes ? { atMs, muted: 0 } : { atMs: last?.atMs ?? atMs, muted: muted + 1 });
  return [{ seen: kept }, { passes, muted }];
}
