// Makes the cloud agree with what the election wants: compares the desired state with what the cloud shows, and repairs
// until both agree. Pure: calls leave as values with a number, and answers return as events with the same number. At
// most one call of each kind is under way. The second half says which call comes next, and when.
import type { DesiredState } from "../election/desired_state.ts";
import { demandProof, nextEviction, proofAtMs, recordDeaths } from "./evictions.ts";
import {
  carriedOutMs,
  type Circumstances,
  expiryWakeAtMs,
  forgive,
  lookAt,
  noteExpiry,
  outdate,
  type Ownership,
  type OwnershipEvent,
  PENALTY_MS,
  RELEASED_LOOK_MS,
  type SlotName,
  slotOf,
  SLOTS,
  unableAtMs,
} from "./state.ts";
import { looksForLate, mayAttach, nextTaking, othersKnown } from "./breaking.ts";
import { answered, setBack } from "./observe.ts";
import { spanText } from "../age.ts";
import { type Report, report, type Say } from "../registry/events.ts";
import type { Call, NumberedCall, OtherHolder } from "./call.ts";

/** After a death or a doubtful sighting we look at the cloud after these times, then as usual. */
const NEAR_LOOKS_MS = [2_000, 6_000, 14_000];
/** When a worse-ranked node claims the address, we look at the cloud unless the last look is this recent. */
const FRESH_SIGHT_MS = 2_000;

/** Takes in an event; returns the state after it and reports for the operator. Begins no calls. */
export function learn(
  before: Ownership,
  event: OwnershipEvent,
  atMs: number,
): [Ownership, Report[]] {
  const reports: Report[] = [];
  const say: Say = (...args) => void reports.push(report(...args));
  const forgiven = { ...before, write: forgive(before.write, atMs) };
  const state = noteExpiry(absorb(forgiven, event, { atMs, say }), atMs);
  const cloudReachable = unableAtMs(state) > atMs;
  if (cloudReachable === state.cloudReachable) return [state, reports];
  if (cloudReachable) say("info", "cloud-back", backText(before, atMs));
  else {
    const trouble = cloudTrouble(state, atMs);
    say("warning", "cloud-lost", `this node ${trouble}: it steps aside while a peer can serve`);
  }
  return [{ ...state, cloudReachable }, reports];
}

/** Begins the calls that are due. Separate from `learn`, because the election must decide in between. */
export function act(before: Ownership, atMs: number): [Ownership, NumberedCall[]] {
  let state = before;
  const calls: NumberedCall[] = [];
  for (const slot of SLOTS) {
    const call = plan(state, slot, atMs);
    if (!call) continue;
    const id = state.lastCallId + 1;
    state = begin(state, slot, { id, call, atMs });
    calls.push({ id, call });
  }
  return [state, calls];
}

/** Whether the address is being given up this moment. */
export function detaching({ write }: Ownership): boolean {
  return write.inFlight?.call.verb === "detach-self";
}

function absorb(state: Ownership, event: OwnershipEvent, now: Circumstances): Ownership {
  switch (event.kind) {
    case "tick":
      return state;
    case "progress":
      return {
        ...state,
        answerMs: event.tookMs,
        read: { ...state.read, progressAtMs: now.atMs },
        write: { ...state.write, progressAtMs: now.atMs },
      };
    case "accepted":
      return accepted(state, event.id);
    case "desired":
      return retarget(state, event.desired, now);
    case "settings":
      return { ...state, settings: event.settings };
    case "answered":
      return answered(state, event, now);
    case "failed":
      return setBack(state, event, now);
    default:
      return event satisfies never;
  }
}

/** Only under a lease it matters that the cloud may carry a change out late. */
function accepted(state: Ownership, id: number): Ownership {
  const slot = slotOf(state, id);
  const flight = slot && state[slot].inFlight;
  return flight && flight.expiresAtMs !== undefined
    ? { ...state, [slot]: { ...state[slot], inFlight: { ...flight, accepted: true } } }
    : state;
}

/** Takes in a desired state: new deaths and new doubts make us look at the cloud soon. */
function retarget(state: Ownership, desired: DesiredState, { atMs }: Circumstances): Ownership {
  const recorded = recordDeaths(state.evictions, desired, { holders: state.others, atMs });
  const began = desired.intent === "hold" && state.desired?.intent !== "hold";
  // The last look may be old: we may have slept, or stood back.
  const evictions = began ? demandProof(recorded, atMs) : recorded;
  const waits = desired.intent === "yield" && desired.successors.includes(state.confirmed ?? "");
  const claims = desired.claimant !== null && desired.claimant !== state.desired?.claimant;
  const isNew = desired.intent !== state.desired?.intent || claims;
  const holdsOnlyIfUnheld = desired.holdsOnlyIfUnheld && !state.desired?.holdsOnlyIfUnheld;
  const keeps = waits || (desired.holdsOnlyIfUnheld && !holdsOnlyIfUnheld);
  const woke = desired.wokeAtMs !== null && desired.wokeAtMs !== state.desired?.wokeAtMs;
  const next = {
    ...(woke ? lookAt(state, atMs) : state),
    desired,
    evictions,
    holdsOnlyIfUnheldAtMs: holdsOnlyIfUnheld
      ? atMs
      : desired.holdsOnlyIfUnheld
      ? state.holdsOnlyIfUnheldAtMs
      : Infinity,
    confirmed: keeps ? state.confirmed : null,
    ...(isNew && { inspectedCount: 0, inspectAtMs: atMs }),
  };
  if (desired.intent !== "hold") return next;
  const deaths = [...evictions.keys()].some((id) => !state.evictions.has(id));
  // A peer that lives again, or hears us again, may have evicted us meanwhile.
  const heardBefore = state.desired?.alive ?? [];
  const revived =
    desired.alive.some((id) => state.evictions.has(id) && !heardBefore.includes(id)) ||
    (state.desired?.notHearingUs.some((id) => !desired.notHearingUs.includes(id)) ?? false);
  const challenged = desired.challenged && !state.desired?.challenged;
  // A node that holds already need not attach, but must learn who else holds. And before we evict a dead peer, we make
  // sure that we were not evicted ourselves.
  const stale = atMs >= state.seenAtMs + FRESH_SIGHT_MS;
  const now = (challenged && stale) || ((began || deaths) && state.holding) || holdsOnlyIfUnheld;
  const soon = challenged || deaths || revived;
  return lookAt(
    next,
    ...(now ? [atMs] : []),
    ...(soon ? NEAR_LOOKS_MS.map((inMs) => atMs + inMs) : []),
    ...looksForLate(next, state.desired?.lease ?? null, atMs),
  );
}

function begin(
  state: Ownership,
  slot: SlotName,
  { id, call, atMs }: { id: number; call: Call; atMs: number },
): Ownership {
  const lease = state.desired?.lease ?? null;
  const expiring = slot === "read" || !lease ? {} : { expiresAtMs: carriedOutMs(lease) };
  const inFlight = { id, call, startedAtMs: atMs, stale: false, ...expiring };
  const begun = { ...state, lastCallId: id, [slot]: { ...state[slot], inFlight } };
  if (slot !== "read") return outdate(begun);
  if (call.verb === "look") {
    const rest = state.looksAtMs.filter((lookAtMs) => lookAtMs > atMs);
    return { ...begun, lookedAtMs: atMs, looksAtMs: rest };
  }
  return call.verb === "inspect" ? { ...begun, inspectedCount: state.inspectedCount + 1 } : begun;
}

/** What a node without the cloud cannot do, as the end of a sentence. */
export function cloudTrouble(ownership: Ownership, atMs: number): string {
  const { prepared, read, write } = ownership;
  const span = spanText(atMs - (troubledSinceMs(ownership) ?? atMs));
  if (!prepared) return `has not reached the cloud since its start ${span} ago`;
  // A cloud that answers readings can still refuse every change.
  const reads = read.failingSinceMs === null && write.failingSinceMs !== null;
  return reads
    ? `could not change anything in the cloud for ${span}`
    : `has not reached the cloud for ${span}`;
}

function backText(before: Ownership, atMs: number): string {
  const sinceMs = troubledSinceMs(before);
  const span = sinceMs === null ? "" : spanText(atMs - sinceMs);
  if (!before.prepared) return `the cloud answers for the first time${span && `, after ${span}`}`;
  return `the cloud answers again${span && `, after ${span}`}`;
}

/** Since when calls to the cloud are open or failing; null when none is. */
function troubledSinceMs({ read, write }: Ownership): number | null {
  const since = [read, write].flatMap(({ failingSinceMs, inFlight }) =>
    failingSinceMs ?? inFlight?.startedAtMs ?? []
  );
  return since.length === 0 ? null : Math.min(...since);
}

// Which call each slot makes next, and when. Both acting and the next wake-up use the same answer.

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
