// Which call each slot makes next, and when. Both acting and the next wake-up use the same answer.
import { expiryWakeAtMs, mayAttach, nextTaking, othersKnown } from "./breaking.ts";
import { nextEviction, proofAtMs } from "./evictions.ts";
import { type Ownership, RELEASED_LOOK_MS } from "./state.ts";
import {
  type Call,
  type OtherHolder,
  PENALTY_MS,
  type SlotName,
  SLOTS,
  unableAtMs,
} from "./call.ts";

/** Shortest time between two looks, however many reasons there are. */
const LOOK_SPACING_MS = 500;
/**
 * Time between two looks of a node that holds only if no other one does: no heartbeat tells it that the last holder
 * died.
 */
const UNHELD_LOOK_MS = 5_000;
/** Time between two looks during a rumour: another machine with our id may take our hold when it stops. */
const RUMOUR_LOOK_MS = 5_000;

/** A call and the earliest instant for it. */
interface Due {
  readonly call: Call;
  readonly atMs: number;
}

/** The call that the slot makes now, null when none is due. */
export function plan(state: Ownership, slot: SlotName, atMs: number): Call | null {
  const due = nextOf(state, slot);
  return due && due.atMs <= atMs ? due.call : null;
}

/** When ownership wants to be stepped next. */
export function ownershipWakeAtMs(state: Ownership): number {
  const dues = SLOTS.map((slot) => nextOf(state, slot)?.atMs ?? Infinity);
  const { failingSinceMs, failedAtMs, inFlight } = state.write;
  const forgivenAtMs = failingSinceMs !== null && !inFlight ? failedAtMs + PENALTY_MS : Infinity;
  const lostAtMs = state.cloudReachable ? unableAtMs(state) : Infinity;
  return Math.min(...dues, lostAtMs, forgivenAtMs, expiryWakeAtMs(state));
}

const NEXT = { read: nextRead, write: nextWrite, evict: nextEvict };

function nextOf(state: Ownership, slot: SlotName): Due | null {
  if (state[slot].inFlight) return null;
  const due = NEXT[slot](state);
  return due && { ...due, atMs: Math.max(due.atMs, state[slot].notBeforeMs) };
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
  const { desired, holding, evictions, seenAtMs, lookedAtMs, looksAtMs, released } = state;
  const planned = holding === null || !othersKnown(state) ? -Infinity : looksAtMs[0] ?? Infinity;
  if (released !== null) return Math.min(planned, lookedAtMs + RELEASED_LOOK_MS);
  if (desired?.holdsOnlyIfUnheld || desired?.doubt) {
    return Math.min(planned, lookedAtMs + UNHELD_LOOK_MS);
  }
  if (desired?.intent !== "hold" || holding !== true) return planned;
  if (desired.rumoured) {
    return Math.min(planned, proofAtMs(evictions, seenAtMs), lookedAtMs + RUMOUR_LOOK_MS);
  }
  return Math.min(planned, proofAtMs(evictions, seenAtMs));
}

/**
 * A holder must know who else holds, and so must a node in doubt. A node that gives up to original peers, which cannot
 * say that they hold, finds its successor this way. Who gives a lease up tells its successor that nobody holds.
 */
function asksForOthers({ desired }: Ownership): boolean {
  return desired?.intent === "hold" || (desired?.intent === "release" && desired.underLease) ||
    (desired?.intent === "yield" && desired.hasOriginalSuccessor) || (desired?.doubt ?? false);
}

/**
 * Before giving up we ask the cloud about the successor that says it holds. If only original peers, which cannot say
 * so, could, we ask about the one listed as holder, else about each in turn.
 */
function successorToInspect(state: Ownership): string | null {
  const { desired, holding, others, confirmed, inspectedCount } = state;
  if (desired?.holdsOnlyIfUnheld && holding === true && confirmed === null) return senior(state);
  if (desired?.intent !== "yield" || holding !== true || confirmed !== null) return null;
  if (desired.claimant !== null) return desired.claimant;
  if (!desired.hasOriginalSuccessor || desired.successors.length === 0) return null;
  const listed = others.find(({ instanceId }) => desired.successors.includes(instanceId));
  return listed?.instanceId ?? desired.successors[inspectedCount % desired.successors.length] ??
    null;
}

/** A running instance that holds, to which a node that holds only if no other one does leaves the address. */
function listedHolder(state: Ownership): string | null {
  const found = state.others.find((holder) => isListedHolder(holder, state));
  return found?.instanceId ?? null;
}

/** For a node that is not in the peer list: a peer in it. For a node in doubt: an instance that is not a known peer. */
function isListedHolder({ instanceId: id, off }: OtherHolder, { desired }: Ownership): boolean {
  if (off || !desired) return false;
  const unheard = desired.unheard.includes(id);
  if (!desired.doubt) return unheard;
  return !unheard && !desired.alive.includes(id) &&
    !desired.dead.some((dead) => dead.instanceId === id);
}

/** Whether a node in doubt that holds nothing leaves the address with an instance that may be the missing peer. */
export function kept(state: Ownership): boolean {
  return (state.desired?.doubt ?? false) && state.holding === false && listedHolder(state) !== null;
}

/**
 * The instance to which a node that holds only if no other one does gives the address up. Two nodes in doubt may have
 * attached at the same moment: the one with the lower id keeps the address, or both would give up and come back for
 * ever.
 */
function senior(state: Ownership): string | null {
  const { desired, others, instanceId: self } = state;
  const found = others.find((holder) =>
    isListedHolder(holder, state) &&
    (!desired?.doubt || (self !== null && holder.instanceId < self))
  );
  return found?.instanceId ?? null;
}

/** Detach self only once a successor is confirmed or the election wants it released. */
function nextWrite(state: Ownership): Due | null {
  const { desired, holding, prepared, released, allowed } = state;
  if (!prepared || !desired || released !== null) return null;
  const confirmed = allowed.giveUp ? state.confirmed : null;
  switch (desired.intent) {
    case "keep":
      return null;
    case "hold": {
      if (desired.holdsOnlyIfUnheld && holding === true && confirmed !== null) {
        return { call: { verb: "detach-self" }, atMs: -Infinity };
      }
      const unsure = desired.holdsOnlyIfUnheld &&
        (state.othersAtMs < state.holdsOnlyIfUnheldAtMs || listedHolder(state) !== null);
      return holding === false && !unsure && allowed.attach && mayAttach(state)
        ? { call: { verb: "attach" }, atMs: -Infinity }
        : null;
    }
    case "yield":
      return holding === true && confirmed !== null
        ? { call: { verb: "detach-self" }, atMs: -Infinity }
        : null;
    case "release":
      return holding === true ? { call: { verb: "detach-self" }, atMs: -Infinity } : null;
    default:
      return desired.intent satisfies never;
  }
}

/** Attach before evicting: only a node that holds, and is not just giving up, evicts. */
function nextEvict(state: Ownership): Due | null {
  const { desired, holding, write, evictions, others, seenAtMs } = state;
  const detaching = write.inFlight?.call.verb === "detach-self";
  if (desired?.lease) return detaching ? null : nextTaking(state);
  if (desired?.intent !== "hold" || holding !== true || detaching) return null;
  const { alive } = desired;
  const next = nextEviction(evictions, { holders: others, alive, heldAtMs: seenAtMs });
  if (!next) return null;
  const { instanceId, onlyIfStopped, atMs } = next;
  return { call: { verb: "evict", instanceId, onlyIfStopped }, atMs };
}
