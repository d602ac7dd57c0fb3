// What ownership knows of the cloud, what it can ask, and what it can be told.
import type { DesiredState } from "../election/desired_state.ts";
import {
  type Answer,
  type Call,
  type CallSlot,
  type Evictions,
  FRESH_SLOT,
  type OtherHolder,
  type Setback,
  type SlotName,
  SLOTS,
} from "./call.ts";
import type { Say } from "../registry/report.ts";

/** What ownership is told once. */
export interface OwnershipSettings {
  /** Longest time between two looks at the cloud. */
  readonly reconcileMs: number;
  /** Failing for this long makes the node unable. */
  readonly deadTimeMs: number;
}

/** The whole memory of this machine. */
export interface Ownership {
  readonly settings: OwnershipSettings;
  readonly desired: DesiredState | null;
  readonly prepared: boolean;
  /** Our own instance, null until the cloud has answered. */
  readonly instanceId: string | null;
  /** Whether the cloud shows the address on us, null when it must be asked. */
  readonly holding: boolean | null;
  /** The instant for which that is known: when the look began that showed it, or our own change was done. */
  readonly seenAtMs: number;
  /** When the last look began. */
  readonly lookedAtMs: number;
  /** When our own last change is sure to show. */
  readonly lagUntilMs: number;
  /** Why the address cannot be had by anybody, null while it can. */
  readonly released: string | null;
  /** While it cannot: whether it exists all the same, and the cloud itself moves it. */
  readonly exists: boolean;
  /** Other holders at the last full look. */
  readonly others: readonly OtherHolder[];
  /** When the look began that showed them. */
  readonly othersAtMs: number;
  /** Since when we are to hold only if no other does, see `DesiredState`; Infinity while that is not so. */
  readonly holdsOnlyIfUnheldAtMs: number;
  /** The successor that the cloud shows as holder, null when none was found yet. */
  readonly confirmed: string | null;
  readonly inspectAtMs: number;
  readonly inspectedCount: number;
  /** Next looks, soonest first; the last one is the reconcile look. */
  readonly looksAtMs: readonly number[];
  readonly evictions: Evictions;
  /** When a holder last showed that is no peer: the list may have changed. */
  readonly unknownHolderAtMs: number;
  /** Whom we last took the address from, and when: what shows of its hold may be older than that. */
  readonly taken: { readonly instanceId: string; readonly atMs: number } | null;
  readonly read: CallSlot;
  readonly write: CallSlot;
  /** Taking from the dead has a slot of its own: it must never keep our own attach or detach waiting. */
  readonly evict: CallSlot;
  readonly cloudReachable: boolean;
  /** How long the last answer took: a slow cloud is not a lost one. */
  readonly answerMs: number;
  readonly lastCallId: number;
}

/** What can happen to ownership. `roll` is a random number in 0..1, for jitter. */
export type OwnershipEvent =
  | { readonly kind: "tick" }
  | { readonly kind: "desired"; readonly desired: DesiredState }
  | { readonly kind: "settings"; readonly settings: OwnershipSettings }
  | { readonly kind: "progress"; readonly tookMs: number }
  | {
    readonly kind: "answered";
    readonly id: number;
    readonly answer: Answer;
    readonly roll: number;
  }
  | ({ readonly kind: "failed"; readonly id: number; readonly roll: number } & Setback);

/** The slot in which the call of that number is under way. */
export function slotOf(state: Ownership, id: number): SlotName | undefined {
  return SLOTS.find((slot) => state[slot].inFlight?.id === id);
}

/** A node that knows nothing of the cloud yet. */
export function startOwnership(settings: OwnershipSettings, atMs: number): Ownership {
  return {
    settings,
    desired: null,
    prepared: false,
    instanceId: null,
    holding: null,
    seenAtMs: -Infinity,
    lookedAtMs: -Infinity,
    lagUntilMs: -Infinity,
    released: null,
    exists: false,
    others: [],
    othersAtMs: -Infinity,
    holdsOnlyIfUnheldAtMs: Infinity,
    confirmed: null,
    inspectAtMs: atMs,
    inspectedCount: 0,
    looksAtMs: [atMs + settings.reconcileMs],
    evictions: new Map(),
    unknownHolderAtMs: -Infinity,
    taken: null,
    read: FRESH_SLOT,
    write: FRESH_SLOT,
    evict: FRESH_SLOT,
    cloudReachable: true,
    answerMs: 0,
    lastCallId: 0,
  };
}

/** The state with looks at the cloud planned for these instants, too. */
export function lookAt(state: Ownership, ...atMs: number[]): Ownership {
  if (atMs.length === 0) return state;
  return { ...state, looksAtMs: [...new Set([...state.looksAtMs, ...atMs])].sort((a, b) => a - b) };
}

/** A changing call makes a reading one that is under way worthless: it may show either state. */
export function outdate(state: Ownership): Ownership {
  const { inFlight } = state.read;
  return inFlight
    ? { ...state, read: { ...state.read, inFlight: { ...inFlight, stale: true } } }
    : state;
}

/** Whether a call under way is still wanted: nothing is taken from a peer that is heard again. */
export function stillWanted({ desired }: Ownership, call: Call): boolean {
  if (call.verb !== "evict") return true;
  return desired?.intent === "hold" && !desired.alive.includes(call.instanceId);
}

/** When it is, and how to tell the operator. */
export interface Circumstances {
  readonly atMs: number;
  readonly say: Say;
}
