// When the list of peers is read from the cloud: every five minutes, together with a look at the cloud, and
// at once (but not more often than every ten seconds) when something shows that it may have changed. A failed
// reading keeps the list.

/** Age at which a list is read again. */
export const REFRESH_MS = 300_000;
/** Shortest time between two readings on need. */
export const NEED_MS = 10_000;
/** Time between two attempts at the first reading. */
export const FIRST_MS = 2_000;

/** What is known of the list. */
export interface Roster {
  /** Whether the list can change at all (`-G`); a static one is read until it resolves, then on need. */
  readonly dynamic: boolean;
  /** Whether it was ever read. */
  readonly known: boolean;
  readonly readAtMs: number;
  /** When it was last read because something showed a need. */
  readonly neededAtMs: number;
  readonly reading: boolean;
  /** Something happened that the list may explain. */
  readonly needed: boolean;
}

/** A list that was never read. */
export function startRoster(dynamic: boolean): Roster {
  return {
    dynamic,
    known: false,
    readAtMs: -Infinity,
    neededAtMs: -Infinity,
    reading: false,
    needed: true,
  };
}

/** Whether the list is old enough to be read along with the next look. */
export function rosterStale({ dynamic, known, readAtMs, reading }: Roster, atMs: number): boolean {
  return dynamic && known && !reading && atMs >= readAtMs + REFRESH_MS;
}

/** When the list must be read on need, Infinity when it need not. */
export function rosterWakeAtMs(roster: Roster): number {
  const { known, needed, reading, readAtMs, neededAtMs } = roster;
  if (!needed || reading) return Infinity;
  return known ? neededAtMs + NEED_MS : readAtMs + FIRST_MS;
}

/** A reading has begun. */
export function beginReading(roster: Roster, atMs: number): Roster {
  const neededAtMs = roster.known && roster.needed ? atMs : roster.neededAtMs;
  return { ...roster, reading: true, needed: false, readAtMs: atMs, neededAtMs };
}

/** A reading has ended; one that failed is repeated. */
export function endReading(roster: Roster, ok: boolean): Roster {
  return { ...roster, reading: false, known: roster.known || ok, needed: roster.needed || !ok };
}
