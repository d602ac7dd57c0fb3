// What the cloud's answers say and prove, and what follows for what ownership knows.
import {
  close,
  closeAbsent,
  CLOUD_LAG_MS,
  demandProof,
  foundAbsent,
  reappeared,
  restagger,
  showLate,
  spare,
  spareAll,
} from "./evictions.ts";
import { forgive, succeeded } from "./call_slot.ts";
import {
  type Circumstances,
  lookAt,
  outdate,
  type Ownership,
  type OwnershipEvent,
  slotOf,
} from "./state.ts";
import { noteReleased } from "./released.ts";
import type { Answer, Call, OtherHolder } from "./call.ts";

/** After an attach the cloud is looked at again this soon: others may hold, too. */
const AFTER_ATTACH_MS = 1_000;

/** How often the cloud is asked whether a successor holds; one that does not for long is asked about rarely. */
const INSPECT_MS = 1_000, EAGER_INSPECTIONS = 10;

/** Takes in the answer to one of our calls; any other answer is ignored. */
export function answered(
  state: Ownership,
  { id, answer, roll }: Extract<OwnershipEvent, { kind: "answered" }>,
  now: Circumstances,
): Ownership {
  const slot = slotOf(state, id);
  const flight = slot && state[slot].inFlight;
  if (!slot || !flight) return state;
  // A cloud that was away for readings, too, was away: its refusals of changes are forgiven.
  const recovered = slot === "read" && state.read.failures > 0;
  const landed = {
    ...state,
    // Whoever was to act before us could not either.
    evictions: recovered ? restagger(state.evictions, now.atMs) : state.evictions,
    write: recovered ? forgive(state.write, Infinity) : state.write,
    [slot]: succeeded(state[slot]),
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
        holding: answer.holds,
        seenAtMs: now.atMs,
      };
    case "look":
      // What vanishes while we give it up was taken by no other hand.
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

function inspected(
  state: Ownership,
  { call, holds, startedAtMs }: { call: Call; holds: boolean; startedAtMs: number },
  atMs: number,
): Ownership {
  const instanceId = call.verb === "inspect" ? call.instanceId : null;
  // A hold that we are taking, or have just taken, may still show.
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
  // Whom we have never heard may be off since before our start; if so, the cloud says it in the same moment.
  const soon = hasUnheardPeer(state, atMs) ? [atMs] : [];
  const looks = holding ? [...soon, atMs + AFTER_ATTACH_MS] : [];
  const known = { ...state, holding, evictions, confirmed: null, seenAtMs: atMs };
  return outdate(lookAt({ ...known, lagUntilMs: atMs + CLOUD_LAG_MS }, ...looks));
}

/** Whether somebody was never heard, and nobody is to be evicted at once, which is more urgent than to look. */
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
    // The list was wrong, or the machine has just been switched on: the next look will tell.
    const others = state.others.map((holder) =>
      holder.instanceId === instanceId ? { instanceId, off: false } : holder
    );
    const due = state.evictions.get(instanceId)?.stage === "due";
    const evictions = due ? state.evictions : spare(state.evictions, instanceId, atMs);
    return { ...state, others, evictions };
  }
  if (outcome === "taken") {
    say("warning", "evicted", `took the Elastic IP from instance ${instanceId}, which is dead`);
  }
  // Halves of a broken network may take from each other at once: whoever sees its own gone puts it back.
  const next = outcome === "taken"
    ? lookAt({ ...state, taken: { instanceId, atMs } }, atMs)
    : state;
  const settle = outcome === "absent" ? foundAbsent : close;
  return {
    ...next,
    evictions: demandProof(settle(state.evictions, instanceId, atMs), atMs),
    others: state.others.filter((holder) => holder.instanceId !== instanceId),
  };
}

/** Whether that is the hold of a machine that is off, which we have just ended and which only does not show yet. */
function fades({ instanceId, off }: OtherHolder, { taken }: Ownership, asOfMs: number): boolean {
  return off && taken?.instanceId === instanceId && asOfMs < taken.atMs + CLOUD_LAG_MS;
}

/** Takes in what the cloud shows, and what it proves when it contradicts what we did. */
function sight(
  state: Ownership,
  { holds, others: shown, asOfMs, released, exists }: Extract<Answer, { verb: "look" }> & {
    asOfMs: number;
  },
  { atMs, say }: Circumstances,
): Ownership {
  const others = shown?.filter((each) => !fades(each, state, asOfMs)) ?? null;
  // Our own change may not show yet: no evidence, look again when it must.
  const early = atMs < state.lagUntilMs && state.holding !== null && holds !== state.holding;
  if (early) {
    const evictions = demandProof(state.evictions, state.lagUntilMs);
    return lookAt({ ...state, evictions }, state.lagUntilMs);
  }
  let next: Ownership = {
    ...noteReleased(state, { released, exists }, { atMs, say }),
    holding: holds,
    seenAtMs: asOfMs,
    others: others ?? state.others,
    othersAtMs: others === null ? state.othersAtMs : asOfMs,
  };
  if (others?.length !== shown?.length) next = lookAt(next, atMs + CLOUD_LAG_MS);
  const mine = state.desired?.intent === "hold";
  // What a failed change was meant to do shows as done: it did not fail, only its answer was lost. Of a node that has
  // stepped aside it shows nothing that it does not hold. A node that holds only if nobody else does gives up to one
  // that does.
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
  if (!mine || others === null) return next;
  const open = closeAbsent(next.evictions, others, atMs);
  next = { ...next, evictions: holds ? showLate(open, others, { asOfMs, atMs }) : open };
  for (const { instanceId, off } of suspectsAmong(others, next, atMs)) {
    next = { ...next, evictions: spare(next.evictions, instanceId, atMs) };
    if (off) continue;
    const stranger = !state.evictions.has(instanceId) &&
      !state.desired?.unheard.includes(instanceId);
    if (stranger) {
      const why = state.desired?.doubt
        ? "and may be one of the missing peers"
        : "and is not a peer";
      say("warning", "holder-unknown", `instance ${instanceId} holds the Elastic IP, too, ${why}`);
      next = { ...next, unknownHolderAtMs: atMs };
      continue;
    }
    next = { ...next, evictions: spareAll(next.evictions, atMs) };
    const text = `instance ${instanceId} holds the Elastic IP and runs, but is not heard`;
    const rest = "nothing is taken from it, nor from any other silent peer";
    say("warning", "holder-unheard", `${text}: ${rest}`);
  }
  return next;
}

/**
 * Silent holders that were never heard steadily, that are no peers at all, or whose hold came back: nothing is taken
 * from them unless their machine is off.
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
