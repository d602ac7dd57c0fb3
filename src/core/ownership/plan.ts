// Which call each lane makes next, and when: the same answer serves to act and to know when to wake.
import { nextEviction, proofAtMs } from "./evictions.ts";
import { PENALTY_MS, unableAtMs } from "./call_slot.ts";
import { RELEASED_LOOK_MS } from "./released.ts";
import type { Ownership } from "./state.ts";
import { type Call, type LaneName, LANES, type OtherHolder } from "./call.ts";

/** However many reasons there are to look. */
const LOOK_SPACING_MS = 500;
/** Time between two looks of a node that holds only if no other one does: no heartbeat says that the last one died. */
const RELUCTANT_LOOK_MS = 5_000;

/** A call and the earliest instant for it. */
interface Due {
  readonly call: Call;
  readonly atMs: number;
}

/** The call that the lane makes now, null when it waits. */
export function plan(state: Ownership, lane: LaneName, atMs: number): Call | null {
  const due = nextOf(state, lane);
  return due && due.atMs <= atMs ? due.call : null;
}

/** When ownership wants to be stepped next. */
export function ownershipWakeAtMs(state: Ownership): number {
  const dues = LANES.map((lane) => nextOf(state, lane)?.atMs ?? Infinity);
  const { failingSinceMs, failedAtMs, inFlight } = state.write;
  const forgivenAtMs = failingSinceMs !== null && !inFlight ? failedAtMs + PENALTY_MS : Infinity;
  return Math.min(...dues, state.able ? unableAtMs(state) : Infinity, forgivenAtMs);
}

const NEXT = { read: nextRead, write: nextWrite, evict: nextEvict };

function nextOf(state: Ownership, lane: LaneName): Due | null {
  if (state[lane].inFlight) return null;
  const due = NEXT[lane](state);
  return due && { ...due, atMs: Math.max(due.atMs, state[lane].notBeforeMs) };
}

function nextRead(state: Ownership): Due | null {
  if (!state.prepared) return { call: { verb: "prepare" }, atMs: -Infinity };
  const look: Due = {
    call: { verb: "look", others: asksForOthers(state) },
    atMs: Math.max(nextLookAtMs(state), state.lookedAtMs + LOOK_SPACING_MS),
  };
  const successor = successorToInspect(state);
  const inspect: Due | null = successor === null
    ? null
    : { call: { verb: "inspect", instanceId: successor }, atMs: state.inspectAtMs };
  return inspect && inspect.atMs <= look.atMs ? inspect : look;
}

function nextLookAtMs(state: Ownership): number {
  const { aim, holding, evictions, seenAtMs, lookedAtMs, looksAtMs, released } = state;
  const planned = holding === null ? -Infinity : looksAtMs[0] ?? Infinity;
  if (released !== null) return Math.min(planned, lookedAtMs + RELEASED_LOOK_MS);
  if (aim?.reluctant || aim?.doubt) return Math.min(planned, lookedAtMs + RELUCTANT_LOOK_MS);
  if (aim?.want !== "hold" || holding !== true) return planned;
  return Math.min(planned, proofAtMs(evictions, seenAtMs));
}

/**
 * A holder must know who else holds, and so must a node that is in doubt; one that gives up to nodes that cannot claim
 * finds its successor so.
 */
function asksForOthers({ aim }: Ownership): boolean {
  return aim?.want === "hold" || (aim?.want === "yield" && aim.mute) || (aim?.doubt ?? false);
}

/**
 * Before giving up we ask the cloud about the node that claims to hold, or about those that cannot claim: the one that
 * was listed as holder, else each in turn.
 */
function successorToInspect(state: Ownership): string | null {
  const { aim, holding, others, confirmed, inspectedCount } = state;
  if (aim?.reluctant && holding === true && confirmed === null) return senior(state);
  if (aim?.want !== "yield" || holding !== true || confirmed !== null) return null;
  if (aim.claimant !== null) return aim.claimant;
  if (!aim.mute || aim.successors.length === 0) return null;
  const listed = others.find(({ instanceId }) => aim.successors.includes(instanceId));
  return listed?.instanceId ?? aim.successors[inspectedCount % aim.successors.length] ?? null;
}

/** An instance that seems to hold and runs, and with which a reluctant node leaves the address. */
function keeper(state: Ownership): string | null {
  const found = state.others.find((holder) => isKeeper(holder, state));
  return found?.instanceId ?? null;
}

/** Of a node that is not listed: a listed peer. Of one in doubt: an instance that is no peer that it knows. */
function isKeeper({ instanceId: id, off }: OtherHolder, { aim }: Ownership): boolean {
  if (off || !aim) return false;
  const unheard = aim.unheard.includes(id);
  if (!aim.doubt) return unheard;
  return !unheard && !aim.alive.includes(id) && !aim.dead.some((dead) => dead.instanceId === id);
}

/** Whether a node in doubt that holds nothing leaves the address with an instance that may be the missing peer. */
export function kept(state: Ownership): boolean {
  return (state.aim?.doubt ?? false) && state.holding === false && keeper(state) !== null;
}

/**
 * The instance that a reluctant holder gives the address up to. Two in doubt may have attached in the same moment: the
 * one with the lower id keeps the address, or both would give up and come back for ever.
 */
function senior(state: Ownership): string | null {
  const { aim, others, instanceId: self } = state;
  const found = others.find((holder) =>
    isKeeper(holder, state) && (!aim?.doubt || (self !== null && holder.instanceId < self))
  );
  return found?.instanceId ?? null;
}

/** Detach self only once a successor is confirmed or the election insists. */
function nextWrite(state: Ownership): Due | null {
  const { aim, holding, confirmed, prepared, released } = state;
  if (!prepared || !aim || released !== null) return null;
  switch (aim.want) {
    case "keep":
      return null;
    case "hold": {
      if (aim.reluctant && holding === true && confirmed !== null) {
        return { call: { verb: "detach-self" }, atMs: -Infinity };
      }
      const unsure = aim.reluctant &&
        (state.othersAtMs < state.reluctantAtMs || keeper(state) !== null);
      return holding === false && !unsure ? { call: { verb: "attach" }, atMs: -Infinity } : null;
    }
    case "yield":
      return holding === true && confirmed !== null
        ? { call: { verb: "detach-self" }, atMs: -Infinity }
        : null;
    case "release":
      return holding === true ? { call: { verb: "detach-self" }, atMs: -Infinity } : null;
    default:
      return aim.want satisfies never;
  }
}

/** Attach before evicting: only who holds, and is not just giving it up, takes from the dead. */
function nextEvict(
  { aim, holding, write, evictions, others, seenAtMs }: Ownership,
): Due | null {
  const detaching = write.inFlight?.call.verb === "detach-self";
  if (aim?.want !== "hold" || holding !== true || detaching) return null;
  const { alive } = aim;
  const next = nextEviction(evictions, { holders: others, alive, heldAtMs: seenAtMs });
  if (!next) return null;
  const { instanceId, onlyIfStopped, atMs } = next;
  return { call: { verb: "evict", instanceId, onlyIfStopped }, atMs };
}
