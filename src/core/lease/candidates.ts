// Nodes without heartbeats. Each keeps a candidate in the store, which says what its heartbeats would say, and reads
// the candidates of the others. The store drops a candidate that its node has not kept for the time to live, so a death
// shows that late.
//
// While the store does not answer, nobody counts as dead, and neither for one time to live after that: no node could
// keep its candidate meanwhile, so a missing one proves nothing.
import { type Advert, sameAdvert } from "../heartbeat.ts";
import type { Candidate, LeaseCall } from "./call.ts";
import { type Announced, type Due, type Lease, renewMs } from "./state.ts";

/** Longest wait before the next attempt to keep our candidate. */
export const ANNOUNCE_CAP_MS = 2_000;

/** The candidates that the store shows. */
export interface Listing {
  /** Without this node's own. */
  readonly candidates: readonly Candidate[];
  /** Whether the store shows this node's candidate, and this process has announced it. */
  readonly listed: boolean;
  /** Whether a node without a candidate is dead. */
  readonly certain: boolean;
}

/** Notes what this node says about itself; unchanged if its heartbeats say that. */
export function saying(lease: Lease, says: Advert): Lease {
  if (lease.settings.heartbeats || (lease.says && sameAdvert(lease.says, says))) return lease;
  return { ...lease, says };
}

/** When to announce ourselves next: at once if we say something new, else as often as a lease is renewed. */
export function nextAnnounce(lease: Lease): Due | null {
  const { says, announced } = lease;
  if (says === null || lease.wish.self === null) return null;
  const call: LeaseCall = { verb: "announce", says, session: announced?.session ?? null };
  const told = announced !== null && sameAdvert(announced.says, says);
  return { call, atMs: told ? announced.sentAtMs + renewMs(lease) : -Infinity };
}

/** The store has confirmed our candidate. */
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

/** Whether the last sight is too old to show our candidate, so that we read again at once. */
export function readsSoon({ announced, sightAtMs }: Lease): boolean {
  return announced !== null && sightAtMs < announced.sinceMs;
}

/** The candidates of a new sight; null without a new one, or if the nodes use heartbeats. */
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

/** How often to try to say that we leave; after that the node ends without having said so. */
const GOODBYE_ATTEMPTS = 3;

/** Whether a node that ends has said so in the store; also true if the other nodes do not know it. */
export function saidGoodbye({ announced, announce, settings }: Lease): boolean {
  if (settings.heartbeats || announce.failures >= GOODBYE_ATTEMPTS) return true;
  return announced === null ? announce.inFlight === null : announced.says.leaving;
}
