// Which dead peers the address is still to be taken from. One eviction per death: a hold that shows up
// again after we took it, or our own that vanished, proves that somebody lives whom we cannot hear, and
// then nobody who is dead to us now is evicted, unless the cloud says that the machine is off. So, too, a
// holder that was never heard.
import type { Aim } from "./aim.ts";

/** How long another master with a lower id is given to evict first. */
export const STAGGER_MS = 5_000;
/** How long a change in the cloud may take to show; earlier sightings against it are no evidence. */
export const TRUST_MS = 5_000;
/** How often the machine of a spared holder is looked up again. */
export const POWER_CHECK_MS = 300_000;

/** What is to be done about one dead peer. */
export interface Eviction {
  /** `due`: look and take; `over`: done for this death; `spared`: take only if its machine is off. */
  readonly stage: "due" | "over" | "spared";
  /** For `due` and `spared`: when to act; for `over`: since when. */
  readonly atMs: number;
}

/** By instance. */
export type Evictions = ReadonlyMap<string, Eviction>;

/** Opens a record for each new death, closes those of peers that live again. */
export function recordDeaths(
  evictions: Evictions,
  { dead, unheard, alive, mastersBefore }: Aim,
  atMs: number,
): Evictions {
  const fresh = dead.filter((id) => !evictions.has(id));
  const revived = alive.filter((id) => evictions.has(id));
  const forgotten = [...evictions].filter(([id, { stage }]) =>
    stage !== "due" && !dead.includes(id) && !unheard.includes(id)
  );
  if (fresh.length + revived.length + forgotten.length === 0) return evictions;
  const next = new Map(evictions);
  for (const id of revived) next.delete(id);
  for (const [id] of forgotten) next.delete(id);
  for (const id of fresh) next.set(id, { stage: "due", atMs: atMs + mastersBefore * STAGGER_MS });
  return next;
}

/** The death is dealt with: taken, or found to hold nothing. */
export function close(evictions: Evictions, instanceId: string, atMs: number): Evictions {
  return new Map(evictions).set(instanceId, { stage: "over", atMs });
}

/** Evidence that somebody lives whom we cannot hear: nobody who is dead now is evicted any more. */
export function spareAll(evictions: Evictions, atMs: number): Evictions {
  return new Map([...evictions.keys()].map((id) => [id, { stage: "spared", atMs } as const]));
}

/** Looks at the machine of a silent holder, at once and then now and again. */
export function spare(evictions: Evictions, instanceId: string, atMs: number): Evictions {
  return new Map(evictions).set(instanceId, { stage: "spared", atMs });
}

/** Holders whose hold came back after we took it or found none. */
export function reappeared(
  evictions: Evictions,
  holders: readonly string[],
  atMs: number,
): string[] {
  return holders.filter((id) => {
    const eviction = evictions.get(id);
    return eviction?.stage === "over" && atMs >= eviction.atMs + TRUST_MS;
  });
}

/** The record to act on next, null when none is open; `spared` ones only while they hold. */
export function nextEviction(
  evictions: Evictions,
  holders: readonly string[],
): { readonly instanceId: string; readonly onlyIfStopped: boolean; readonly atMs: number } | null {
  let next: ReturnType<typeof nextEviction> = null;
  for (const [instanceId, { stage, atMs }] of evictions) {
    const open = stage === "due" || (stage === "spared" && holders.includes(instanceId));
    if (open && (next === null || atMs < next.atMs)) {
      next = { instanceId, onlyIfStopped: stage === "spared", atMs };
    }
  }
  return next;
}
