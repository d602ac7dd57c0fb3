// When the list of peers is read from the cloud: every five minutes, together with a look at the cloud, and
// at once (but not more often than every ten seconds) when something shows that it may have changed. A failed
// reading keeps the list.

import { backoffMs, imposedMs } from "./backoff.ts";

/** Age at which a list is read again. */
export const REFRESH_MS = 300_000;
/** The same while the list does not have us: whoever puts us back will not wait for five minutes. */
export const OUTSIDE_PEER_LIST_MS = 30_000;
/** Shortest time between two readings on need. */
export const NEED_MS = 10_000;
/** Time that each node of a better rank is given to read first. */
const TURN_MS = 100;
/** Time until a sender that stays unknown is asked about again. */
const STRANGER = { firstMs: NEED_MS, capMs: 60_000 };
/** Strangers that are remembered; any others are only kept off by the time between two readings. */
const STRANGERS_MAX = 64;
/** Time between two attempts at the first reading. */
export const FIRST = { firstMs: 2_000, capMs: 30_000 };
/** Time between two attempts at a later one, from the second failure on. */
const LATER = { firstMs: NEED_MS, capMs: REFRESH_MS };

/** What is known of the list. */
export interface Membership {
  /**
   * Whether the list can change at all: all but the addresses of `-p`, unless the cloud lacks one of them. A static
   * one is read until it resolves, then on need.
   */
  readonly dynamic: boolean;
  /** Whether it was ever read. */
  readonly known: boolean;
  /** Whether it had us when it was last read. */
  readonly inPeerList: boolean;
  /** Why these are the peers, null when they are named by the configuration. */
  readonly found: string | null;
  readonly readAtMs: number;
  /** When it was last read because something showed a need. */
  readonly neededAtMs: number;
  readonly reading: boolean;
  /** Attempts that failed since the last good one. */
  readonly failures: number;
  /** Until when the cloud asked not to be asked. */
  readonly notBeforeMs: number;
  /** Something happened that the list may explain. */
  readonly needed: boolean;
  /** Senders that no list has explained so far, by address: they are asked about more and more rarely. */
  readonly strangers: ReadonlyMap<string, Stranger>;
}

/** When a sender that the list does not have is reason enough to read it again. */
interface Stranger {
  readonly notBeforeMs: number;
  /** How often the list was read over it and did not explain it. */
  readonly repeats: number;
}

/** A list that was never read. */
export function startMembership(dynamic: boolean): Membership {
  return {
    dynamic,
    known: false,
    inPeerList: true,
    found: null,
    readAtMs: -Infinity,
    neededAtMs: -Infinity,
    reading: false,
    failures: 0,
    notBeforeMs: -Infinity,
    needed: true,
    strangers: new Map(),
  };
}

/**
 * Somebody speaks who is not on the list; the same membership when that is no reason to read it. One who stays a
 * stranger costs one reading a minute at last.
 */
export function meetStranger(membership: Membership, address: string, atMs: number): Membership {
  const known = membership.strangers.get(address);
  if (membership.needed || (known && atMs < known.notBeforeMs)) return membership;
  const repeats = known ? known.repeats + 1 : 0;
  const strangers = new Map(membership.strangers);
  for (const [other, { notBeforeMs }] of strangers) {
    if (strangers.size < STRANGERS_MAX) break;
    if (notBeforeMs <= atMs) strangers.delete(other);
  }
  const room = known || strangers.size < STRANGERS_MAX;
  if (room) strangers.set(address, { notBeforeMs: atMs + backoffMs(STRANGER, repeats), repeats });
  return { ...membership, needed: true, strangers };
}

/**
 * Something happened to the cluster that the list may explain. Who has to act reads it at once, the others in the order
 * of their rank: two hundred readings in one moment could cost the one that acts its turn at the cloud.
 */
export function needReading(membership: Membership, betterCount: number, atMs: number): Membership {
  if (!membership.dynamic || membership.needed) return membership;
  const notBeforeMs = Math.max(membership.notBeforeMs, atMs + betterCount * TURN_MS);
  return { ...membership, needed: true, notBeforeMs };
}

/** Whether the list is old enough to be read along with the next look. */
export function membershipStale(
  { dynamic, known, readAtMs, reading }: Membership,
  atMs: number,
): boolean {
  return dynamic && known && !reading && atMs >= readAtMs + REFRESH_MS;
}

/** When the list must be read on need, Infinity when it need not. */
export function membershipWakeAtMs(membership: Membership): number {
  const {
    dynamic,
    known,
    inPeerList,
    needed,
    reading,
    readAtMs,
    neededAtMs,
    failures,
    notBeforeMs,
  } = membership;
  if (reading) return Infinity;
  if (needed) {
    const repeats = Math.max(0, failures - 1);
    // Who is refused again and again asks more and more rarely.
    const againMs = repeats > 0 ? backoffMs(LATER, repeats) : 0;
    const atMs = known
      ? Math.max(neededAtMs + NEED_MS, readAtMs + againMs)
      : readAtMs + backoffMs(FIRST, repeats);
    return Math.max(atMs, notBeforeMs);
  }
  return dynamic && !inPeerList ? readAtMs + OUTSIDE_PEER_LIST_MS : Infinity;
}

/** A reading has begun. */
export function beginReading(membership: Membership, atMs: number): Membership {
  const neededAtMs = membership.known && membership.needed ? atMs : membership.neededAtMs;
  return { ...membership, reading: true, needed: false, readAtMs: atMs, neededAtMs };
}

/** A reading has ended well. */
export function endReading(
  membership: Membership,
  { inPeerList, found = null, missing = [] }: {
    inPeerList: boolean;
    found?: string | null;
    missing?: readonly unknown[];
  },
): Membership {
  const dynamic = membership.dynamic || missing.length > 0;
  return { ...membership, dynamic, reading: false, known: true, inPeerList, found, failures: 0 };
}

/** The cloud is back: the next attempt need not wait as if it were still away. */
export function hurryReading(membership: Membership): Membership {
  return membership.failures > 0 ? { ...membership, failures: 0, readAtMs: -Infinity } : membership;
}

/** Somebody has written another list: it must be read, soon if not at once; a reading under way begins again. */
export function replaceList(membership: Membership): Membership {
  return { ...membership, needed: !membership.reading, neededAtMs: -Infinity };
}

/** A reading has failed, and is repeated, not before the cloud allows it. */
export function failReading(
  membership: Membership,
  { retryAfterMs }: { retryAfterMs: number | null },
  atMs: number,
): Membership {
  const notBeforeMs = atMs + imposedMs(retryAfterMs);
  return {
    ...membership,
    reading: false,
    needed: true,
    failures: membership.failures + 1,
    notBeforeMs,
  };
}
