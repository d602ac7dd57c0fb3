// Who should hold the Elastic IP. Pure: time comes in with the event, effects go out as values.
//
//   now                 what happened                            next             reason
//   backup, settling    hold-off not over                        same             settling
//   backup              no live peer ranks before us             master           best, equal, alone
//   backup              a worse one holds, told not to preempt   same             deferring
//   master              a live peer ranks before us              backup           outranked
//   any                 our own wake-up came too late            same, hold-off   stalled
//   any                 cloud lost or stopping, a peer can serve backup           unable, leaving
//   any                 cloud lost or stopping, nobody can serve same             unable, leaving
//   any                 the list of peers has not us             backup           unlisted
//   any                 an unknown holder may be a missing peer  backup           incomplete
//   any                 another machine has our id               backup, or same  twin
//   any                 unhealthy, a healthy peer can serve      backup           unhealthy
//   backup              unwell, as all that are before us        master           unhealthy
//
// What follows for the address is in aim.ts, what is done about it in ownership.ts.
import {
  deadTimeMs,
  deathAtMs,
  type Election,
  type ElectionSettings,
  type Heard,
  holdOffMs,
  type MissingPeer,
  PASSED,
  settling,
  type TwinHeard,
} from "./state.ts";
import { hear } from "./hear.ts";
import { decideRole } from "./decide_role.ts";
import { inDoubt, missingWakeAtMs, noteMissing } from "./missing.ts";
import { type PeerIdentity, repeats, unheard } from "./peer.ts";
import { rejectionOf } from "./accept.ts";
import { hearTwin } from "./twin.ts";

/** How long after the cloud came back a live holder without it is left alone: two retries. */
export const GRACE_MS = 6_000;

/** What can happen to the election. */
export type ElectionEvent =
  | { readonly kind: "tick" }
  | ({ readonly kind: "heard" } & Heard)
  | {
    readonly kind: "members";
    readonly peers: readonly PeerIdentity[];
    /** Whether we are in the list that they come from. */
    readonly inPeerList: boolean;
    /** Those that the configuration names, too, and that cannot be placed. */
    readonly missing?: readonly MissingPeer[];
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
  | { readonly kind: "cloudReachable"; readonly cloudReachable: boolean }
  | { readonly kind: "health"; readonly healthy: boolean }
  | { readonly kind: "settings"; readonly settings: ElectionSettings }
  | { readonly kind: "nudge"; readonly by: -1 | 1 }
  | { readonly kind: "stop" };

/** A node that has just started: backup, listening. `peers` is null when the cloud has yet to list them. */
export function startElection(
  settings: ElectionSettings,
  { atMs, selfId, run = null, peers, missing = [] }: {
    atMs: number;
    selfId: string | null;
    /** 64 random bits, not 0, that no other process has; null when heartbeats are not signed. */
    run?: bigint | null;
    peers: readonly PeerIdentity[] | null;
    missing?: readonly MissingPeer[];
  },
): Election {
  return {
    settings,
    selfId,
    run,
    selfAddresses: [],
    twin: null,
    rumour: null,
    suspect: null,
    priority: settings.priority,
    originalsUntilMs: -Infinity,
    cloudReachable: true,
    healthy: true,
    inPeerList: true,
    stops: 0,
    holding: null,
    role: "backup",
    reason: "settling",
    roleSinceMs: atMs,
    peers: new Map((peers ?? []).map((peer) => [peer.address, unheard(peer)])),
    repeated: repeats(peers ?? []),
    missing: noteMissing(new Map(), missing, atMs),
    kept: false,
    previousInterval: null,
    // A node that may have to stand back first learns whether it holds, see `standsBack`.
    heartbeatAtMs: settings.preemptDelayMs > 0 ? atMs + settings.intervalMs : atMs,
    settledAtMs: peers ? atMs + holdOffMs(settings) : Infinity,
    deferUntilMs: null,
    graceUntilMs: null,
    yieldUntilMs: null,
  };
}

/** One step: what the node believes after the event. */
export function elect(before: Election, event: ElectionEvent, atMs: number): Election {
  // Later than one interval behind our own deadline: it was us who slept, so nobody may be judged.
  const slept = before.settledAtMs !== Infinity &&
    atMs > electionWakeAtMs(before) + before.settings.intervalMs;
  const awake: Election = slept
    ? { ...before, settledAtMs: atMs + holdOffMs(before.settings), reason: "stalled" }
    : before;
  return decideRole(apply(awake, event, atMs), atMs);
}

/** When the election wants to be stepped next. */
export function electionWakeAtMs(state: Election): number {
  const { settledAtMs, deferUntilMs, graceUntilMs, yieldUntilMs, twin, rumour } = state;
  const heardOfAtMs = Math.min(twin?.untilMs ?? Infinity, rumour?.untilMs ?? Infinity);
  let wakeAtMs = Math.min(state.heartbeatAtMs, heardOfAtMs);
  for (const deadline of [settledAtMs, deferUntilMs, graceUntilMs, yieldUntilMs]) {
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
      return rejectionOf(state, event, atMs) ? state : hear(state, event, atMs);
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
    case "cloudReachable":
      return {
        ...state,
        cloudReachable: event.cloudReachable,
        graceUntilMs: event.cloudReachable ? atMs + GRACE_MS : null,
      };
    case "health":
      return { ...state, healthy: event.healthy };
    case "settings":
      return reconfigured(state, event.settings, atMs);
    case "nudge":
      return { ...state, priority: nudged(state.priority, event.by) };
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
  const known = { ...state, selfId, selfAddresses };
  if (state.selfId !== null) return known;
  const spoken = { ...known, originalsUntilMs: atMs + state.settings.intervalMs };
  // So far nobody could hear us, and without an echo of ours no signed peer can prove that it lives.
  const unproven = state.run !== null && [...state.peers.values()].some(({ proof }) => !proof);
  if (!unproven) return spoken;
  const holdOffAtMs = atMs + holdOffMs(state.settings);
  return { ...spoken, settledAtMs: Math.max(state.settledAtMs ?? PASSED, holdOffAtMs) };
}

/** A priority that signals have changed stays so unless the configured one has changed, too. */
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
    heartbeatAtMs: Math.min(state.heartbeatAtMs, atMs + settings.intervalMs),
  };
}

/** Within 1 to 255; 0, which only a configuration can give, gets no better. */
function nudged(priority: number, by: -1 | 1): number {
  return Math.min(255, Math.max(Math.min(1, priority), priority + by));
}

function adopt(
  state: Election,
  { peers: identities, inPeerList, missing = [] }: Extract<ElectionEvent, { kind: "members" }>,
  atMs: number,
): Election {
  // While the list had not us nobody spoke to us: that the others were silent proves nothing.
  const inPeerListAgain = inPeerList && !state.inPeerList;
  const peers = new Map(identities.map((identity) => {
    const known = state.peers.get(identity.address);
    // Another machine behind the same address has still to be heard.
    const same = known && (known.heardAtMs === null || identity.wireId === null ||
      identity.wireId === known.heardId);
    if (!same) return [identity.address, unheard(identity)] as const;
    const { proof } = known;
    const judged = known.alive || !inPeerListAgain ? known : { ...unheard(identity), proof };
    return [identity.address, { ...judged, ...identity }] as const;
  }));
  // A backup cannot know whether newcomers rank before it until they had the time to be heard; nor can a master that
  // did not dare to attach before it knew them.
  const newcomers = inPeerListAgain || identities.some(({ address }) => !state.peers.has(address));
  const waits = state.holding !== true && inDoubt(state.missing);
  const listen = state.settledAtMs === Infinity ||
    (newcomers && state.settledAtMs === PASSED && (state.role === "backup" || waits));
  const settledAtMs = listen ? atMs + holdOffMs(state.settings) : state.settledAtMs;
  return {
    ...state,
    inPeerList,
    peers,
    repeated: repeats(identities),
    missing: noteMissing(state.missing, missing, atMs),
    settledAtMs,
  };
}
