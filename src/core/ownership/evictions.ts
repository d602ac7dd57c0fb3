// Which dead peers are still to be evicted. There is one eviction per death. If a hold shows up again after we evicted
// it, or our own hold vanishes, some node is alive but unheard: then no peer that is dead now is evicted unless the
// cloud says that its machine is off. The same applies to a holder that was never heard, or not steadily. A peer that
// is heard only for a moment, which may be forged, neither ends a death nor starts another.
//
// A change may show late. A peer that said it holds, but is found without a hold, may have attached just before its
// death: the eviction stays due until `LATE_HOLD_MS` after the death, and until then a hold that shows proves nothing.
import type { DesiredState } from "../election/desired_state.ts";
import { type OtherHolder, retryAtMs, type Setback } from "./call.ts";

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

/** How long a change in the cloud may take to show; earlier sightings against it are no evidence. */
export const CLOUD_LAG_MS = 5_000;

/** How long after a peer's death a hold may first show that it got before. */
const LATE_HOLD_MS = 10_000;

const UNTRIED = { lateUntilMs: -Infinity, absent: false, failures: 0, failingSinceMs: null };

/** Opens a record for each new death; removes the records of peers that live again, and steadily. */
export function recordDeaths(
  evictions: Evictions,
  { dead, alive, steady, intent }: DesiredState,
  { holders, atMs }: { holders: readonly OtherHolder[]; atMs: number },
): Evictions {
  const fresh = dead.filter(({ instanceId }) => !evictions.has(instanceId));
  // If the peer is heard again before its eviction, the record ends at once, and a new death waits again. After the
  // eviction, the record ends only when the peer is heard steadily.
  const toCome = (id: string) => evictions.get(id)?.stage === "due" && !evictions.get(id)?.absent;
  const again = (id: string) => steady.includes(id) || toCome(id);
  const ended = alive.filter((id) => evictions.has(id) && again(id));
  const kept = new Set([...dead.map(({ instanceId }) => instanceId), ...alive]);
  const holds = (id: string) => holders.some(({ instanceId }) => instanceId === id);
  // A peer that left the list, or is unheard again, is not dead: its record is removed, or spared while it holds.
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

/** We have just attached, or reach the cloud again: evictions with a wait begin that wait now. */
export function restagger(evictions: Evictions, atMs: number): Evictions {
  return new Map([...evictions].map(([id, eviction]) => {
    const { stage, waitMs, lateUntilMs } = eviction;
    const waits = stage === "due" && waitMs > 0;
    return [id, waits ? { ...dueAfter(waitMs, atMs), lateUntilMs } : eviction];
  }));
}

/** When we must look at our own hold before the next eviction may begin; Infinity when none waits for that. */
export function proofAtMs(evictions: Evictions, seenAtMs: number): number {
  let atMs = Infinity;
  for (const { stage, heldSinceMs } of evictions.values()) {
    if (stage === "due" && heldSinceMs > seenAtMs) atMs = Math.min(atMs, heldSinceMs);
  }
  return atMs;
}

/** Before any further eviction we must see our own hold at that instant or later. */
export function demandProof(evictions: Evictions, sinceMs: number): Evictions {
  return new Map([...evictions].map(([id, eviction]) => {
    const { stage, heldSinceMs } = eviction;
    const unproved = stage === "due" && heldSinceMs < sinceMs;
    return [id, unproved ? { ...eviction, heldSinceMs: sinceMs } : eviction];
  }));
}

/** An attempt failed: this eviction is retried later; the others do not wait. */
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

/** Closes the record: the peer was evicted, or holds nothing. */
export function close(evictions: Evictions, instanceId: string, atMs: number): Evictions {
  return new Map(evictions).set(instanceId, {
    stage: "over",
    waitMs: 0,
    atMs,
    heldSinceMs: atMs,
    ...UNTRIED,
  });
}

/** The dead peer was found to hold nothing: closes the record unless a hold may still show. */
export function foundAbsent(evictions: Evictions, instanceId: string, atMs: number): Evictions {
  const eviction = evictions.get(instanceId);
  if (eviction?.stage !== "due" || eviction.lateUntilMs <= atMs) {
    return close(evictions, instanceId, atMs);
  }
  const { lateUntilMs } = eviction;
  const due = dueAfter(0, lateUntilMs);
  return new Map(evictions).set(instanceId, { ...due, lateUntilMs, absent: true });
}

/** A look that began at `asOfMs` shows our own hold and a hold that we waited for: its eviction is due now. */
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
 * Closes the deaths of peers that a look at all holders shows without a hold: if one gets a hold later, it lives. An
 * eviction that is due already keeps its own check, and so does one whose hold may still show.
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

/** Some node is alive but unheard, so no peer that is dead now is evicted any more, unless its machine is off. */
export function spareAll(evictions: Evictions, atMs: number): Evictions {
  const spared = [...evictions].map(([id, eviction]) =>
    [id, eviction.stage === "spared" ? eviction : sparedAt(atMs)] as const
  );
  return new Map(spared);
}

/** Spares a silent holder until its machine is seen to be off. */
export function spare(evictions: Evictions, instanceId: string, atMs: number): Evictions {
  return new Map(evictions).set(instanceId, sparedAt(atMs));
}

function sparedAt(atMs: number): Eviction {
  return { stage: "spared", waitMs: 0, atMs, heldSinceMs: -Infinity, ...UNTRIED };
}

/** Holders whose hold appeared after we had evicted them or found none. */
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

/** The next eviction, null when none is open. A peer whose machine is seen to be off is evicted without a wait. */
export function nextEviction(
  evictions: Evictions,
  { holders, alive, heldAtMs }: {
    holders: readonly OtherHolder[];
    /** Instances that are heard; they are never evicted. */
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
    // A machine that is off evicts no one, so only a back-off can delay this.
    const dueMs = certain && failures === 0 ? -Infinity : atMs;
    if (next === null || dueMs < next.atMs) {
      next = { instanceId, onlyIfStopped: certain, atMs: dueMs };
    }
  }
  return next;
}
