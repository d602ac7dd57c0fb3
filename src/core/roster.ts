// When the list of peers is read from the cloud: every five minutes, together with a look at the cloud, and
// at once (but not more often than every ten seconds) when something shows that it may have changed. A failed
// reading keeps the list.

/** Age at which a list is read again. */
export const REFRESH_MS = 300_000;
/** Shortest time between two readings on need. */
export const NEED_MS = 10_000;

/** What is known of the list. */
export interface Roster {
  /** Whether the list can change at all (`-G`); a static one is read until it resolves, then on need. */
  readonly dynamic: boolean;
  /** Whether it was ever read. */
  readonly known: boolean;
  readonly readAtMs: number;
  readonly reading: boolean;
  /** Something happened that the list may explain. */
  readonly needed: boolean;
}

/** A list that was never read. */
export function startRoster(dynamic: boolean): Roster {
  return { dynamic, known: false, readAtMs: -Infinity, reading: false, needed: true };
}

/** Whether the list is old enough to be read along with the next look. */
export function rosterStale({ dynamic, known, readAtMs, reading }: Roster, atMs: number): boolean {
  return dynamic && known && !reading && atMs >= readAtMs + REFRESH_MS;
}

/** When the list must be read on need, Infinity when it need not. */
export function rosterWakeAtMs({ needed, reading, readAtMs }: Roster): number {
  return needed && !reading ? readAtMs + NEED_MS : Infinity;
}

/** A reading has begun. */
export function beginReading(roster: Roster, atMs: number): Roster {
  return { ...roster, reading: true, needed: false, readAtMs: atMs };
}

/** A reading has ended; one that failed, or that found nobody when somebody must be there, is repeated. */
export function endReading(roster: Roster, ok: boolean): Roster {
  return { ...roster, reading: false, known: roster.known || ok, needed: roster.needed || !ok };
}
