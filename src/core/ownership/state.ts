// What ownership knows about the cloud, and the events that change it; the slots of its calls; and until when the cloud
// may still carry out what this node has sent.
import type { DesiredState } from "../election/desired_state.ts";
import {
  type Answer,
  type Call,
  type Ended,
  type OtherHolder,
  retryAtMs,
  type Setback,
} from "./call.ts";
import type { Evictions } from "./evictions.ts";
import { CARRY_OUT_MS, CHANGE_LIFETIME_MS, type LeaseTerms } from "../lease/state.ts";
import type { Say } from "../registry/events.ts";

/** Settings of ownership; only a reload changes them. */
export interface OwnershipSettings {
  /** Longest time between two looks at the cloud. */
  readonly reconcileMs: number;
  /** Failing for this long makes the node unable. */
  readonly deadTimeMs: number;
}

/** Time between two looks for an address that is not available. */
export const RELEASED_LOOK_MS = 10_000;

/** What an address of a group may do now, see node/group.ts. */
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

/** The current time, and how to tell the operator. */
export interface Circumstances {
  readonly atMs: number;
  readonly say: Say;
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
 * node/under_lease.ts) only the owner attaches or evicts.
 */
export function stillWanted({ desired }: Ownership, call: Call): boolean {
  if (desired?.underLease) {
    const changes = call.verb === "evict" || call.verb === "attach";
    return !changes || (desired.intent === "hold" && desired.lease !== null);
  }
  if (call.verb !== "evict") return true;
  return desired?.intent === "hold" && !desired.alive.includes(call.instanceId);
}

// Each kind of call: the one under way, its failures, and when failures make the node unable.

/** The kinds of calls; one of each may be under way. */
export const SLOTS = ["read", "write", "evict"] as const;

/** One kind of call. */
export type SlotName = typeof SLOTS[number];

/** The state of one kind of call. */
export interface CallSlot {
  readonly inFlight: {
    readonly id: number;
    readonly call: Call;
    readonly startedAtMs: number;
    /** A change was made since it started, so the answer may be out of date. */
    readonly stale: boolean;
    /**
     * A change under a lease: when the last request for it has expired, with the lease, and what the cloud had begun by
     * then is done; left out for all other calls.
     */
    readonly expiresAtMs?: number;
    /** The cloud has accepted the change, and may carry it out at any time until the call ends; else left out. */
    readonly accepted?: true;
  } | null;
  readonly failures: number;
  readonly failingSinceMs: number | null;
  readonly failedAtMs: number;
  readonly notBeforeMs: number;
  /** When the cloud last answered anything. */
  readonly progressAtMs: number;
}

/** A slot that was never used. */
export const FRESH_SLOT: CallSlot = {
  inFlight: null,
  failures: 0,
  failingSinceMs: null,
  failedAtMs: -Infinity,
  notBeforeMs: -Infinity,
  progressAtMs: -Infinity,
};

/** The slot in which the call of that number is under way. */
export function slotOf(state: Ownership, id: number): SlotName | undefined {
  return SLOTS.find((slot) => state[slot].inFlight?.id === id);
}

/** A call without any answer for this long counts as failing, even with a very short interval. */
const OVERDUE_MS = 3_000;
/** A call also counts as failing once it takes this many times as long as the last answer. */
const SLOWER = 1.5;
/** An operation that the cloud reports as pending counts as failing after this long. */
const PENDING_MS = 20_000;
/** A node whose changes fail stays unable for this long after the last failure. */
export const PENALTY_MS = 30_000;

/** The slot after a success. */
export function succeeded(slot: CallSlot): CallSlot {
  return { ...FRESH_SLOT, progressAtMs: slot.progressAtMs };
}

/** The slot after a failure. */
export function failed(
  slot: CallSlot,
  setback: Setback & { roll: number },
  atMs: number,
): CallSlot {
  const startedAtMs = slot.inFlight?.startedAtMs ?? atMs;
  return {
    ...slot,
    inFlight: null,
    failures: slot.failures + 1,
    failingSinceMs: slot.failingSinceMs ?? startedAtMs,
    failedAtMs: atMs,
    notBeforeMs: retryAtMs(slot, { ...setback, startedAtMs }, atMs),
  };
}

/** The calls by which a node is judged. */
interface Slots {
  readonly read: CallSlot;
  readonly write: CallSlot;
  readonly answerMs: number;
  readonly settings: { readonly deadTimeMs: number };
}

/** When the node becomes unable unless the cloud answers. */
export function unableAtMs(
  { read, write, answerMs, settings: { deadTimeMs } }: Slots,
): number {
  const patienceMs = Math.max(deadTimeMs, OVERDUE_MS, answerMs * SLOWER);
  const failing = [read, write].map((slot) => (slot.failingSinceMs ?? Infinity) + deadTimeMs);
  const overdue = [read, write].map(({ inFlight, progressAtMs }) =>
    inFlight ? Math.max(inFlight.startedAtMs, progressAtMs) + patienceMs : Infinity
  );
  const pendingMs = Math.max(deadTimeMs, PENDING_MS);
  const pending = write.inFlight ? write.inFlight.startedAtMs + pendingMs : Infinity;
  return Math.min(...failing, ...overdue, pending);
}

/** Clears the failures of an idle slot that last failed long ago. */
export function forgive(slot: CallSlot, atMs: number): CallSlot {
  const past = slot.failingSinceMs !== null && !slot.inFlight &&
    atMs >= slot.failedAtMs + PENALTY_MS;
  return past ? succeeded(slot) : slot;
}

// Under a lease: until when the cloud may carry out what this node has sent.

/** Until when the cloud may carry out a change that is sent now and repeated under this lease. */
export function carriedOutMs({ endsAtMs }: LeaseTerms): number {
  return endsAtMs + CARRY_OUT_MS;
}

type Flight = NonNullable<CallSlot["inFlight"]>;

/**
 * Notes when the requests of the changes under way expire. While we own the lease, a request may be repeated, and the
 * repetition expires with the lease as it is renewed by then. Without the lease nothing more leaves.
 */
export function noteExpiry(state: Ownership, atMs: number): Ownership {
  const lease = state.desired?.lease;
  const noted = (slot: CallSlot): CallSlot => {
    const { expiresAtMs } = slot.inFlight ?? {};
    if (!slot.inFlight || expiresAtMs === undefined) return slot;
    const lastMs = lease ? Math.max(expiresAtMs, carriedOutMs(lease)) : ended(expiresAtMs, atMs);
    const next = over(lastMs, atMs);
    return next === expiresAtMs
      ? slot
      : { ...slot, inFlight: { ...slot.inFlight, expiresAtMs: next } };
  };
  const write = noted(state.write), evict = noted(state.evict);
  const same = write === state.write && evict === state.evict;
  return withoutStray(same ? state : { ...state, write, evict }, atMs);
}

/** Once no request of ours can arrive any more, a look shows what has become of them. */
function withoutStray(state: Ownership, atMs: number): Ownership {
  const { strayUntilMs, changedAtMs } = state;
  if (strayUntilMs === over(strayUntilMs, atMs)) return state;
  const next = {
    ...state,
    strayUntilMs: -Infinity,
    changedAtMs: Math.max(changedAtMs, strayUntilMs),
  };
  return state.holding === true ? next : lookAt(next, atMs);
}

function over(expiryMs: number, atMs: number): number {
  return expiryMs > atMs ? expiryMs : -Infinity;
}

/**
 * When our requests expire: those of changes that have ended, and of those under way; -Infinity for none. Requests that
 * the cloud has accepted do not expire.
 */
function expiriesOf({ write, evict, strayUntilMs }: Ownership): number[] {
  const expiryOf = ({ inFlight }: CallSlot) =>
    inFlight?.accepted ? Infinity : inFlight?.expiresAtMs ?? -Infinity;
  return [strayUntilMs, expiryOf(write), expiryOf(evict)];
}

/** When the next request of ours expires, Infinity if none is on its way. */
export function expiryWakeAtMs(state: Ownership): number {
  return Math.min(...expiriesOf(state).filter((each) => each > -Infinity));
}

/** Until when the cloud may carry out the last request that left before now. */
function ended(expiresAtMs: number, atMs: number): number {
  return Math.min(expiresAtMs, atMs + CHANGE_LIFETIME_MS + CARRY_OUT_MS);
}

/**
 * Until when the cloud may carry out a request of the call that has just ended, or of an earlier one. If the cloud
 * accepted a request whose operation we no longer follow, that may take longer; looks show the result.
 */
export function straysUntilMs(
  { strayUntilMs }: Ownership,
  { expiresAtMs = -Infinity, accepted }: Flight,
  { open, atMs }: { open: boolean; atMs: number },
): number {
  const lastMs = accepted ? Infinity : expiresAtMs;
  return open ? Math.max(strayUntilMs, ended(lastMs, atMs)) : strayUntilMs;
}

/**
 * Until when the cloud may carry out what this node sent under its lease: so long the node must keep the lease from all
 * others. -Infinity if nothing is on its way.
 */
export function arrivesUntilMs(state: Ownership): number {
  return Math.max(...expiriesOf(state));
}
