// What a node knows about the lease of its Elastic IP, and questions about it. Questions never change it.
//
// Only the owner may attach the address. The node counts the lease from the moment when it sent a request, never from
// the answer. The store counts from when it got the request, which is later, so the lease in the store always outlasts
// the node's belief in it. The node's time is monotonic.
//
//   sent      1/3           2/3           time to live
//   ├──────────┼─────────────┼─────────────┤
//   renewed    renew again   counts as     the store gives it
//                            lost: detach  to somebody else
import { instanceTitle } from "../instance_title.ts";
import type { Advert } from "../heartbeat.ts";
import type { LeaseAnswer, LeaseCall, LeaseRecord, LeaseSight } from "./call.ts";

/** Longest time to live of a lease. */
export const LONGEST_TTL_MS = 300_000;

/** Settings of the lease. */
export interface LeaseSettings {
  /** Time to live in the store, 3 s to 5 min, in whole seconds. */
  readonly ttlMs: number;
  /** Keep the address without the store while every peer is heard, see `againstFailsafe` in node/under_lease.ts. */
  readonly failsafe: boolean;
  /** False: the nodes know each other from the store (see candidates.ts), and there is no failsafe. */
  readonly heartbeats: boolean;
}

/** Our lease. */
export interface Tenure {
  readonly token: string;
  /** When the answer came that gave it to us: while the request was on its way, another node may have had the lease. */
  readonly sinceMs: number;
  /** When we sent the last request that took or renewed it. */
  readonly renewedAtMs: number;
  /** The owner before us had detached the address and released the lease to us. */
  readonly clean: boolean;
  /** An earlier process of this node had it, and may have sent requests that the cloud still carries out. */
  readonly inherited: boolean;
}

/**
 * How long a change is valid after it has left: longer than we wait for its answer, because the clock may be a second
 * off. Under a lease it expires with the lease, but no later than after this time, so that even a long lease can be
 * given up soon.
 */
export const CHANGE_LIFETIME_MS = 18_000;

/**
 * How long the cloud may take for a change that it has begun just before the request expired. If the answer got lost,
 * we do not know that it has.
 */
export const CARRY_OUT_MS = 5_000;

/** The time in which a change that is sent under a lease is valid; by our monotonic clock. */
export interface LeaseSpan {
  /** When the last request was sent that took or renewed the lease. */
  readonly renewedAtMs: number;
  /** When the change expires; never later than the lease. */
  readonly endsAtMs: number;
}

/** A lease that we are giving up. */
export interface Release {
  readonly token: string;
  readonly to: string | null;
  /** From then on the store has let it expire, even if no release arrived. */
  readonly untilMs: number;
}

/** What the node wants of the lease. */
export interface LeaseWish {
  /** Our instance, null until the cloud has said which one we are. */
  readonly self: string | null;
  /** Whether to take it: this node should hold the address, and can. */
  readonly take: boolean;
  /** To which instance to give it up, or to any (`to` is null); null to keep it. */
  readonly giveUp: { readonly to: string | null } | null;
  /** A change in the cloud waits for a renewal that is sent at this instant or later; -Infinity if no change waits. */
  readonly freshSinceMs: number;
}

/** Our candidate in the store. */
export interface Announced {
  readonly session: string;
  readonly says: Advert;
  /** When the last request was sent that wrote it or kept it there. */
  readonly sentAtMs: number;
  /** When the answer came that began the session: only readings after it surely show our candidate. */
  readonly sinceMs: number;
}

/** One kind of call to the store: reading, changing the lease, or keeping our candidate there. */
export interface LeaseSlot {
  readonly inFlight: {
    readonly id: number;
    readonly call: LeaseCall;
    readonly startedAtMs: number;
  } | null;
  readonly failures: number;
  readonly notBeforeMs: number;
}

/** All slots. Calls that change the lease go first. */
export const LEASE_SLOTS = ["write", "announce", "read"] as const;
/** The name of a slot. */
export type LeaseSlotName = typeof LEASE_SLOTS[number];

/** A slot that was never used, or succeeded. */
export const IDLE_SLOT: LeaseSlot = { inFlight: null, failures: 0, notBeforeMs: -Infinity };

/** A call and the earliest instant for it. */
export interface Due {
  readonly call: LeaseCall;
  readonly atMs: number;
}

/** Everything that a node knows about its lease. */
export interface Lease {
  readonly settings: LeaseSettings;
  readonly wish: LeaseWish;
  /** What the store showed last, null before its first answer. */
  readonly sight: LeaseSight | null;
  /** When we sent the request for it, or when the watch showed it. */
  readonly sightAtMs: number;
  /** Null while the lease is not ours. */
  readonly tenure: Tenure | null;
  /** Set from the first attempt to give it up. From then on it is not ours, even if the attempt fails. */
  readonly release: Release | null;
  /** Our lease was lost, and nobody has been seen to have it since. */
  readonly lost: boolean;
  /** When we sent the last request that the store answered; at first the node's start. */
  readonly answeredAtMs: number;
  /** Whether the store counts as reached. */
  readonly reachable: boolean;
  readonly read: LeaseSlot;
  readonly write: LeaseSlot;
  readonly announce: LeaseSlot;
  /** What this node says of itself in the store; null if it says so in heartbeats. */
  readonly says: Advert | null;
  /** Null until the store has confirmed our candidate. */
  readonly announced: Announced | null;
  /** Until then, a candidate may be missing, or the lease be free, just because the store was away. */
  readonly doubtUntilMs: number;
  readonly lastCallId: number;
}

/** What can happen to the lease. `roll` is a random number in 0..1. */
export type LeaseEvent =
  | { readonly kind: "tick" }
  | { readonly kind: "wish"; readonly wish: LeaseWish }
  /** The watch shows a change. */
  | { readonly kind: "store-seen"; readonly sight: LeaseSight }
  | {
    readonly kind: "store-answered";
    readonly id: number;
    readonly answer: LeaseAnswer;
    readonly roll: number;
  }
  | { readonly kind: "store-failed"; readonly id: number; readonly roll: number };

/** The state before any answer of the store. */
export function startLease(settings: LeaseSettings, atMs: number): Lease {
  return {
    settings,
    wish: { self: null, take: false, giveUp: null, freshSinceMs: -Infinity },
    sight: null,
    sightAtMs: -Infinity,
    tenure: null,
    release: null,
    lost: false,
    answeredAtMs: atMs,
    reachable: true,
    read: IDLE_SLOT,
    write: IDLE_SLOT,
    announce: IDLE_SLOT,
    says: null,
    announced: null,
    doubtUntilMs: -Infinity,
    lastCallId: 0,
  };
}

/** Whether the store has answered since the start, so that we have seen who has the lease. */
export function hasSeenStore({ sightAtMs }: Lease): boolean {
  return sightAtMs > -Infinity;
}

/** Time between two renewals, and between two readings of a node without the lease. */
export function renewMs({ settings: { ttlMs } }: Lease): number {
  return ttlMs / 3;
}

/** How long after we sent a renewal the lease counts as lost. The rest of its time is for the detach. */
export function lossMs({ settings: { ttlMs } }: Lease): number {
  return ttlMs * 2 / 3;
}

/** When the lease counts as lost unless it is renewed; -Infinity if it is not ours. */
export function lossAtMs(lease: Lease): number {
  return lease.tenure === null ? -Infinity : lease.tenure.renewedAtMs + lossMs(lease);
}

/** Whether the lease is ours now. If it is, whatever is sent now still has a third of the time to live to arrive. */
export function owns(lease: Lease, atMs: number): boolean {
  return atMs < lossAtMs(lease);
}

/** The time for a change that is sent now; already over if the lease is not ours. Null for a node without --lease. */
export function spanOf(lease: Lease | null, atMs: number): LeaseSpan | null {
  if (lease === null) return null;
  const renewedAtMs = lease.tenure?.renewedAtMs ?? -Infinity;
  const leaseEndsAtMs = renewedAtMs + lease.settings.ttlMs;
  return { renewedAtMs, endsAtMs: Math.min(leaseEndsAtMs, atMs + CHANGE_LIFETIME_MS) };
}

/** Until when the cloud may carry out what an earlier process sent; -Infinity if there was no such process. */
export function inheritedUntilMs({ tenure, settings: { ttlMs } }: Lease): number {
  if (!tenure?.inherited) return -Infinity;
  return tenure.sinceMs + Math.min(ttlMs, CHANGE_LIFETIME_MS) + CARRY_OUT_MS;
}

/** The record that keeps us from taking the lease: another node has it, or it was released to another. Null: none. */
export function barring({ sight, wish: { self } }: Lease): LeaseRecord | null {
  const record = sight?.record ?? null;
  return record === null || (record.releasedTo ?? record.instanceId) === self ? null : record;
}

/** The slot in which the call of that number is under way. */
export function leaseSlotOf(lease: Lease, id: number): LeaseSlotName | undefined {
  return LEASE_SLOTS.find((slot) => lease[slot].inFlight?.id === id);
}

/** The owner of a record for people. */
export function ownerOf({ instanceId, name, releasedTo }: LeaseRecord): string {
  if (releasedTo !== undefined) return `instance ${releasedTo} (released to it)`;
  return instanceTitle({ instanceId, name });
}

/** What the election knows about the lease, without which no node may be master. */
export interface LeaseView {
  /** It is ours. */
  readonly owned: boolean;
  /** The store answers. */
  readonly reachable: boolean;
  /** We had it and lost it. */
  readonly lost: boolean;
  /** Who has it, for people; null if nobody else is known to. */
  readonly owner: string | null;
}

/** What the owner of the lease must keep to. */
export interface LeaseTerms {
  /** When the owner learned that it has the lease: only a look since then shows who else holds. */
  readonly sinceMs: number;
  /** The owner before us had detached the address: nobody else has it until we attach it. */
  readonly clean: boolean;
  /** When the last renewal was sent. A later look must not be acted on before the next renewal. */
  readonly renewedAtMs: number;
  /** When the lease expires unless it is renewed; every change that was sent under it expires then, too. */
  readonly endsAtMs: number;
  /** Whether enough of the lease is left for a request. */
  readonly inTime: boolean;
}

/** What the election is told about the lease. */
export function viewOf(lease: Lease, atMs: number): LeaseView {
  const { reachable, lost } = lease;
  const owned = owns(lease, atMs), other = barring(lease);
  const owner = other === null ? null : ownerOf(other);
  return { owned, reachable, lost, owner };
}

/** Whether both say the same. */
export function sameView(one: LeaseView | null, other: LeaseView): boolean {
  return one !== null && one.owned === other.owned && one.reachable === other.reachable &&
    one.lost === other.lost && one.owner === other.owner;
}
