// Who should hold the Elastic IP. Pure: time comes in with the event, effects go out as values.
//
//   now                 what happened                            next             reason
//   backup, settling    hold-off not over                        same             settling
//   backup              no live peer ranks before us             master           best, equal, alone
//   backup              a worse one holds, told not to preempt   same             deferring
//   any                 cloud is back, but not for the holder    backup           deferring
//   master              a live peer ranks before us              backup           outranked
//   any                 this process woke up too late            same, hold-off   stalled
//   any                 cloud lost or stopping, a peer can serve backup           cloud-unreachable, leaving
//   any                 cloud lost or stopping, no peer can serve same            cloud-unreachable, leaving
//   any                 this node is not in the peer list        backup           unlisted
//   any                 an unknown holder may be a missing peer  backup           incomplete
//   any                 another machine has our id               backup, or same  twin
//   any                 unhealthy, a healthy peer can serve      backup           unhealthy
//   backup              unhealthy, and so are all before us      master           unhealthy
//   any                 asked to stand aside                     as if unhealthy  drained, demoted
//
// desired_state.ts derives what to do with the address; ownership/step.ts does it.
import {
  barred,
  cutOffHolder,
  deathAtMs,
  type Election,
  type ElectionSettings,
  expelled,
  holdOffMs,
  type MissingPeer,
  outranking,
  PASSED,
  passed,
  pending,
  ranksEqual,
  type Reason,
  type Role,
  selfEligible,
  settling,
  standsBack,
  storeReachable,
  type TwinHeard,
  twinned,
} from "./state.ts";
import {
  deadTimeMs,
  eligible,
  machinesOf,
  pathsOf,
  type Peer,
  type PeerIdentity,
  rankOf,
  repeats,
  unheard,
  withDeath,
} from "./peer.ts";
import { type Accepted, hear } from "./accept.ts";
import { type CandidatesEvent, meetCandidates } from "./candidates.ts";
import {
  type Aside,
  type AsideEvent,
  fit,
  plainAside,
  type PromoteEvent,
  unfitReason,
} from "./aside.ts";
import type { LeaseView } from "../lease/state.ts";
import { plain } from "../plain.ts";
import { giveUpMissing, inDoubt, missingWakeAtMs, noteMissing } from "./missing.ts";
import { limitedUntilMs, NO_MOVES, noteMoves } from "./moves.ts";
import { forgetTwin, hearTwin } from "./twin.ts";

/** How long a live holder without the cloud keeps the address after we reach the cloud again: two retries. */
const GRACE_MS = 6_000;
/** Longest reason for being unhealthy: it must fit into a log line and the answer to `info`. */
const UNHEALTHY_MAX_CHARS = 200;

/** The health of this node. */
export interface HealthEvent {
  readonly kind: "health";
  readonly healthy: boolean;
  /** Why it is unhealthy: the failing check, or the missing address. */
  readonly reason?: string;
}

/** What can happen to the election. */
export type ElectionEvent =
  | { readonly kind: "tick" }
  | Accepted
  | CandidatesEvent
  | {
    readonly kind: "members";
    readonly peers: readonly PeerIdentity[];
    /** Whether we are in the list as well. */
    readonly inPeerList: boolean;
    /** Configured peers whose address or machine is not known. */
    readonly missing?: readonly MissingPeer[];
    /** Our own addresses in private networks, if they were looked up. */
    readonly privateAddresses?: readonly string[];
  }
  | { readonly kind: "missing"; readonly missing: readonly MissingPeer[] }
  | { readonly kind: "kept"; readonly kept: boolean }
  | ({ readonly kind: "twin-heard" } & TwinHeard)
  | {
    readonly kind: "identified";
    readonly selfId: string;
    readonly addresses: readonly string[];
  }
  | { readonly kind: "holding"; readonly holding: boolean | null }
  /** A look that began after the sleep shows whether we hold. */
  | { readonly kind: "sighted" }
  | { readonly kind: "cloudReachable"; readonly cloudReachable: boolean }
  | { readonly kind: "lease"; readonly lease: LeaseView }
  | HealthEvent
  | { readonly kind: "settings"; readonly settings: ElectionSettings }
  | { readonly kind: "nudge"; readonly by: -1 | 1 }
  | AsideEvent
  | PromoteEvent
  | { readonly kind: "stop" };

/** The state at start: backup, listening. `peers` is null while the cloud has not listed them. */
export function startElection(
  settings: ElectionSettings,
  { atMs, selfId, run = null, peers, missing = [], aside = null, heartbeats = true }: {
    atMs: number;
    selfId: string | null;
    /** 64 random bits, not 0, unique to this process; null when heartbeats are not signed. */
    run?: bigint | null;
    peers: readonly PeerIdentity[] | null;
    missing?: readonly MissingPeer[];
    /** Set if the node was drained before it started. */
    aside?: Aside | null;
    /** If false, the node listens until the store lists it. */
    heartbeats?: boolean;
  },
): Election {
  return {
    settings,
    selfId,
    run,
    selfAddresses: [],
    privateAddresses: [],
    twin: null,
    rumour: null,
    suspect: null,
    priority: settings.priority,
    originalsUntilMs: -Infinity,
    cloudReachable: true,
    lease: null,
    healthy: true,
    unhealthyReason: "",
    aside: aside && plainAside(aside),
    inPeerList: true,
    stops: 0,
    holding: null,
    elected: "backup",
    role: "backup",
    reason: "settling",
    roleSinceMs: atMs,
    heartbeats,
    peers: new Map((peers ?? []).map((peer) => [peer.address, unheard(peer)])),
    repeated: repeats(peers ?? []),
    missing: noteMissing(new Map(), missing, atMs),
    kept: false,
    previousInterval: null,
    // With a preempt delay the node first learns whether it holds, see `standsBack`.
    heartbeatAtMs: !heartbeats
      ? Infinity
      : settings.preemptDelayMs > 0
      ? atMs + settings.intervalMs
      : atMs,
    settledAtMs: peers && heartbeats ? atMs + holdOffMs(settings) : Infinity,
    deferUntilMs: null,
    graceUntilMs: null,
    yieldUntilMs: null,
    moves: NO_MOVES,
    limitedUntilMs: null,
    wokeAtMs: null,
  };
}

/** The election after an event. */
export function elect(before: Election, event: ElectionEvent, atMs: number): Election {
  // More than one interval after our own deadline, this process slept, so it may not judge any peer. Without heartbeats
  // only the store judges.
  const slept = before.heartbeats && before.settledAtMs !== Infinity &&
    atMs > electionWakeAtMs(before) + before.settings.intervalMs;
  const awake = slept ? wokenUp(before, atMs) : before;
  return decideRole(noteMoves(awake, apply(awake, event, atMs), atMs), atMs);
}

/** With a preempt delay, a node that slept asks first whether it still holds, as one does that has just started. */
function wokenUp(before: Election, atMs: number): Election {
  const { settings, heartbeatAtMs } = before;
  const { intervalMs, preemptDelayMs } = settings;
  const awake: Election = {
    ...before,
    settledAtMs: atMs + holdOffMs(settings),
    reason: "stalled",
  };
  if (preemptDelayMs === 0) return awake;
  // If the others take us for dead, we first hear who of them holds; if not, our silence must end.
  const dead = atMs >= heartbeatAtMs - intervalMs + deadTimeMs(settings);
  return { ...awake, wokeAtMs: atMs, heartbeatAtMs: dead ? atMs + intervalMs : heartbeatAtMs };
}

/** When the election wants to be stepped next. */
export function electionWakeAtMs(state: Election): number {
  const { settledAtMs, deferUntilMs, graceUntilMs, yieldUntilMs, twin, rumour } = state;
  const deadlines = [settledAtMs, deferUntilMs, graceUntilMs, yieldUntilMs, state.limitedUntilMs];
  const heardOfAtMs = Math.min(twin?.untilMs ?? Infinity, rumour?.untilMs ?? Infinity);
  let wakeAtMs = Math.min(state.heartbeatAtMs, heardOfAtMs);
  for (const deadline of deadlines) {
    if (deadline !== null && deadline !== PASSED) wakeAtMs = Math.min(wakeAtMs, deadline);
  }
  wakeAtMs = Math.min(wakeAtMs, missingWakeAtMs(state.missing));
  if (settling(state)) return wakeAtMs;
  for (const peer of state.peers.values()) {
    if (peer.alive) wakeAtMs = Math.min(wakeAtMs, deathAtMs(peer, state));
  }
  return wakeAtMs;
}

function apply(state: Election, event: ElectionEvent, atMs: number): Election {
  switch (event.kind) {
    case "tick":
      return state;
    case "heard":
      return hear(state, event, atMs);
    case "candidates":
      return meetCandidates(state, event, atMs);
    case "members":
      return adopt(state, event, atMs);
    case "missing":
      return { ...state, missing: noteMissing(state.missing, event.missing, atMs) };
    case "kept":
      return { ...state, kept: event.kept };
    case "identified":
      return identified(state, event, atMs);
    case "twin-heard":
      return hearTwin(state, event, atMs);
    case "holding":
      return { ...state, holding: event.holding };
    case "sighted": {
      // A node that has lost the address in its sleep comes back like one that has just started.
      const elected = state.holding === false ? "backup" : state.elected;
      return { ...state, wokeAtMs: null, elected };
    }
    case "cloudReachable":
      return {
        ...state,
        cloudReachable: event.cloudReachable,
        graceUntilMs: event.cloudReachable ? atMs + GRACE_MS : null,
      };
    case "lease":
      return { ...state, lease: event.lease };
    case "health":
      return {
        ...state,
        healthy: event.healthy,
        unhealthyReason: event.healthy ? "" : plain(event.reason ?? "", UNHEALTHY_MAX_CHARS),
      };
    case "settings":
      return reconfigured(state, event.settings, atMs);
    case "nudge":
      return { ...state, priority: nudged(state.priority, event.by) };
    case "aside":
      return { ...state, aside: event.aside && plainAside(event.aside) };
    case "promote":
      return promoted(state);
    case "stop":
      return { ...state, stops: state.stops + 1 };
    default:
      return event satisfies never;
  }
}

function identified(
  state: Election,
  { selfId, addresses: selfAddresses }: { selfId: string; addresses: readonly string[] },
  atMs: number,
): Election {
  const own = [...selfAddresses, ...state.privateAddresses];
  const known = { ...state, selfId, selfAddresses: own };
  if (state.selfId !== null) return known;
  const spoken = { ...known, originalsUntilMs: atMs + state.settings.intervalMs };
  // Until now we sent nothing, and a signed peer proves that it lives only by echoing us: listen for another hold-off.
  const unproven = state.run !== null && [...state.peers.values()].some(({ proof }) => !proof);
  if (!unproven) return spoken;
  const holdOffAtMs = atMs + holdOffMs(state.settings);
  return { ...spoken, settledAtMs: Math.max(state.settledAtMs ?? PASSED, holdOffAtMs) };
}

/** A priority changed by signals survives a reload, unless the reload changes the configured priority. */
function reconfigured(state: Election, settings: ElectionSettings, atMs: number): Election {
  const same = settings.priority === state.settings.priority;
  const before = state.settings;
  const longer = settings.intervalMs > before.intervalMs;
  return {
    ...state,
    settings: { ...settings, elasticIp: state.settings.elasticIp },
    priority: same ? state.priority : settings.priority,
    previousInterval: longer
      ? { intervalMs: before.intervalMs, untilMs: atMs + 2 * deadTimeMs(before) }
      : state.previousInterval,
    heartbeatAtMs: state.heartbeats
      ? Math.min(state.heartbeatAtMs, atMs + settings.intervalMs)
      : Infinity,
  };
}

/** Signals keep the priority within 1 to 255. Only the configuration can set 0. */
function nudged(priority: number, by: -1 | 1): number {
  return Math.min(255, Math.max(Math.min(1, priority), priority + by));
}

/** Goes before every live peer, without waiting for a preempt delay. Only here a priority can become 0. */
function promoted(state: Election): Election {
  const first = Math.min(...outranking(state).map((peer) => rankOf(peer).priority));
  const priority = Math.max(0, Math.min(state.priority, first - 1));
  return { ...state, priority, deferUntilMs: PASSED };
}

function adopt(
  state: Election,
  event: Extract<ElectionEvent, { kind: "members" }>,
  atMs: number,
): Election {
  const { peers: identities, inPeerList, missing = [] } = event;
  const { privateAddresses = state.privateAddresses } = event;
  // While we were not in the list nobody sent to us, so the silence of the others proves nothing.
  const inPeerListAgain = inPeerList && !state.inPeerList;
  const peers = new Map(identities.map((identity) => {
    const known = state.peers.get(identity.address);
    // Another machine at a known address starts as unheard.
    const same = known && (known.heardAtMs === null || identity.wireId === null ||
      identity.wireId === known.heardId);
    if (!same) return [identity.address, unheard(identity)] as const;
    const { proof } = known;
    const judged = known.alive || !inPeerListAgain ? known : { ...unheard(identity), proof };
    return [identity.address, { ...judged, ...identity }] as const;
  }));
  // A backup must listen before it knows whether newcomers rank before it. So must a master that has not attached
  // because of missing peers.
  const instances = new Set([...state.peers.values()].map(({ instanceId }) => instanceId));
  const isNew = ({ address, instanceId }: PeerIdentity) =>
    !state.peers.has(address) && (instanceId === null || !instances.has(instanceId));
  const newcomers = inPeerListAgain || identities.some(isNew);
  const waits = state.holding !== true && inDoubt(state.missing);
  const listen = state.settledAtMs === Infinity ||
    (newcomers && state.settledAtMs === PASSED && (state.elected === "backup" || waits));
  const settledAtMs = listen ? atMs + holdOffMs(state.settings) : state.settledAtMs;
  return {
    ...state,
    inPeerList,
    peers,
    repeated: repeats(identities),
    privateAddresses,
    selfAddresses: [
      ...state.selfAddresses.filter((each) => !state.privateAddresses.includes(each)),
      ...privateAddresses,
    ],
    missing: noteMissing(state.missing, missing, atMs),
    settledAtMs,
  };
}

/** Decides the role. During the hold-off it judges no peer, but the node can still leave. */
export function decideRole(before: Election, atMs: number): Election {
  const settledAtMs = passed(before.settledAtMs, atMs);
  const missing = giveUpMissing(before.missing, atMs);
  const limited = passed(limitedUntilMs(before), atMs);
  const state = forgetTwin({ ...before, settledAtMs, missing, limitedUntilMs: limited }, atMs);
  if (settling(state) && state.stops === 0) {
    return { ...state, deferUntilMs: null, graceUntilMs: null, yieldUntilMs: null };
  }
  const judged = {
    ...state,
    peers: markDead(state, atMs),
    graceUntilMs: passed(state.graceUntilMs, atMs),
  };
  const deferUntilMs = standsBack(judged)
    ? passed(state.deferUntilMs ?? atMs + state.settings.preemptDelayMs, atMs)
    : null;
  const [elected, why] = roleOf({ ...judged, deferUntilMs });
  const [role, reason] = roleUnderLease(elected, why, judged);
  // An outranked node waits for a successor without limit; only a stopping node gives the address up unheld.
  const waits = state.stops > 0 && state.holding !== false;
  const patienceMs = state.settings.handoverTimeoutMs;
  return {
    ...judged,
    deferUntilMs,
    elected,
    role,
    reason,
    roleSinceMs: role === state.role ? state.roleSinceMs : atMs,
    yieldUntilMs: waits ? passed(state.yieldUntilMs ?? atMs + patienceMs, atMs) : null,
  };
}

/** Marks peers as dead that have been silent for the dead time. */
function markDead(state: Election, atMs: number): ReadonlyMap<string, Peer> {
  const silent = (peer: Peer) => peer.alive && deathAtMs(peer, state) <= atMs;
  if (![...state.peers.values()].some(silent)) return state.peers;
  const marked = [...state.peers].map(([address, peer]) =>
    [address, silent(peer) ? dead(peer, state, atMs) : peer] as const
  );
  return new Map(marked);
}

function dead(peer: Peer, state: Election, atMs: number): Peer {
  // A path that falls silent while the machine is heard on another one is no death.
  const lives = pathsOf(peer, state).some((path) => path.alive && deathAtMs(path, state) > atMs);
  const deathsAtMs = lives ? peer.deathsAtMs : withDeath(peer, state, atMs);
  return { ...peer, alive: false, deathsAtMs, diedWhileListed: state.inPeerList && peer.lived };
}

function roleOf(state: Election): [Role, Reason] {
  const better = outranking(state);
  // A holder keeps serving: it may not change anything in the cloud.
  if (twinned(state)) {
    return [barred(state) || better.length > 0 ? "backup" : state.elected, "twin"];
  }
  if (!selfEligible(state)) return [roleOfIneligible(state, better), whyIneligible(state)];
  if (better.length > 0) return ["backup", fit(state) ? "outranked" : unfitReason(state)];
  const patient = pending(state.graceUntilMs) && state.holding !== true && cutOffHolder(state);
  if (pending(state.deferUntilMs) || patient) return ["backup", "deferring"];
  if (!fit(state)) return ["master", unfitReason(state)];
  const rivals = machinesOf(state).filter(eligible);
  if (rivals.length === 0) return ["master", "alone"];
  const equals = rivals.some((peer) => ranksEqual(peer, state));
  return ["master", equals && !state.settings.exclusive ? "equal" : "best"];
}

/**
 * The role of a node that cannot serve: it makes way for one that can. If no node can, roles stay, unless no live node
 * has the address: then each node keeps trying. A node that suspects an unknown holder to be a missing peer does not
 * try.
 */
function roleOfIneligible(state: Election, better: readonly Peer[]): Role {
  const superseded = better.length > 0 || expelled(state);
  const { stops, kept } = state;
  const served = machinesOf(state).some(({ alive, trailer }) =>
    alive && (trailer === null || trailer.holds)
  );
  if (kept && stops === 0) return "backup";
  if (!superseded && !served && stops === 0) return "master";
  // A master that never got the address leaves it to the live node that serves it.
  return superseded || (state.holding !== true && cutOffHolder(state)) ? "backup" : state.elected;
}

/** Only the owner of the lease is master, and a holder without the store while nobody better is there. */
function roleUnderLease(
  elected: Role,
  why: Reason,
  { lease, holding }: Election,
): [Role, Reason] {
  if (lease === null || elected === "backup" || lease.owned) return [elected, why];
  if (!lease.reachable) return [holding === true ? "master" : "backup", "lease-store-lost"];
  // A stopping node has given the lease up, and asks for it no more.
  if (why === "leaving") return ["backup", why];
  if (lease.owner !== null) return ["backup", "lease-held"];
  return ["backup", lease.lost ? "lease-lost" : "lease-wanted"];
}

function whyIneligible(state: Election): Reason {
  const { stops, inPeerList, cloudReachable } = state;
  if (stops > 0) return "leaving";
  if (!inPeerList) return "unlisted";
  if (!storeReachable(state)) return "lease-store-lost";
  return cloudReachable ? "incomplete" : "cloud-unreachable";
}
