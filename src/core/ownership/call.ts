// Calls to the cloud: requests, answers, and when to repeat one that failed.
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
  /** It still exists, but we cannot move it. */
  readonly exists?: boolean;
}

/** What may be left of a change that has ended. */
export interface Ended {
  /** Whether a request of it got no answer, and may still be carried out; left out: false. */
  readonly open?: boolean;
}

/** Waits between attempts. */
const BACKOFF = { firstMs: 500, capMs: 5_000, jitter: 0.5 };
/** Shortest wait, after a call that hung. */
const RETRY_MIN_MS = 100;
/** Refusals (403, 404, ...) may pass like any fault; those that last are retried more and more rarely. */
const REFUSED_LASTING_MS = 60_000, REFUSED_BACKOFF = { ...BACKOFF, capMs: 30_000 };

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
