// The error for everything that can go wrong with the cloud. core/registry/error_kinds.ts lists the kinds.
import { durationText } from "../core/age.ts";
import { type CloudErrorKind, ERROR_KINDS } from "../core/registry/error_kinds.ts";
import { MESSAGE_MAX_CHARS, plain } from "../core/plain.ts";

export type { CloudErrorKind };

/** Kinds of errors for requests that we gave up. A request whose connection broke arrives at once or never. */
const GIVEN_UP: ReadonlySet<CloudErrorKind> = new Set(["timeout", "aborted"]);

/** Thrown by every cloud call. The message names the request, never a secret, and is one line of bounded length. */
export class CloudError extends Error {
  override readonly name = "CloudError";
  /** HTTP status, 0 when there was none. */
  readonly status: number;
  /** What the cloud asked us to wait, null when it did not. */
  readonly retryAfterMs: number | null;
  /** Whether the request may still reach the server after we gave it up, or its change may still be made. */
  readonly mayArrive: boolean;
  /** Whether a reused connection broke before the server sent anything: another connection may work at once. */
  readonly stale: boolean;
  /** Whether the connection broke after the request had left. */
  readonly broken: boolean;
  readonly #retryable: boolean | undefined;

  constructor(
    readonly kind: CloudErrorKind,
    message: string,
    options: {
      status?: number;
      retryAfterMs?: number | null;
      retryable?: boolean;
      mayArrive?: boolean;
      stale?: boolean;
      broken?: boolean;
      cause?: unknown;
    } = {},
  ) {
    super(`${plain(message, MESSAGE_MAX_CHARS)} [${kind}]`, { cause: options.cause });
    this.status = options.status ?? 0;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.mayArrive = options.mayArrive ?? GIVEN_UP.has(kind);
    this.stale = options.stale ?? false;
    this.broken = options.broken ?? false;
    this.#retryable = options.retryable;
  }

  /** Whether the same call may succeed soon. */
  get retryable(): boolean {
    return this.#retryable ?? ERROR_KINDS[this.kind].retryable;
  }
}

/** The error itself, or one for a bug or an abort that got this far. */
export function asCloudError(error: unknown): CloudError {
  if (error instanceof CloudError) return error;
  return new CloudError("unexpected-answer", `unexpected failure: ${error}`, { cause: error });
}

/**
 * Longest time from asking whether a dead peer holds to the request that evicts it: an answer that took all its time,
 * and the wait for a turn.
 */
export const EVICT_WITHIN_MS = 20_000;

/**
 * Called before any eviction: a machine that froze in between must decide again, and a peer that was heard meanwhile
 * keeps its hold. Throws a `CloudError`.
 */
export function refuseStale(
  { askedAtMs, nowMs, wanted }: { askedAtMs: number; nowMs: number; wanted: boolean },
): void {
  if (!wanted) throw new CloudError("late", "eviction given up: the peer was heard meanwhile");
  if (nowMs < askedAtMs + EVICT_WITHIN_MS) return;
  const span = durationText(nowMs - askedAtMs);
  const message = `eviction given up: ${span} between looking and taking`;
  throw new CloudError("late", message);
}

/** Called before an attach leaves under a lease, which may have been lost meanwhile. Throws a `CloudError`. */
export function refuseUnwanted(wanted: boolean): void {
  if (wanted) return;
  throw new CloudError("late", "attach given up: this node does not own the lease any more");
}

/** Kinds by which a change was certainly not made, and will not be. */
const DECLINED: ReadonlySet<CloudErrorKind> = new Set([
  ...["unauthorized", "forbidden", "not-found", "conflict", "refused", "rate-limited"] as const,
  ...["deprecated", "operation-failed", "late"] as const,
  ...["address-released", "managed-address", "pool-address"] as const,
]);

/**
 * Whether it is certain that the cloud does not make the change. After any other error it may still make it. Once it
 * has accepted the change, only the end of the operation is certain: any other error is about a question after that.
 */
export function declined({ kind, mayArrive }: CloudError, { accepted = false } = {}): boolean {
  return !mayArrive && (accepted ? kind === "operation-failed" : DECLINED.has(kind));
}

/** Whether the cloud understood the request and said no: reading again may then show that nothing is left to do. */
export function refused(error: unknown): error is CloudError {
  return error instanceof CloudError &&
    ["not-found", "conflict", "refused", "operation-failed"].includes(error.kind);
}
