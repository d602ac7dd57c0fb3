// What the cloud's answers and refusals show and prove, and how they change ownership's state.
import {
  close,
  closeAbsent,
  CLOUD_LAG_MS,
  demandProof,
  foundAbsent,
  postpone,
  reappeared,
  restagger,
  showLate,
  spare,
  spareAll,
} from "./evictions.ts";
import { deny, LATE_LOOKS_MS, stillDenied } from "./breaking.ts";
import {
  type Circumstances,
  failed,
  forgive,
  FRESH_SLOT,
  lookAt,
  outdate,
  type Ownership,
  type OwnershipEvent,
  RELEASED_LOOK_MS,
  slotOf,
  straysUntilMs,
  succeeded,
} from "./state.ts";
import type { Answer, Call, OtherHolder } from "./call.ts";
import { instanceTitle } from "../instance_title.ts";

/** Time until the look after an attach: others may hold, too. */
const AFTER_ATTACH_MS = 1_000;

/** How often we ask whether a successor holds; after EAGER_INSPECTIONS without a hold we ask rarely. */
const INSPECT_MS = 1_000, EAGER_INSPECTIONS = 10;

/** Takes in the answer to one of our calls; any other answer is ignored. */
export function answered(
  state: Ownership,
  { id, answer, roll, open = false }: Extract<OwnershipEvent, { kind: "answered" }>,
  now: Circumstances,
): Ownership {
  const slot = slotOf(state, id);
  const flight = slot && state[slot].inFlight;
  if (!slot || !flight) return state;
  // Readings failed as well, so the cloud was away: forgive the failed changes.
  const recovered = slot === "read" && state.read.failures > 0;
  const landed = {
    ...state,
    // The nodes that act before us could not act either.
    evictions: recovered ? restagger(state.evictions, now.atMs) : state.evictions,
    write: recovered ? forgive(state.write, Infinity) : state.write,
    [slot]: succeeded(state[slot]),
    strayUntilMs: straysUntilMs(state, flight, { open, ...now }),
  };
  const { reconcileMs } = state.settings;
  const nextLook = now.atMs + reconcileMs * (1 + 0.1 * roll);
  const planned = landed.looksAtMs.length > 0 ? landed : { ...landed, looksAtMs: [nextLook] };
  switch (answer.verb) {
    case "prepare":
      return {
        ...planned,
        prepared: true,
        instanceId: answer.instanceId,
        instanceName: answer.name ?? null,
        holding: answer.holds,
        seenAtMs: now.atMs,
        sightedAtMs: now.atMs,
      };
    case "look":
      // While we detach, our own call explains a hold that vanishes.
      return flight.stale || landed.write.inFlight?.call.verb === "detach-self"
        ? lookAt(planned, now.atMs + 1_000)
        : sight(planned, { ...answer, asOfMs: flight.startedAtMs }, now);
    case "inspect":
      return inspected(planned, { ...flight, holds: answer.holds }, now.atMs);
    case "attach":
      now.say("info", "attached", "the Elastic IP is attached to this instance");
      return changed(planned, true, now.atMs);
    case "detach-self":
      now.say("info", "detached", "the Elastic IP is detached from this instance");
      return changed(planned, false, now.atMs);
    case "evict":
      return evicted(outdate(planned), flight.call, answer.outcome, now);
    default:
      return answer satisfies never;
  }
}

/** A failed change may have worked, so the next step is a look. */
export function setBack(
  state: Ownership,
  event: Extract<OwnershipEvent, { kind: "failed" }>,
  { atMs, say }: Circumstances,
): Ownership {
  const slot = slotOf(state, event.id);
  const flight = slot && state[slot].inFlight;
  if (!slot || !flight) return state;
  const { call, startedAtMs } = flight;
  const strayUntilMs = straysUntilMs(state, flight, { open: event.open ?? true, atMs });
  const next = { ...state, strayUntilMs, [slot]: failed(state[slot], event, atMs) };
  switch (call.verb) {
    case "prepare":
      return next;
    case "look":
      return lookAt(next, atMs);
    case "inspect":
      return { ...next, inspectAtMs: atMs + 1_000 };
    case "evict": {
      if (state.desired?.lease) return lookAt(next, atMs);
      // Others may still be evicted, so the record waits, not the slot.
      const setback = { ...event, startedAtMs, atMs };
      const evictions = postpone(state.evictions, call.instanceId, setback);
      return { ...next, evict: FRESH_SLOT, evictions };
    }
    case "attach":
      if (event.released === undefined) {
        return { ...next, holding: null, balked: true, changedAtMs: atMs + CLOUD_LAG_MS };
      }
      return noteReleased({ ...next, write: FRESH_SLOT, holding: false }, event, {
        atMs,
        say,
      });
    case "detach-self":
      return { ...next, holding: null };
    default:
      return call satisfies never;
  }
}

function inspected(
  state: Ownership,
  { call, holds, startedAtMs }: { call: Call; holds: boolean; startedAtMs: number },
  atMs: number,
): Ownership {
  const instanceId = call.verb === "inspect" ? call.instanceId : null;
  // A hold that we are evicting, or have just evicted, may still show.
  const { evict, taken } = state;
  const fading = (evict.inFlight?.call.verb === "evict" &&
    evict.inFlight.call.instanceId === instanceId) ||
    (taken?.instanceId === instanceId && startedAtMs < taken.atMs + CLOUD_LAG_MS);
  const confirmed = holds && !fading ? instanceId : null;
  const waitMs = state.inspectedCount < EAGER_INSPECTIONS ? INSPECT_MS : state.settings.reconcileMs;
  return { ...state, confirmed, inspectAtMs: atMs + waitMs };
}

function changed(state: Ownership, holding: boolean, atMs: number): Ownership {
  const evictions = holding ? restagger(state.evictions, atMs) : state.evictions;
  // A peer that we never heard may have been off since before our start; a look at once shows that.
  const soon = hasUnheardPeer(state, atMs) ? [atMs] : [];
  const { underLease = false } = state.desired ?? {};
  const late = underLease ? LATE_LOOKS_MS.map((inMs) => atMs + inMs) : [];
  // Before a lease is given up, a look must show that the address is detached.
  const looks = holding ? [...soon, atMs + AFTER_ATTACH_MS, ...late] : underLease ? [atMs] : [];
  const known = {
    ...state,
    ...(holding && { attachedAtMs: atMs }),
    changedAtMs: atMs,
    holding,
    evictions,
    confirmed: null,
    balked: false,
    seenAtMs: atMs,
  };
  return outdate(lookAt({ ...known, lagUntilMs: atMs + CLOUD_LAG_MS }, ...looks));
}

/** Whether some peer was never heard and no eviction is due, which is more urgent than a look. */
function hasUnheardPeer({ desired, evictions }: Ownership, atMs: number): boolean {
  const urgent = [...evictions.values()].some((each) => each.stage === "due" && each.atMs <= atMs);
  return !urgent && (desired?.unheard.length ?? 0) > 0;
}

function evicted(
  state: Ownership,
  call: Call,
  outcome: "taken" | "absent" | "gone" | "running",
  { atMs, say }: Circumstances,
): Ownership {
  if (call.verb !== "evict") return state;
  const { instanceId } = call;
  if (outcome === "running") {
    // The list was wrong, or the machine has just been started: the next look will tell.
    const others = state.others.map((holder) =>
      holder.instanceId === instanceId ? { ...holder, off: false } : holder
    );
    const due = state.evictions.get(instanceId)?.stage === "due";
    const evictions = due ? state.evictions : spare(state.evictions, instanceId, atMs);
    return { ...state, others, evictions };
  }
  if (outcome === "taken") {
    const known = [...state.others, ...(state.desired?.dead ?? [])].filter((each) =>
      each.instanceId === instanceId
    );
    const title = instanceTitle(known.find(({ name }) => name) ?? { instanceId });
    const why = state.desired?.lease ? ": this node has the lease" : ", which is dead";
    say("warning", "evicted", `took the Elastic IP from ${title}${why}`);
  }
  // In a split brain both halves may evict each other at the same time: a node whose hold is gone attaches again.
  const next = outcome === "taken"
    ? unseen(lookAt({ ...state, taken: { instanceId, atMs } }, atMs))
    : deny(state, instanceId, { atMs, say });
  const settle = outcome === "absent" ? foundAbsent : close;
  return {
    ...next,
    evictions: demandProof(settle(state.evictions, instanceId, atMs), atMs),
    others: state.others.filter((holder) => holder.instanceId !== instanceId),
  };
}

/** Under a lease nothing is attached before another look shows that nobody holds. */
function unseen(state: Ownership): Ownership {
  return state.desired?.lease ? { ...state, othersAtMs: -Infinity } : state;
}

/** Whether we have just ended this hold of a machine that is off, and the change does not show yet. */
function fades({ instanceId, off }: OtherHolder, { taken }: Ownership, asOfMs: number): boolean {
  return off && taken?.instanceId === instanceId && asOfMs < taken.atMs + CLOUD_LAG_MS;
}

/** Takes in what a look shows, and what it proves if it contradicts our own changes. */
function sight(
  state: Ownership,
  { holds, others: shown, asOfMs, released, exists }: Extract<Answer, { verb: "look" }> & {
    asOfMs: number;
  },
  { atMs, say }: Circumstances,
): Ownership {
  const others = shown?.filter((each) => !fades(each, state, asOfMs)) ?? null;
  // Our own change may not show yet, so this is no evidence: look again when it must show.
  const early = atMs < state.lagUntilMs && state.holding !== null && holds !== state.holding;
  if (early) {
    const evictions = demandProof(state.evictions, state.lagUntilMs);
    return lookAt({ ...state, evictions }, state.lagUntilMs);
  }
  let next: Ownership = {
    ...noteReleased(state, { released, exists }, { atMs, say }),
    holding: holds,
    balked: state.balked && !holds,
    // The answer to our attach may have got lost.
    attachedAtMs: holds ? Math.max(state.attachedAtMs, asOfMs) : state.attachedAtMs,
    seenAtMs: asOfMs,
    sightedAtMs: asOfMs,
    others: others ?? state.others,
    othersAtMs: others === null ? state.othersAtMs : asOfMs,
    denied: others === null ? state.denied : stillDenied(state, others),
  };
  if (others?.length !== shown?.length) next = lookAt(next, atMs + CLOUD_LAG_MS);
  const mine = state.desired?.intent === "hold";
  // If the cloud shows the result of a failed change, the change worked and only its answer was lost. That a node which
  // has stepped aside does not hold shows nothing. A node that holds only if nobody else does gives up to one that
  // holds.
  const wanted = mine && !(state.desired?.holdsOnlyIfUnheld && state.confirmed !== null);
  const done = holds === wanted && (wanted || state.cloudReachable);
  if (done && !next.write.inFlight) next = { ...next, write: succeeded(next.write) };
  if (released !== undefined) return next;
  if (mine && state.holding === true && !holds) {
    const text = "somebody else detached the Elastic IP from this instance: it attaches it again";
    say("warning", "hold-vanished", text);
    next = { ...next, evictions: spareAll(next.evictions, atMs) };
  }
  const found = others?.some(({ instanceId }) => state.desired?.successors.includes(instanceId));
  if (!mine && found) return { ...next, inspectAtMs: atMs };
  if (!mine || others === null || state.desired?.lease) return next;
  const open = closeAbsent(next.evictions, others, atMs);
  const evictions = holds ? showLate(open, others, { asOfMs, atMs }) : open;
  return spareSuspects({ ...next, evictions }, others, { before: state.evictions, atMs, say });
}

/** Takes nothing from silent holders whose death is not proved; one that runs also casts doubt on other deaths. */
function spareSuspects(
  state: Ownership,
  others: readonly OtherHolder[],
  { before, atMs, say }: Circumstances & { before: Ownership["evictions"] },
): Ownership {
  const { desired } = state;
  let next = state;
  for (const { instanceId, name, off } of suspectsAmong(others, state, atMs)) {
    const title = instanceTitle({ instanceId, name });
    next = { ...next, evictions: spare(next.evictions, instanceId, atMs) };
    if (off) continue;
    if (!before.has(instanceId) && !desired?.unheard.includes(instanceId)) {
      const why = desired?.doubt ? "and may be one of the missing peers" : "and is not a peer";
      say("warning", "holder-unknown", `${title} holds the Elastic IP, too, ${why}`);
      next = { ...next, unknownHolderAtMs: atMs };
      continue;
    }
    next = { ...next, evictions: spareAll(next.evictions, atMs) };
    const text = `${title} holds the Elastic IP and runs, but is not heard`;
    const rest = "nothing is taken from it, nor from any other silent peer";
    say("warning", "holder-unheard", `${text}: ${rest}`);
  }
  return next;
}

/**
 * Silent holders that were never heard steadily, that are not peers, or whose hold came back. They are evicted only if
 * their machine is off.
 */
function suspectsAmong(
  others: readonly OtherHolder[],
  { desired, evictions }: Ownership,
  atMs: number,
): OtherHolder[] {
  const back = reappeared(evictions, others, atMs);
  return others.filter(({ instanceId: id }) =>
    !desired?.alive.includes(id) && (back.includes(id) || (desired?.resolved && !evictions.has(id)))
  );
}

// The Elastic IP was released in the cloud while we watch it, or came back as one that Exoscale itself moves. This is
// not a failure of this node, so roles stay and no node steps aside: a node that should hold keeps asking whether the
// address is available again, and then attaches it.

/** Why the Elastic IP is not available, and what to do about it. */
interface Unavailability {
  /** Null or left out while it is available. */
  readonly released: string | null | undefined;
  /** It exists, but we cannot move it. */
  readonly exists: boolean | undefined;
}

/** Notes what the cloud says about it. The operator is told once, and again when something else must be done. */
function noteReleased(
  state: Ownership,
  { released = null, exists = false }: Partial<Unavailability>,
  { atMs, say }: Circumstances,
): Ownership {
  if (released === state.released) return state;
  if (released === null) {
    say("warning", "address-back", "the Elastic IP can be attached again");
    return { ...state, released, exists: false };
  }
  say("critical", exists ? "address-unusable" : "address-released", released);
  const known = { ...state, released, exists, holding: false };
  return lookAt(known, atMs + RELEASED_LOOK_MS);
}
