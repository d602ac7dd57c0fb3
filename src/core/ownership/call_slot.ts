// One kind of call (reading or changing): the call under way, its failures, when to try again, and when failures make
// the node unable.
import { backoffMs, imposedMs } from "../backoff.ts";
import type { Ownership } from "./state.ts";
import { type CallSlot, FRESH_SLOT, type Setback } from "./call.ts";

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

/** When the node becomes unable unless the cloud answers. */
export function unableAtMs({ read, write, answerMs, settings: { deadTimeMs } }: Ownership): number {
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
