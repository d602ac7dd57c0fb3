// Nodes without heartbeats: each keeps a candidate in the store, which says what heartbeats would say, and learns from
// the candidates of the others who is there. The candidate goes when its node has not kept it for the time to live, so
// a death shows that late.
//
// A store that does not answer kills nobody. Nor does it in the time after that: nobody could keep a candidate while it
// was away, so for one time to live a candidate that is not there proves nothing.
import { type Advert, sameAdvert } from "../heartbeat.ts";
import type { Candidate, LeaseCall } from "./call.ts";
import { type Announced, type Due, type Lease, renewMs } from "./state.ts";

/** Longest wait before the next attempt to keep our candidate. */
export const ANNOUNCE_CAP_MS = 2_000;

/** The candidates that the store shows. */
export interface Listing {
  /** Without this node's own. */
  readonly candidates: readonly Candidate[];
  /** Whether this node is among them, which its own process has announced. */
  readonly listed: boolean;
  /** Whether a node without a candidate is dead. */
  readonly certain: boolean;
}

/** The lease of a node that says that of itself; unchanged if heartbeats say so. */
export function saying(lease: Lease, says: Advert): Lease {
  if (lease.settings.heartbeats || (lease.says && sameAdvert(lease.says, says))) return lease;
  return { ...lease, says };
}

/** At once when what we say has changed, else as often as a lease is renewed. */
export function nextAnnounce(lease: Lease): Due | null {
  const { says, announced } = lease;
  if (says === null || lease.wish.self === null) return null;
  const call: LeaseCall = { verb: "announce", says, session: announced?.session ?? null };
  const told = announced !== null && sameAdvert(announced.says, says);
  return { call, atMs: told ? announced.sentAtMs + renewMs(lease) : -Infinity };
}

/** The store has our candidate. */
export function announced(
  lease: Lease,
  { session, call, startedAtMs, atMs }: {
    session: string;
    call: LeaseCall;
    startedAtMs: number;
    atMs: number;
  },
): Lease {
  if (call.verb !== "announce") return lease;
  const same = lease.announced?.session === session ? lease.announced : null;
  const now: Announced = {
    session,
    says: call.says,
    sentAtMs: startedAtMs,
    sinceMs: same?.sinceMs ?? atMs,
  };
  return { ...lease, announced: now };
}

/** Whether the last sight cannot show our candidate yet. */
export function readsSoon({ announced, sightAtMs }: Lease): boolean {
  return announced !== null && sightAtMs < announced.sinceMs;
}

/** The candidates of a new sight; null if there is none, or if heartbeats tell of the others. */
export function listingBetween(
  before: Lease | null,
  after: Lease | null,
  { self, atMs }: { self: string | null; atMs: number },
): Listing | null {
  if (!after?.sight || after.settings.heartbeats || self === null) return null;
  const { sight: { candidates }, announced, reachable, doubtUntilMs } = after;
  if (after.sight === before?.sight) return null;
  const others = candidates.filter(({ instanceId }) => instanceId !== self);
  const listed = announced !== null && others.length < candidates.length;
  return { candidates: others, listed, certain: reachable && atMs >= doubtUntilMs };
}

/** Attempts to say that we leave before the node ends without it. */
const GOODBYE_ATTEMPTS = 3;

/** Whether a node that ends has told the others in the store that it leaves; true if they do not know it. */
export function saidGoodbye({ announced, announce, settings }: Lease): boolean {
  if (settings.heartbeats || announce.failures >= GOODBYE_ATTEMPTS) return true;
  return announced === null ? announce.inFlight === null : announced.says.leaving;
}
