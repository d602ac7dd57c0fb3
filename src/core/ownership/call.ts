// Calls to the cloud: requests, answers, and the state of calls under way.

/** A request to the cloud, see `Cloud` in world.ts. */
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
  /** Its name, for people; left out if the cloud has told none. */
  readonly name?: string;
  /** Its machine is stopped or being destroyed, so it certainly carries no traffic. */
  readonly off: boolean;
}

/** An answer of the cloud. */
export type Answer =
  | {
    readonly verb: "prepare";
    readonly holds: boolean;
    /** Our id in heartbeats. */
    readonly selfId: string;
    /** Our instance id in the cloud. */
    readonly instanceId: string;
    /** Our instance's name, for people. */
    readonly name?: string;
    /** Addresses by which the peers know this instance. */
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

/** The kinds of calls; one of each may be under way. */
export const SLOTS = ["read", "write", "evict"] as const;

/** One kind of call. */
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
  /** The wait that the cloud asked for, null when it did not. */
  readonly retryAfterMs: number | null;
  /** Set when the Elastic IP is not there any more: what to do about it. This is not a failure of this node. */
  readonly released?: string;
  /** It still exists, see `Unavailability`. */
  readonly exists?: boolean;
}

/** The state of one kind of call. */
export interface CallSlot {
  readonly inFlight: {
    readonly id: number;
    readonly call: Call;
    readonly startedAtMs: number;
    /** A change was made since it started, so the answer may be out of date. */
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

/** The pending or finished eviction of one dead peer. */
export interface Eviction {
  /** `due`: look and take; `over`: done for this death; `spared`: take only if its machine is off. */
  readonly stage: "due" | "over" | "spared";
  /** How long other nodes may act first, see `DeadPeer`. */
  readonly waitMs: number;
  /** `due` and `spared`: the earliest time to act. `over`: since when it is over. */
  readonly atMs: number;
  /**
   * Before we evict, we must see our own hold at or after this instant; otherwise the dead peer may have evicted us.
   */
  readonly heldSinceMs: number;
  /** Until when a hold may still show that the peer got before its death; -Infinity if it had none. */
  readonly lateUntilMs: number;
  /** `due`: no hold was found, so the eviction waits for one to show, until `lateUntilMs` at most. */
  readonly absent: boolean;
  /** Failed attempts, and when the first began. */
  readonly failures: number;
  readonly failingSinceMs: number | null;
}

/** By instance id. */
export type Evictions = ReadonlyMap<string, Eviction>;
