// Calls to the cloud: what can be asked, what is answered, and what is remembered of those that were made.

/** What the cloud can be asked, see `Cloud` in world.ts. */
export type Call =
  | { readonly verb: "prepare" }
  | { readonly verb: "look"; readonly others: boolean }
  | { readonly verb: "inspect"; readonly instanceId: string }
  | { readonly verb: "attach" }
  | { readonly verb: "detach-self" }
  | { readonly verb: "evict"; readonly instanceId: string; readonly onlyIfStopped: boolean };

/** An instance that has the address beside us. */
export interface OtherHolder {
  readonly instanceId: string;
  /** Whether its machine certainly carries no traffic: stopped, or being destroyed. */
  readonly off: boolean;
}

/** What it answers. */
export type Answer =
  | {
    readonly verb: "prepare";
    readonly holds: boolean;
    /** On the wire. */
    readonly selfId: string;
    /** In the cloud. */
    readonly instanceId: string;
    /** By which the peers know this instance. */
    readonly addresses: readonly string[];
  }
  | {
    readonly verb: "look";
    readonly holds: boolean;
    readonly others: readonly OtherHolder[] | null;
    /** See `Sighting` in world.ts. */
    readonly released?: string;
    readonly exists?: boolean;
  }
  | { readonly verb: "inspect"; readonly holds: boolean }
  | { readonly verb: "attach" }
  | { readonly verb: "detach-self" }
  | { readonly verb: "evict"; readonly outcome: "taken" | "absent" | "gone" | "running" };

/** The kinds of calls of which one each may be under way. */
export const SLOTS = ["read", "write", "evict"] as const;

/** One of them. */
export type SlotName = typeof SLOTS[number];

/** A call with the number that its answer must carry. */
export interface NumberedCall {
  readonly id: number;
  readonly call: Call;
}

/** What ownership needs to know of a failed call. */
export interface Setback {
  /** Whether repeating it soon makes sense. */
  readonly retryable: boolean;
  /** What the cloud asked for, null when it did not. */
  readonly retryAfterMs: number | null;
  /** The Elastic IP is not there any more, and what to do about it: no failure of this node. */
  readonly released?: string;
  /** It exists all the same, see `Unavailability`. */
  readonly exists?: boolean;
}

/** State of one kind of call. */
export interface CallSlot {
  readonly inFlight: {
    readonly id: number;
    readonly call: Call;
    readonly startedAtMs: number;
    /** A change was made meanwhile: the answer may be out of date. */
    readonly stale: boolean;
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

/** What is to be done about one dead peer. */
export interface Eviction {
  /** `due`: look and take; `over`: done for this death; `spared`: take only if its machine is off. */
  readonly stage: "due" | "over" | "spared";
  /** How long others are given first, see `DeadPeer`. */
  readonly waitMs: number;
  /** For `due` and `spared`: not before; for `over`: since when. */
  readonly atMs: number;
  /** We must have seen our own hold at or after this instant, or the dead one may have evicted us. */
  readonly heldSinceMs: number;
  /** Until when a hold may show that the dead one got before its death; -Infinity when it had none. */
  readonly lateUntilMs: number;
  /** `due`: it was found to hold nothing, so it waits for the hold to show, until `lateUntilMs` at the most. */
  readonly absent: boolean;
  /** Attempts that failed, and since when. */
  readonly failures: number;
  readonly failingSinceMs: number | null;
}

/** By instance. */
export type Evictions = ReadonlyMap<string, Eviction>;
