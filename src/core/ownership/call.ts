// Calls to the cloud: requests, answers, and each kind of call: the one under way, its failures, when to try again, and
// when failures make the node unable.
import { backoffMs, imposedMs } from "../backoff.ts";

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
  /** See `Ended`; left out: true. */
  readonly open?: boolean;
  /** Set when the Elastic IP is not there any more: what to do about it. This is not a failure of this node. */
  readonly released?: string;
  /** It still exists, see `Unavailability`. */
  readonly exists?: boolean;
}

/** What may be left of a change that has ended. */
export interface Ended {
  /** Whether a request of it got no answer, and may still be carried out; left out: false. */
  readonly open?: boolean;
}

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

/** Waits between attempts. */
const BACKOFF = { firstMs: 500, capMs: 5_000, jitter: 0.5 };
/** Shortest wait, after a call that hung. */
const RETRY_MIN_MS = 100;
/** Refusals (403, 404, ...) may pass like any fault; those that last are retried more and more rarely. */
const REFUSED_LASTING_MS = 60_000, REFUSED_BACKOFF = { ...BACKOFF, capMs: 30_000 };
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

/** Earlier failures. */
interface History {
  readonly failures: number;
  readonly failingSinceMs: number | null;
}

/** When a call that failed may be repeated. */
export function retryAtMs(
  { failures, failingSinceMs }: History,
  { startedAtMs, retryable, retryAfterMs, roll }: Setback & { startedAtMs: number; roll: number },
  atMs: number,
): number {
  const lasting = !retryable && atMs - (failingSinceMs ?? startedAtMs) >= REFUSED_LASTING_MS;
  const backoff = lasting ? REFUSED_BACKOFF : BACKOFF;
  const waitMs = Math.max(backoffMs(backoff, failures, roll), imposedMs(retryAfterMs));
  // A call that hung has waited already.
  return Math.max(startedAtMs + waitMs, atMs + RETRY_MIN_MS);
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
  const over = slot.failingSinceMs !== null && !slot.inFlight &&
    atMs >= slot.failedAtMs + PENALTY_MS;
  return over ? succeeded(slot) : slot;
}
