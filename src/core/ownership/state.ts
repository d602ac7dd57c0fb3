// What ownership knows about the cloud, and the events that change it.
import type { DesiredState } from "../election/desired_state.ts";
import {
  type Answer,
  type Call,
  type CallSlot,
  type Ended,
  type Evictions,
  FRESH_SLOT,
  type OtherHolder,
  type Setback,
  type SlotName,
  SLOTS,
} from "./call.ts";
import type { Say } from "../registry/report.ts";

/** Settings of ownership; only a reload changes them. */
export interface OwnershipSettings {
  /** Longest time between two looks at the cloud. */
  readonly reconcileMs: number;
  /** Failing for this long makes the node unable. */
  readonly deadTimeMs: number;
}

/** Time between two looks for an address that is not available. */
export const RELEASED_LOOK_MS = 10_000;

/** What an address of a group may do now, see group.ts. */
export interface Allowed {
  readonly attach: boolean;
  /** To give the address up to a confirmed successor. */
  readonly giveUp: boolean;
}

/** For an address that moves alone. */
export const FREE: Allowed = { attach: true, giveUp: true };

/** The cloud's denial that a listed holder holds. */
export interface Denial {
  /** The first one in a row. */
  readonly sinceMs: number;
  /** Whether it was logged. */
  readonly told: boolean;
}

/** Ownership's whole state. */
export interface Ownership {
  readonly settings: OwnershipSettings;
  readonly desired: DesiredState | null;
  readonly prepared: boolean;
  /** Our own instance, null until the cloud has answered. */
  readonly instanceId: string | null;
  /** Its name, null while unknown. */
  readonly instanceName: string | null;
  /** Whether the cloud shows the address on us, null when we must ask. */
  readonly holding: boolean | null;
  /** The instant for which `holding` is known: the start of the look that showed it, or the end of our own change. */
  readonly seenAtMs: number;
  /** When the last look began. */
  readonly lookedAtMs: number;
  /** When the last look began whose answer was taken in. */
  readonly sightedAtMs: number;
  /** When our own last change of our hold ended; after one that failed, when its result must show. */
  readonly changedAtMs: number;
  /** When we last attached, or were last seen to hold. */
  readonly attachedAtMs: number;
  /** From when our own last change must show. */
  readonly lagUntilMs: number;
  /** Why the address is not available, null while it is. */
  readonly released: string | null;
  /** While it is not available: whether it exists, but the cloud itself moves it. */
  readonly exists: boolean;
  /** Other holders at the last full look. */
  readonly others: readonly OtherHolder[];
  /** When the look that showed them began. */
  readonly othersAtMs: number;
  /** Under a lease: holders in the cloud's list that do not hold when the cloud is asked about each alone. */
  readonly denied: ReadonlyMap<string, Denial>;
  /** Since when we hold only if no other one does, see `DesiredState`; Infinity while that does not apply. */
  readonly holdsOnlyIfUnheldAtMs: number;
  /** The successor that the cloud shows as a holder, null while there is none. */
  readonly confirmed: string | null;
  /** Whether the last attempt to attach failed. */
  readonly balked: boolean;
  /** What the addresses that move together with this one allow; all is allowed for one that moves alone. */
  readonly allowed: Allowed;
  readonly inspectAtMs: number;
  readonly inspectedCount: number;
  /** Next looks, soonest first; the last one is the reconcile look. */
  readonly looksAtMs: readonly number[];
  readonly evictions: Evictions;
  /** When a look last showed a holder that is not a peer: the peer list may have changed. */
  readonly unknownHolderAtMs: number;
  /**
   * Under a lease: until when the cloud may carry out a change of ours that has ended for us without a sure answer;
   * -Infinity when there is none.
   */
  readonly strayUntilMs: number;
  /** Which instance we last evicted, and when: a hold that still shows may be older than that. */
  readonly taken: { readonly instanceId: string; readonly atMs: number } | null;
  readonly read: CallSlot;
  readonly write: CallSlot;
  /** Evictions have a slot of their own, so that they never delay our own attach or detach. */
  readonly evict: CallSlot;
  readonly cloudReachable: boolean;
  /** How long the last answer took. A slow cloud does not count as lost. */
  readonly answerMs: number;
  readonly lastCallId: number;
}

/** What can happen to ownership. `roll` is a random number in 0..1, for jitter. */
export type OwnershipEvent =
  | { readonly kind: "tick" }
  | { readonly kind: "desired"; readonly desired: DesiredState }
  | { readonly kind: "settings"; readonly settings: OwnershipSettings }
  | { readonly kind: "progress"; readonly tookMs: number }
  /** The cloud has accepted a change that is not done yet. */
  | { readonly kind: "accepted"; readonly id: number }
  | ({
    readonly kind: "answered";
    readonly id: number;
    readonly answer: Answer;
    readonly roll: number;
  } & Ended)
  | ({ readonly kind: "failed"; readonly id: number; readonly roll: number } & Setback);

/** The slot in which the call of that number is under way. */
export function slotOf(state: Ownership, id: number): SlotName | undefined {
  return SLOTS.find((slot) => state[slot].inFlight?.id === id);
}

/** The state before any answer of the cloud. */
export function startOwnership(settings: OwnershipSettings, atMs: number): Ownership {
  return {
    settings,
    desired: null,
    prepared: false,
    instanceId: null,
    instanceName: null,
    holding: null,
    seenAtMs: -Infinity,
    sightedAtMs: -Infinity,
    changedAtMs: -Infinity,
    attachedAtMs: -Infinity,
    lookedAtMs: -Infinity,
    lagUntilMs: -Infinity,
    released: null,
    exists: false,
    others: [],
    othersAtMs: -Infinity,
    denied: new Map(),
    holdsOnlyIfUnheldAtMs: Infinity,
    confirmed: null,
    balked: false,
    allowed: FREE,
    inspectAtMs: atMs,
    inspectedCount: 0,
    looksAtMs: [atMs + settings.reconcileMs],
    evictions: new Map(),
    unknownHolderAtMs: -Infinity,
    strayUntilMs: -Infinity,
    taken: null,
    read: FRESH_SLOT,
    write: FRESH_SLOT,
    evict: FRESH_SLOT,
    cloudReachable: true,
    answerMs: 0,
    lastCallId: 0,
  };
}

/** Plans further looks at the cloud. */
export function lookAt(state: Ownership, ...atMs: number[]): Ownership {
  if (atMs.length === 0) return state;
  return { ...state, looksAtMs: [...new Set([...state.looksAtMs, ...atMs])].sort((a, b) => a - b) };
}

/** A change makes a reading under way worthless: its answer may show either state. */
export function outdate(state: Ownership): Ownership {
  const { inFlight } = state.read;
  return inFlight
    ? { ...state, read: { ...state.read, inFlight: { ...inFlight, stale: true } } }
    : state;
}

/**
 * Whether a call under way is still wanted: a peer that is heard again is not evicted. Under a lease (see
 * under_lease.ts) only the owner attaches or evicts.
 */
export function stillWanted({ desired }: Ownership, call: Call): boolean {
  if (desired?.underLease) {
    const changes = call.verb === "evict" || call.verb === "attach";
    return !changes || (desired.intent === "hold" && desired.lease !== null);
  }
  if (call.verb !== "evict") return true;
  return desired?.intent === "hold" && !desired.alive.includes(call.instanceId);
}

/** The current time, and how to tell the operator. */
export interface Circumstances {
  readonly atMs: number;
  readonly say: Say;
}
