// Which dead peers the address is still to be taken from. One eviction per death: a hold that shows up
// again after we took it, or our own that vanished, proves that somebody lives whom we cannot hear, and
// then nobody who is dead to us now is evicted, unless the cloud says that the machine is off. So, too, a
// holder that was never heard, or not steadily. What is heard for a moment only, which may be forged, neither ends a
// death nor begins another one.
//
// A change may show late. Who said that it holds and is found without a hold may have got it just before its death: the
// eviction stays due until `LATE_HOLD_MS` after the death, and until then its hold proves nothing.
import type { DesiredState } from "../election/desired_state.ts";
import { retryAtMs } from "./call_slot.ts";
import type { Eviction, Evictions, OtherHolder, Setback } from "./call.ts";

/** How long a change in the cloud may take to show; earlier sightings against it are no evidence. */
export const CLOUD_LAG_MS = 5_000;

/** How long after its death a hold may show that the dead one got before it. */
export const LATE_HOLD_MS = 10_000;

const UNTRIED = { lateUntilMs: -Infinity, absent: false, failures: 0, failingSinceMs: null };

/** Opens a record for each new death, closes those of peers that live again, and steadily. */
export function recordDeaths(
  evictions: Evictions,
  { dead, alive, steady, intent }: DesiredState,
  { holders, atMs }: { holders: readonly OtherHolder[]; atMs: number },
): Evictions {
  const fresh = dead.filter(({ instanceId }) => !evictions.has(instanceId));
  // An eviction that is still to come waits once more, as after any death; one that is over is not repeated so soon.
  const toCome = (id: string) => evictions.get(id)?.stage === "due" && !evictions.get(id)?.absent;
  const again = (id: string) => steady.includes(id) || toCome(id);
  const ended = alive.filter((id) => evictions.has(id) && again(id));
  const kept = new Set([...dead.map(({ instanceId }) => instanceId), ...alive]);
  const holds = (id: string) => holders.some(({ instanceId }) => instanceId === id);
  // Whoever left the list, or has still to be heard, is not dead: it is forgotten, or spared while it holds.
  const gone = [...evictions.keys()].filter((id) => !kept.has(id));
  const spared = gone.filter((id) => intent === "hold" && holds(id));
  const changed = gone.length > spared.length ||
    spared.some((id) => evictions.get(id)?.stage === "due");
  if (fresh.length + ended.length === 0 && !changed) return evictions;
  const next = new Map(evictions);
  for (const id of [...ended, ...gone]) next.delete(id);
  for (const id of spared) next.set(id, sparedAt(atMs));
  for (const { instanceId, waitMs, held } of fresh) {
    const lateUntilMs = held ? atMs + LATE_HOLD_MS : -Infinity;
    next.set(instanceId, { ...dueAfter(waitMs, atMs), lateUntilMs });
  }
  return next;
}

function dueAfter(waitMs: number, atMs: number): Eviction {
  const dueMs = atMs + waitMs;
  return { stage: "due", waitMs, atMs: dueMs, heldSinceMs: dueMs, ...UNTRIED };
}

/** We have just got the address, or the cloud back: those whom others may evict, or who may evict us, wait from now. */
export function restagger(evictions: Evictions, atMs: number): Evictions {
  return new Map([...evictions].map(([id, eviction]) => {
    const { stage, waitMs, lateUntilMs } = eviction;
    const waits = stage === "due" && waitMs > 0;
    return [id, waits ? { ...dueAfter(waitMs, atMs), lateUntilMs } : eviction];
  }));
}

/** When our own hold must be looked at again, so that the next eviction may go ahead; Infinity when none waits. */
export function proofAtMs(evictions: Evictions, seenAtMs: number): number {
  let atMs = Infinity;
  for (const { stage, heldSinceMs } of evictions.values()) {
    if (stage === "due" && heldSinceMs > seenAtMs) atMs = Math.min(atMs, heldSinceMs);
  }
  return atMs;
}

/** Before anything more is taken we must see our own hold at that instant or later. */
export function demandProof(evictions: Evictions, sinceMs: number): Evictions {
  return new Map([...evictions].map(([id, eviction]) => {
    const { stage, heldSinceMs } = eviction;
    const unproved = stage === "due" && heldSinceMs < sinceMs;
    return [id, unproved ? { ...eviction, heldSinceMs: sinceMs } : eviction];
  }));
}

/** The attempt failed: this one is tried again later, the others are not kept waiting. */
export function postpone(
  evictions: Evictions,
  instanceId: string,
  { startedAtMs, atMs, ...setback }: Setback & { startedAtMs: number; roll: number; atMs: number },
): Evictions {
  const eviction = evictions.get(instanceId);
  if (!eviction) return evictions;
  const dueMs = retryAtMs(eviction, { ...setback, startedAtMs }, atMs);
  return new Map(evictions).set(instanceId, {
    ...eviction,
    atMs: dueMs,
    heldSinceMs: eviction.stage === "due" ? dueMs : eviction.heldSinceMs,
    failures: eviction.failures + 1,
    failingSinceMs: eviction.failingSinceMs ?? startedAtMs,
  });
}

/** The death is dealt with: taken, or found to hold nothing. */
export function close(evictions: Evictions, instanceId: string, atMs: number): Evictions {
  return new Map(evictions).set(instanceId, {
    stage: "over",
    waitMs: 0,
    atMs,
    heldSinceMs: atMs,
    ...UNTRIED,
  });
}

/** The dead one was found to hold nothing: the death is dealt with, unless its hold may still show. */
export function foundAbsent(evictions: Evictions, instanceId: string, atMs: number): Evictions {
  const eviction = evictions.get(instanceId);
  if (eviction?.stage !== "due" || eviction.lateUntilMs <= atMs) {
    return close(evictions, instanceId, atMs);
  }
  const { lateUntilMs } = eviction;
  const due = dueAfter(0, lateUntilMs);
  return new Map(evictions).set(instanceId, { ...due, lateUntilMs, absent: true });
}

/** A look, begun at `asOfMs`, shows our own hold and one that was waited for, which is taken now. */
export function showLate(
  evictions: Evictions,
  holders: readonly OtherHolder[],
  { asOfMs, atMs }: { asOfMs: number; atMs: number },
): Evictions {
  let next = evictions;
  for (const { instanceId } of holders) {
    const eviction = evictions.get(instanceId);
    if (eviction?.stage !== "due" || !eviction.absent) continue;
    const { lateUntilMs } = eviction;
    const due = { ...dueAfter(0, atMs), heldSinceMs: asOfMs, lateUntilMs };
    next = new Map(next).set(instanceId, due);
  }
  return next;
}

/**
 * Deaths that a look at all holders has dealt with: the dead one has nothing, so what it gets from now on
 * proves that it lives. A death of this very moment is left to its own confirmation, and so is one whose hold may
 * still show.
 */
export function closeAbsent(
  evictions: Evictions,
  holders: readonly OtherHolder[],
  atMs: number,
): Evictions {
  let next = evictions;
  for (const [id, { stage, atMs: dueMs, lateUntilMs }] of evictions) {
    const holds = holders.some(({ instanceId }) => instanceId === id);
    const open = stage === "due" && dueMs > atMs && lateUntilMs <= atMs;
    if (open && !holds) next = close(next, id, atMs);
  }
  return next;
}

/** Evidence that somebody lives whom we cannot hear: nobody who is dead now is evicted any more. */
export function spareAll(evictions: Evictions, atMs: number): Evictions {
  const spared = [...evictions].map(([id, eviction]) =>
    [id, eviction.stage === "spared" ? eviction : sparedAt(atMs)] as const
  );
  return new Map(spared);
}

/** Leaves a silent holder alone until its machine is seen to be off. */
export function spare(evictions: Evictions, instanceId: string, atMs: number): Evictions {
  return new Map(evictions).set(instanceId, sparedAt(atMs));
}

function sparedAt(atMs: number): Eviction {
  return { stage: "spared", waitMs: 0, atMs, heldSinceMs: -Infinity, ...UNTRIED };
}

/** Holders whose hold came back after we took it or found none. */
export function reappeared(
  evictions: Evictions,
  holders: readonly OtherHolder[],
  atMs: number,
): string[] {
  return holders.map(({ instanceId }) => instanceId).filter((id) => {
    const eviction = evictions.get(id);
    return eviction?.stage === "over" && atMs >= eviction.atMs + CLOUD_LAG_MS;
  });
}

/** What to evict next, and when. */
export interface NextEviction {
  readonly instanceId: string;
  readonly onlyIfStopped: boolean;
  readonly atMs: number;
}

/** The record to act on next, null when none is open; one whose machine was seen off does not wait. */
export function nextEviction(
  evictions: Evictions,
  { holders, alive, heldAtMs }: {
    holders: readonly OtherHolder[];
    /** Instances that are heard: nothing is taken from them, whatever is on record. */
    alive: readonly string[];
    /** When our own hold was last seen. */
    heldAtMs: number;
  },
): NextEviction | null {
  let next: NextEviction | null = null;
  for (const [instanceId, { stage, atMs, heldSinceMs, failures }] of evictions) {
    if (alive.includes(instanceId)) continue;
    const off = holders.some((holder) => holder.instanceId === instanceId && holder.off);
    const certain = off && stage !== "over";
    const due = stage === "due" && heldAtMs >= heldSinceMs;
    if (!certain && !due) continue;
    // A machine that is off evicts nobody: there is nothing to wait for but the end of a back-off.
    const dueMs = certain && failures === 0 ? -Infinity : atMs;
    if (next === null || dueMs < next.atMs) {
      next = { instanceId, onlyIfStopped: certain, atMs: dueMs };
    }
  }
  return next;
}
