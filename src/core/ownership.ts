// Makes the cloud agree with what the election wants: a level, compared with what was seen and repaired
// until both agree. Pure: calls leave as values with a number, answers come back as events with it. At most
// one reading and one changing call are under way; which one comes next is decided in next_call.ts.
import type { Aim } from "./aim.ts";
import {
  close,
  type Evictions,
  POWER_CHECK_MS,
  reappeared,
  recordDeaths,
  spare,
  spareAll,
  TRUST_MS,
} from "./evictions.ts";
import {
  failed,
  forgive,
  FRESH_LANE,
  type Lane,
  type Setback,
  succeeded,
  unableAtMs,
} from "./lane.ts";
import { ownershipWakeAtMs, plan } from "./next_call.ts";
import { type Report, report } from "./report.ts";

export { ownershipWakeAtMs };

/** After a death or a doubtful sighting the cloud is looked at again this soon, then as usual. */
const NEAR_LOOKS_MS = [2_000, 6_000];
/** A challenger is checked unless the cloud was seen this recently. */
const FRESH_SIGHT_MS = 2_000;

/** What the cloud can be asked, see `Cloud` in world.ts. */
export type Call =
  | { readonly verb: "prepare" }
  | { readonly verb: "look"; readonly others: boolean }
  | { readonly verb: "inspect"; readonly instanceId: string }
  | { readonly verb: "attach" }
  | { readonly verb: "detach-self" }
  | { readonly verb: "evict"; readonly instanceId: string; readonly onlyIfStopped: boolean };

/** What it answers. */
export type Answer =
  | { readonly verb: "prepare"; readonly holds: boolean }
  | { readonly verb: "look"; readonly holds: boolean; readonly others: readonly string[] | null }
  | { readonly verb: "inspect"; readonly holds: boolean }
  | { readonly verb: "attach" }
  | { readonly verb: "detach-self" }
  | { readonly verb: "evict"; readonly outcome: "taken" | "absent" | "running" };

/** What ownership is told once. */
export interface OwnershipSettings {
  /** Longest time between two looks at the cloud. */
  readonly reconcileMs: number;
  /** Failing for this long makes the node unable. */
  readonly deadTimeMs: number;
}

/** The whole memory of this machine. */
export interface Ownership {
  readonly settings: OwnershipSettings;
  readonly aim: Aim | null;
  readonly prepared: boolean;
  /** Whether the cloud shows the address on us, null when it must be asked. */
  readonly holding: boolean | null;
  readonly seenAtMs: number;
  /** When our own last change is sure to show. */
  readonly trustAtMs: number;
  /** Other holders at the last full look. */
  readonly others: readonly string[];
  /** The successor that the cloud shows as holder, null when none was found yet. */
  readonly confirmed: string | null;
  readonly inspectAtMs: number;
  readonly inspectedCount: number;
  /** Next looks, soonest first; the last one is the reconcile look. */
  readonly looksAtMs: readonly number[];
  readonly evictions: Evictions;
  readonly read: Lane;
  readonly write: Lane;
  readonly able: boolean;
  readonly lastCallId: number;
}

/** What can happen to ownership. `roll` is a random number in 0..1, for jitter. */
export type OwnershipEvent =
  | { readonly kind: "tick" }
  | { readonly kind: "aim"; readonly aim: Aim }
  | { readonly kind: "progress" }
  | {
    readonly kind: "answered";
    readonly id: number;
    readonly answer: Answer;
    readonly roll: number;
  }
  | ({ readonly kind: "failed"; readonly id: number; readonly roll: number } & Setback);

/** What ownership wants done. */
export type OwnershipEffect =
  | { readonly kind: "call"; readonly id: number; readonly call: Call }
  | ({ readonly kind: "report" } & Report);

/** A node that knows nothing of the cloud yet. */
export function startOwnership(settings: OwnershipSettings, atMs: number): Ownership {
  return {
    settings,
    aim: null,
    prepared: false,
    holding: null,
    seenAtMs: -Infinity,
    trustAtMs: -Infinity,
    others: [],
    confirmed: null,
    inspectAtMs: atMs,
    inspectedCount: 0,
    looksAtMs: [atMs + settings.reconcileMs],
    evictions: new Map(),
    read: FRESH_LANE,
    write: FRESH_LANE,
    able: true,
    lastCallId: 0,
  };
}

/** One step: what is known after the event, and the calls and reports that follow. */
export function own(
  before: Ownership,
  event: OwnershipEvent,
  atMs: number,
): [Ownership, OwnershipEffect[]] {
  const effects: OwnershipEffect[] = [];
  const say = (...args: Parameters<typeof report>) =>
    void effects.push({ kind: "report", ...report(...args) });
  let state = absorb(before, event, { atMs, say });
  state = { ...state, write: forgive(state.write, atMs) };
  const unable = unableAtMs(state) <= atMs;
  if (state.able === unable) {
    state = { ...state, able: !unable };
    if (unable) {
      say("warning", "cloud-lost", "cannot act on the cloud, stepping aside until it answers");
    } else say("info", "cloud-back", "the cloud answers again");
  }
  for (const lane of ["read", "write"] as const) {
    const call = plan(state, lane, atMs);
    if (!call) continue;
    const id = state.lastCallId + 1;
    state = begin(state, lane, { id, call, atMs });
    effects.push({ kind: "call", id, call });
  }
  return [state, effects];
}

type Circumstances = { atMs: number; say: (...args: Parameters<typeof report>) => void };

function absorb(state: Ownership, event: OwnershipEvent, now: Circumstances): Ownership {
  switch (event.kind) {
    case "tick":
      return state;
    case "progress":
      return {
        ...state,
        read: { ...state.read, progressAtMs: now.atMs },
        write: { ...state.write, progressAtMs: now.atMs },
      };
    case "aim":
      return retarget(state, event.aim, now);
    case "answered":
      return answered(state, event, now);
    case "failed":
      return setBack(state, event, now.atMs);
    default:
      return event satisfies never;
  }
}

function retarget(state: Ownership, aim: Aim, { atMs }: Circumstances): Ownership {
  const evictions = recordDeaths(state.evictions, aim, atMs);
  const died = [...evictions.keys()].some((id) => !state.evictions.has(id));
  const challenged = aim.want === "hold" && aim.challenged && !state.aim?.challenged &&
    atMs >= state.seenAtMs + FRESH_SIGHT_MS;
  const keepsWaiting = aim.want === "yield" && state.confirmed !== null &&
    aim.successors.includes(state.confirmed);
  const next = { ...state, aim, evictions, confirmed: keepsWaiting ? state.confirmed : null };
  if (challenged) return lookAt(next, [atMs]);
  return died && aim.want === "hold"
    ? lookAt(next, NEAR_LOOKS_MS.map((inMs) => atMs + inMs))
    : next;
}

/** A changing call makes a reading one that is under way worthless: it may show either state. */
function begin(
  state: Ownership,
  lane: "read" | "write",
  { id, call, atMs }: { id: number; call: Call; atMs: number },
): Ownership {
  const inFlight = { id, call, startedAtMs: atMs, stale: false };
  const begun = { ...state, lastCallId: id, [lane]: { ...state[lane], inFlight } };
  if (lane === "write") return outdate(begun);
  if (call.verb === "look") {
    const rest = state.looksAtMs.filter((lookAtMs) => lookAtMs > atMs);
    return { ...begun, looksAtMs: rest };
  }
  return call.verb === "inspect" ? { ...begun, inspectedCount: state.inspectedCount + 1 } : begun;
}

function outdate(state: Ownership): Ownership {
  const { inFlight } = state.read;
  return inFlight
    ? { ...state, read: { ...state.read, inFlight: { ...inFlight, stale: true } } }
    : state;
}

function answered(
  state: Ownership,
  { id, answer, roll }: Extract<OwnershipEvent, { kind: "answered" }>,
  now: Circumstances,
): Ownership {
  const lane = state.read.inFlight?.id === id ? "read" : "write";
  const flight = state[lane].inFlight;
  if (flight?.id !== id) return state;
  const landed = { ...state, [lane]: succeeded(state[lane]) };
  const { reconcileMs } = state.settings;
  const nextLook = now.atMs + reconcileMs * (1 + 0.1 * roll);
  const planned = landed.looksAtMs.length > 0 ? landed : { ...landed, looksAtMs: [nextLook] };
  switch (answer.verb) {
    case "prepare":
      return { ...planned, prepared: true, holding: answer.holds, seenAtMs: now.atMs };
    case "look":
      return flight.stale ? lookAt(planned, [now.atMs + 1_000]) : sight(planned, answer, now);
    case "inspect":
      return inspected(planned, flight.call, answer.holds, now.atMs);
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

function inspected(state: Ownership, call: Call, holds: boolean, atMs: number): Ownership {
  const confirmed = holds && call.verb === "inspect" ? call.instanceId : null;
  return { ...state, confirmed, inspectAtMs: atMs + 1_000 };
}

function changed(state: Ownership, holding: boolean, atMs: number): Ownership {
  return outdate({
    ...state,
    holding,
    confirmed: null,
    seenAtMs: atMs,
    trustAtMs: atMs + TRUST_MS,
  });
}

function evicted(
  state: Ownership,
  call: Call,
  outcome: "taken" | "absent" | "running",
  { atMs, say }: Circumstances,
): Ownership {
  if (call.verb !== "evict") return state;
  const { instanceId } = call;
  if (outcome === "running") {
    const text = `instance ${instanceId} holds the Elastic IP and runs, though we do not hear it`;
    say("warning", "holder-unheard", `${text}: it is left alone, and so is every other silent one`);
    const spared = spareAll(state.evictions, atMs);
    return { ...state, evictions: spare(spared, instanceId, atMs + POWER_CHECK_MS) };
  }
  if (outcome === "taken") {
    say("warning", "evicted", `took the Elastic IP from instance ${instanceId}, which is dead`);
  }
  return {
    ...state,
    evictions: close(state.evictions, instanceId, atMs),
    others: state.others.filter((id) => id !== instanceId),
  };
}

/** Takes in what the cloud shows, and what it proves when it contradicts what we did. */
function sight(
  state: Ownership,
  { holds, others }: Extract<Answer, { verb: "look" }>,
  { atMs, say }: Circumstances,
): Ownership {
  // Our own change may not show yet: no evidence, look again when it must.
  const early = atMs < state.trustAtMs && holds !== state.holding;
  if (early) return lookAt(state, [state.trustAtMs]);
  let next: Ownership = {
    ...state,
    holding: holds,
    seenAtMs: atMs,
    others: others ?? state.others,
  };
  const mine = state.aim?.want === "hold";
  if (mine && state.holding === true && !holds) {
    say("warning", "hold-vanished", "the Elastic IP was taken from this instance by another hand");
    next = { ...next, evictions: spareAll(next.evictions, atMs) };
  }
  if (!mine || others === null) return next;
  const suspects = [
    ...reappeared(next.evictions, others, atMs),
    ...others.filter((id) => state.aim?.unheard.includes(id) && !next.evictions.has(id)),
  ];
  for (const id of suspects) next = { ...next, evictions: spare(next.evictions, id, atMs) };
  return next;
}

/** A failed change may have happened all the same, so the next thing is to look. */
function setBack(
  state: Ownership,
  event: Extract<OwnershipEvent, { kind: "failed" }>,
  atMs: number,
): Ownership {
  const lane = state.read.inFlight?.id === event.id ? "read" : "write";
  const flight = state[lane].inFlight;
  if (flight?.id !== event.id) return state;
  const lost = failed(state[lane], event, atMs);
  const next = { ...state, [lane]: lost };
  switch (flight.call.verb) {
    case "prepare":
      return next;
    case "look":
      return lookAt(next, [atMs]);
    case "inspect":
      return { ...next, inspectAtMs: atMs + 1_000 };
    case "evict":
      // A master that cannot evict still serves: only what it needs for itself makes it unable.
      return { ...next, write: { ...lost, failingSinceMs: state.write.failingSinceMs } };
    case "attach":
    case "detach-self":
      return { ...next, holding: null };
    default:
      return flight.call satisfies never;
  }
}

function lookAt(state: Ownership, atMs: readonly number[]): Ownership {
  return { ...state, looksAtMs: [...new Set([...state.looksAtMs, ...atMs])].sort((a, b) => a - b) };
}
