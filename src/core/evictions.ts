// Which dead peers the address is still to be taken from. One eviction per death: a hold that shows up
// again after we took it, or our own that vanished, proves that somebody lives whom we cannot hear, and
// then nobody who is dead to us now is evicted, unless the cloud says that the machine is off. So, too, a
// holder that was never heard.
import type { Aim } from "./aim.ts";
import { retryAtMs, type Setback } from "./lane.ts";
import type { OtherHolder } from "./ownership_state.ts";

/** How long each node that should evict first is given. */
export const STAGGER_MS = 4_000;
/** Our own hold must have been seen within this time before a late eviction. */
export const FRESH_HOLD_MS = 1_500;
/** That look comes this long after the earliest instant that counts. */
const LOOK_EARLY_MS = 500;
/** How long a change in the cloud may take to show; earlier sightings against it are no evidence. */
export const TRUST_MS = 5_000;

/** What is to be done about one dead peer. */
export interface Eviction {
  /** `due`: look and take; `over`: done for this death; `spared`: take only if its machine is off. */
  readonly stage: "due" | "over" | "spared";
  /** How many others go first, see `DeadPeer`. */
  readonly precedence: number;
  /** For `due` and `spared`: not before; for `over`: since when. */
  readonly atMs: number;
  /** We must have seen our own hold at or after this instant, or the dead one may have evicted us. */
  readonly heldSinceMs: number;
  /** Attempts that failed, and since when. */
  readonly failures: number;
  readonly failingSinceMs: number | null;
}

const UNTRIED = { failures: 0, failingSinceMs: null };

/** By instance. */
export type Evictions = ReadonlyMap<string, Eviction>;

/** Opens a record for each new death, closes those of peers that live again. */
export function recordDeaths(
  evictions: Evictions,
  { dead, unheard, alive, want }: Aim,
  atMs: number,
): Evictions {
  const fresh = dead.filter(({ instanceId }) => !evictions.has(instanceId));
  const revived = alive.filter((id) => evictions.has(id));
  const silent = new Set([...unheard, ...dead.map(({ instanceId }) => instanceId)]);
  // Whoever left the list is forgotten once the matter is closed, or when it is not ours to close.
  const forgotten = [...evictions.keys()].filter((id) =>
    !silent.has(id) && (want !== "hold" || evictions.get(id)?.stage !== "due")
  );
  if (fresh.length + revived.length + forgotten.length === 0) return evictions;
  const next = new Map(evictions);
  for (const id of [...revived, ...forgotten]) next.delete(id);
  for (const { instanceId, precedence } of fresh) next.set(instanceId, dueAfter(precedence, atMs));
  return next;
}

function dueAfter(precedence: number, atMs: number): Eviction {
  const dueMs = atMs + precedence * STAGGER_MS;
  const heldSinceMs = precedence > 0 ? dueMs - FRESH_HOLD_MS : atMs;
  return { stage: "due", precedence, atMs: dueMs, heldSinceMs, ...UNTRIED };
}

/** We have just got the address: those that others may evict as well, or that may evict us, wait from now. */
export function restagger(evictions: Evictions, atMs: number): Evictions {
  return new Map([...evictions].map(([id, eviction]) => {
    const { stage, precedence } = eviction;
    return [id, stage === "due" && precedence > 0 ? dueAfter(precedence, atMs) : eviction];
  }));
}

/** When our own hold must be looked at, so that the evictions to come may go ahead. */
export function looksBefore(evictions: Iterable<Eviction>, atMs: number): number[] {
  return [...evictions].filter(({ stage, heldSinceMs }) => stage === "due" && heldSinceMs > atMs)
    .map(({ heldSinceMs }) => heldSinceMs + LOOK_EARLY_MS);
}

/** The attempt failed: this one is tried again later, the others are not kept waiting. */
export function postpone(
  evictions: Evictions,
  instanceId: string,
  { startedAtMs, atMs, ...setback }: Setback & { startedAtMs: number; roll: number; atMs: number },
): Evictions {
  const eviction = evictions.get(instanceId);
  if (!eviction) return evictions;
  return new Map(evictions).set(instanceId, {
    ...eviction,
    atMs: retryAtMs(eviction, { ...setback, startedAtMs }, atMs),
    failures: eviction.failures + 1,
    failingSinceMs: eviction.failingSinceMs ?? startedAtMs,
  });
}

/** The death is dealt with: taken, or found to hold nothing. */
export function close(evictions: Evictions, instanceId: string, atMs: number): Evictions {
  return new Map(evictions).set(instanceId, {
    stage: "over",
    precedence: 0,
    atMs,
    heldSinceMs: atMs,
    ...UNTRIED,
  });
}

/**
 * Deaths that a look at all holders has dealt with: the dead one has nothing, so what it gets from now on
 * proves that it lives. A death of this very moment is left to its own confirmation.
 */
export function closeAbsent(
  evictions: Evictions,
  holders: readonly OtherHolder[],
  atMs: number,
): Evictions {
  let next = evictions;
  for (const [id, { stage, atMs: dueMs }] of evictions) {
    const holds = holders.some(({ instanceId }) => instanceId === id);
    if (stage === "due" && dueMs > atMs && !holds) next = close(next, id, atMs);
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
  return { stage: "spared", precedence: 0, atMs, heldSinceMs: -Infinity, ...UNTRIED };
}

/** Holders whose hold came back after we took it or found none. */
export function reappeared(
  evictions: Evictions,
  holders: readonly OtherHolder[],
  atMs: number,
): string[] {
  return holders.map(({ instanceId }) => instanceId).filter((id) => {
    const eviction = evictions.get(id);
    return eviction?.stage === "over" && atMs >= eviction.atMs + TRUST_MS;
  });
}

/** What to evict next, and when. */
export interface NextEviction {
  readonly instanceId: string;
  readonly onlyIfStopped: boolean;
  readonly atMs: number;
}

/** The record to act on next, null when none is open; `spared` ones only when their machine was seen off. */
export function nextEviction(
  evictions: Evictions,
  { holders, heldAtMs }: {
    holders: readonly OtherHolder[];
    /** When our own hold was last seen. */
    heldAtMs: number;
  },
): NextEviction | null {
  let next: NextEviction | null = null;
  for (const [instanceId, { stage, atMs, heldSinceMs }] of evictions) {
    const off = holders.some((holder) => holder.instanceId === instanceId && holder.off);
    const open = stage === "due" || (stage === "spared" && off);
    if (open && heldAtMs >= heldSinceMs && (next === null || atMs < next.atMs)) {
      next = { instanceId, onlyIfStopped: stage === "spared", atMs };
    }
  }
  return next;
}
