// Makes the cloud agree with what the election wants: compares the desired state with what the cloud shows, and repairs
// until both agree. Pure: calls leave as values with a number, and answers return as events with the same number. At
// most one call of each kind is under way; plan.ts decides which one comes next.
import type { DesiredState } from "../election/desired_state.ts";
import { CLOUD_LAG_MS, demandProof, postpone, recordDeaths } from "./evictions.ts";
import { carriedOutMs, looksForLate, noteExpiry, straysUntilMs } from "./breaking.ts";
import { answered, noteReleased } from "./observe.ts";
import { plan } from "./plan.ts";
import { spanText } from "../age.ts";
import {
  type Circumstances,
  lookAt,
  outdate,
  type Ownership,
  type OwnershipEvent,
  slotOf,
} from "./state.ts";
import { type Report, report, type Say } from "../registry/report.ts";
import {
  type Call,
  failed,
  forgive,
  FRESH_SLOT,
  type NumberedCall,
  type SlotName,
  SLOTS,
  unableAtMs,
} from "./call.ts";

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

function backText(before: Ownership, atMs: number): string {
  const sinceMs = troubledSinceMs(before);
  const span = sinceMs === null ? "" : spanText(atMs - sinceMs);
  if (!before.prepared) return `the cloud answers for the first time${span && `, after ${span}`}`;
  return `the cloud answers again${span && `, after ${span}`}`;
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

/** A failed change may have worked, so the next step is a look. */
function setBack(
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

/** Since when calls to the cloud are open or failing; null when none is. */
export function troubledSinceMs({ read, write }: Ownership): number | null {
  const since = [read, write].flatMap(({ failingSinceMs, inFlight }) =>
    failingSinceMs ?? inFlight?.startedAtMs ?? []
  );
  return since.length === 0 ? null : Math.min(...since);
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
