// When the peer list is read from the cloud: every five minutes, together with a look at the cloud, and at once (but at
// most every ten seconds) when something shows that it may have changed. A failed reading keeps the list.
import { backoffMs, imposedMs } from "../backoff.ts";

/** Age at which the list is read again. */
const REFRESH_MS = 300_000;
/** The same while we are not in the list: an operator who adds us again should not wait for five minutes. */
const OUTSIDE_PEER_LIST_MS = 30_000;
/** Shortest time between two readings on need. */
const NEED_MS = 10_000;
/** Delay for each better-ranked node, which reads first. */
const TURN_MS = 100;
/** Time until the list is read again because of the same unknown sender. */
const STRANGER = { firstMs: NEED_MS, capMs: 60_000 };
/** Most unknown senders that are remembered; only NEED_MS limits readings because of others. */
const STRANGERS_MAX = 64;
/** Time between two attempts at the first reading. */
const FIRST = { firstMs: 2_000, capMs: 30_000 };
/** Time between two attempts at a later one, from the second failure on. */
const LATER = { firstMs: NEED_MS, capMs: REFRESH_MS };

/** The state of the peer list. */
export interface Membership {
  /**
   * Whether the list can change. Only a list of `-p` addresses that the cloud all knows cannot; it is read until it
   * resolves, then on need.
   */
  readonly dynamic: boolean;
  /** Whether it was ever read. */
  readonly known: boolean;
  /** Whether we were in it at the last reading. */
  readonly inPeerList: boolean;
  /** How discovery found these peers, null when the configuration names them. */
  readonly found: string | null;
  readonly readAtMs: number;
  /** When it was last read on need. */
  readonly neededAtMs: number;
  readonly reading: boolean;
  /** Failed attempts since the last success. */
  readonly failures: number;
  /** Until when the cloud asked us to wait. */
  readonly notBeforeMs: number;
  /** Whether the list must be read on need. */
  readonly needed: boolean;
  /** Senders that are not in the list, by address. Each causes readings more and more rarely. */
  readonly strangers: ReadonlyMap<string, Stranger>;
}

/** When an unknown sender next causes a reading. */
interface Stranger {
  readonly notBeforeMs: number;
  /** How often it has caused a reading and was still not in the list. */
  readonly repeats: number;
}

/** Whether all peers are known. */
export function allPeersKnown({ known, dynamic }: Membership): boolean {
  return known || !dynamic;
}

/** The state before the first reading. */
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

/** The store of the lease lists the peers, so the cloud is never asked for them. */
export function listedElsewhere(membership: Membership): Membership {
  return { ...membership, dynamic: false, known: true, needed: false };
}

/**
 * Notes a sender that is not in the list; returns the same membership if that is no reason to read the list. A sender
 * that stays unknown causes at most one reading per minute in the end.
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
 * Asks for a reading because a peer died or an unknown instance holds. The best-ranked node reads at once, the others
 * in the order of their rank: two hundred readings at the same moment could delay the calls of the node that must act.
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

/** When the list must be read on need; Infinity when it need not be. */
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
    // Repeated failures make the attempts rarer.
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

/** A reading has succeeded. */
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

/** The cloud answers again: ends the back-off of the readings. */
export function hurryReading(membership: Membership): Membership {
  return membership.failures > 0 ? { ...membership, failures: 0, readAtMs: -Infinity } : membership;
}

/** The configured list has changed: it must be read soon. The caller restarts a reading under way. */
export function replaceList(membership: Membership): Membership {
  return { ...membership, needed: !membership.reading, neededAtMs: -Infinity };
}

/** A reading has failed: it is repeated, but not before the cloud allows it. */
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
