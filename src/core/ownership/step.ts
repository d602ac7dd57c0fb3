// Makes the cloud agree with what the election wants: a level, compared with what was seen and repaired
// until both agree. Pure: calls leave as values with a number, answers come back as events with it. At most one
// call of each kind is under way; which one comes next is decided in next_call.ts.
import type { Aim } from "../election/desired_state.ts";
import { demandProof, postpone, recordDeaths } from "./evictions.ts";
import { answered } from "./observe.ts";
import { failed, forgive, unableAtMs } from "./call_slot.ts";
import { plan } from "./plan.ts";
import {
  type Circumstances,
  laneOf,
  lookAt,
  outdate,
  type Ownership,
  type OwnershipEvent,
} from "./state.ts";
import { noteReleased } from "./released.ts";
import { type Report, report, type Say } from "../registry/report.ts";
import { type Call, FRESH_LANE, type LaneName, LANES, type NumberedCall } from "./call.ts";

/** After a death or a doubtful sighting the cloud is looked at again this soon, then as usual. */
const NEAR_LOOKS_MS = [2_000, 6_000, 14_000];
/** A challenger is checked unless the cloud was seen this recently. */
const FRESH_SIGHT_MS = 2_000;

/** Takes in an event: what is known after it, and what the operator should hear. Calls nobody. */
export function learn(
  before: Ownership,
  event: OwnershipEvent,
  atMs: number,
): [Ownership, Report[]] {
  const reports: Report[] = [];
  const say: Say = (...args) => void reports.push(report(...args));
  const state = absorb({ ...before, write: forgive(before.write, atMs) }, event, { atMs, say });
  const able = unableAtMs(state) > atMs;
  if (able === state.able) return [state, reports];
  if (able) say("info", "cloud-back", "the cloud answers again");
  else say("warning", "cloud-lost", "cannot act on the cloud, stepping aside until it answers");
  return [{ ...state, able }, reports];
}

/** Begins the calls that are due. Separate from learning: first the election must have its say. */
export function act(before: Ownership, atMs: number): [Ownership, NumberedCall[]] {
  let state = before;
  const calls: NumberedCall[] = [];
  for (const lane of LANES) {
    const call = plan(state, lane, atMs);
    if (!call) continue;
    const id = state.lastCallId + 1;
    state = begin(state, lane, { id, call, atMs });
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
    case "aim":
      return retarget(state, event.aim, now);
    case "answered":
      return answered(state, event, now);
    case "failed":
      return setBack(state, event, now);
    default:
      return event satisfies never;
  }
}

/** Takes in the election's wish: new deaths and new doubts make us look at the cloud soon. */
function retarget(state: Ownership, aim: Aim, { atMs }: Circumstances): Ownership {
  const recorded = recordDeaths(state.evictions, aim, { holders: state.others, atMs });
  const began = aim.want === "hold" && state.aim?.want !== "hold";
  // What was seen before may be long past: we may have slept, or stood back.
  const evictions = began ? demandProof(recorded, atMs) : recorded;
  const waits = aim.want === "yield" && aim.successors.includes(state.confirmed ?? "");
  const claims = aim.claimant !== null && aim.claimant !== state.aim?.claimant;
  const anew = aim.want !== state.aim?.want || claims;
  const reluctant = aim.reluctant && !state.aim?.reluctant;
  const keeps = waits || (aim.reluctant && !reluctant);
  const next = {
    ...state,
    aim,
    evictions,
    reluctantAtMs: reluctant ? atMs : aim.reluctant ? state.reluctantAtMs : Infinity,
    confirmed: keeps ? state.confirmed : null,
    ...(anew && { inspectedCount: 0, inspectAtMs: atMs }),
  };
  if (aim.want !== "hold") return next;
  const deaths = [...evictions.keys()].some((id) => !state.evictions.has(id));
  // Who was dead to us and lives, or did not hear us and does, may have taken from us meanwhile.
  const heardBefore = state.aim?.alive ?? [];
  const revived = aim.alive.some((id) => state.evictions.has(id) && !heardBefore.includes(id)) ||
    (state.aim?.deaf.some((id) => !aim.deaf.includes(id)) ?? false);
  const challenged = aim.challenged && !state.aim?.challenged;
  // Who already has the address need not attach, but must learn who else has it. And before anything is taken from
  // the dead we make sure that it was not us who was given up.
  const stale = atMs >= state.seenAtMs + FRESH_SIGHT_MS;
  const now = (challenged && stale) || ((began || deaths) && state.holding) || reluctant;
  const soon = challenged || deaths || revived;
  return lookAt(
    next,
    ...(now ? [atMs] : []),
    ...(soon ? NEAR_LOOKS_MS.map((inMs) => atMs + inMs) : []),
  );
}

function begin(
  state: Ownership,
  lane: LaneName,
  { id, call, atMs }: { id: number; call: Call; atMs: number },
): Ownership {
  const inFlight = { id, call, startedAtMs: atMs, stale: false };
  const begun = { ...state, lastCallId: id, [lane]: { ...state[lane], inFlight } };
  if (lane !== "read") return outdate(begun);
  if (call.verb === "look") {
    const rest = state.looksAtMs.filter((lookAtMs) => lookAtMs > atMs);
    return { ...begun, lookedAtMs: atMs, looksAtMs: rest };
  }
  return call.verb === "inspect" ? { ...begun, inspectedCount: state.inspectedCount + 1 } : begun;
}

/** A failed change may have happened all the same, so the next thing is to look. */
function setBack(
  state: Ownership,
  event: Extract<OwnershipEvent, { kind: "failed" }>,
  { atMs, say }: Circumstances,
): Ownership {
  const lane = laneOf(state, event.id);
  const call = lane && state[lane].inFlight?.call;
  if (!lane || !call) return state;
  const startedAtMs = state[lane].inFlight?.startedAtMs ?? atMs;
  const next = { ...state, [lane]: failed(state[lane], event, atMs) };
  switch (call.verb) {
    case "prepare":
      return next;
    case "look":
      return lookAt(next, atMs);
    case "inspect":
      return { ...next, inspectAtMs: atMs + 1_000 };
    case "evict": {
      // Others may still be evicted, so it is the record that waits, not the lane.
      const setback = { ...event, startedAtMs, atMs };
      const evictions = postpone(state.evictions, call.instanceId, setback);
      return { ...next, evict: FRESH_LANE, evictions };
    }
    case "attach":
      if (event.released === undefined) return { ...next, holding: null };
      return noteReleased({ ...state, write: FRESH_LANE, holding: false }, event.released, {
        atMs,
        say,
      });
    case "detach-self":
      return { ...next, holding: null };
    default:
      return call satisfies never;
  }
}
