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
//   any                 unwell, and a well peer can serve        backup           unhealthy
//   backup              unwell, as all that are before us        master           unhealthy
//
// What follows for the address is in aim.ts, what is done about it in ownership.ts.
import {
  deadTimeMs,
  deathAtMs,
  type Election,
  type ElectionSettings,
  holdOffMs,
  PASSED,
  settling,
} from "./election_state.ts";
import type { Trailer } from "./heartbeat.ts";
import { judge } from "./judgement.ts";
import { inDoubt, type MissingPeer, missingWakeAtMs, noteMissing } from "./missing.ts";
import { type PeerIdentity, repeats, unheard } from "./peer.ts";
import { distrust, type Heard } from "./trust.ts";

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
    readonly listed: boolean;
    /** Those that the configuration names, too, and that cannot be placed. */
    readonly missing?: readonly MissingPeer[];
  }
  | { readonly kind: "missing"; readonly missing: readonly MissingPeer[] }
  | { readonly kind: "kept"; readonly kept: boolean }
  | { readonly kind: "identified"; readonly selfId: string }
  | { readonly kind: "holding"; readonly holding: boolean | null }
  | { readonly kind: "able"; readonly able: boolean }
  | { readonly kind: "health"; readonly healthy: boolean }
  | { readonly kind: "settings"; readonly settings: ElectionSettings }
  | { readonly kind: "nudge"; readonly by: -1 | 1 }
  | { readonly kind: "stop" };

/** A node that has just started: backup, listening. `peers` is null when the cloud has yet to list them. */
export function startElection(
  settings: ElectionSettings,
  { atMs, selfId, peers, missing = [] }: {
    atMs: number;
    selfId: string | null;
    peers: readonly PeerIdentity[] | null;
    missing?: readonly MissingPeer[];
  },
): Election {
  return {
    settings,
    selfId,
    priority: settings.priority,
    originalsUntilMs: -Infinity,
    able: true,
    healthy: true,
    listed: true,
    stops: 0,
    holding: null,
    role: "backup",
    reason: "settling",
    roleSinceMs: atMs,
    peers: new Map((peers ?? []).map((peer) => [peer.address, unheard(peer)])),
    repeated: repeats(peers ?? []),
    missing: noteMissing(new Map(), missing, atMs),
    kept: false,
    brisk: null,
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
  return judge(apply(awake, event, atMs), atMs);
}

/** When the election wants to be stepped next. */
export function electionWakeAtMs(state: Election): number {
  const { settledAtMs, deferUntilMs, graceUntilMs, yieldUntilMs } = state;
  let wakeAtMs = state.heartbeatAtMs;
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

/** Whether it says what the peer's last one said, so that nothing follows from it but that the peer lives. */
export function saysNothingNew(
  { peers }: Election,
  { from, heartbeat }: Heard,
): boolean {
  const peer = peers.get(from);
  if (!peer?.alive || peer.deafSinceMs !== null) return false;
  const { priority, id, trailer } = heartbeat;
  return priority === peer.priority && id === peer.heardId && sameFlags(trailer, peer.trailer);
}

function sameFlags(one: Trailer | null, other: Trailer | null): boolean {
  if (one === null || other === null) return one === other;
  return one.holds === other.holds && one.leaving === other.leaving &&
    one.unable === other.unable && one.unhealthy === other.unhealthy &&
    one.ownPriority === other.ownPriority && one.intervalMs === other.intervalMs &&
    one.hearsYou && other.hearsYou;
}

function apply(state: Election, event: ElectionEvent, atMs: number): Election {
  switch (event.kind) {
    case "tick":
      return state;
    case "heard":
      return distrust(state, event) ? state : hear(state, event, atMs);
    case "members":
      return adopt(state, event, atMs);
    case "missing":
      return { ...state, missing: noteMissing(state.missing, event.missing, atMs) };
    case "kept":
      return { ...state, kept: event.kept };
    case "identified":
      return state.selfId === null
        ? { ...state, selfId: event.selfId, originalsUntilMs: atMs + state.settings.intervalMs }
        : { ...state, selfId: event.selfId };
    case "holding":
      return { ...state, holding: event.holding };
    case "able":
      return { ...state, able: event.able, graceUntilMs: event.able ? atMs + GRACE_MS : null };
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

/** A priority that signals have changed stays so unless the configured one has changed, too. */
function reconfigured(state: Election, settings: ElectionSettings, atMs: number): Election {
  const same = settings.priority === state.settings.priority;
  const before = state.settings;
  const longer = settings.intervalMs > before.intervalMs;
  return {
    ...state,
    settings: { ...settings, elasticIp: state.settings.elasticIp },
    priority: same ? state.priority : settings.priority,
    brisk: longer
      ? { intervalMs: before.intervalMs, untilMs: atMs + 2 * deadTimeMs(before) }
      : state.brisk,
    heartbeatAtMs: Math.min(state.heartbeatAtMs, atMs + settings.intervalMs),
  };
}

/** Within 1 to 255; 0, which only a configuration can give, gets no better. */
function nudged(priority: number, by: -1 | 1): number {
  return Math.min(255, Math.max(Math.min(1, priority), priority + by));
}

/** The state with the heartbeat noted, and nothing concluded from it. */
export function hear(
  state: Election,
  { from, heartbeat, sealed = false }: Heard,
  atMs: number,
): Election {
  const known = state.peers.get(from);
  if (!known) return state;
  const { priority, id: heardId, trailer } = heartbeat;
  const deafBeforeMs = known.alive ? known.deafSinceMs : null;
  const deafSinceMs = trailer && !trailer.hearsYou ? deafBeforeMs ?? atMs : null;
  const sealedSequence = sealed && trailer ? trailer.sequence : known.sealedSequence;
  const said = { priority, heardId, trailer, deafSinceMs, sealedSequence };
  const peer = { ...known, heardAtMs: atMs, alive: true, ...said };
  return { ...state, peers: new Map(state.peers).set(from, peer) };
}

/** The state with the peer, if it lives, known to live at that instant, and nothing else. */
export function touch(state: Election, from: string, atMs: number): Election {
  const peer = state.peers.get(from);
  if (!peer?.alive) return state;
  return { ...state, peers: new Map(state.peers).set(from, { ...peer, heardAtMs: atMs }) };
}

function adopt(
  state: Election,
  { peers: identities, listed, missing = [] }: Extract<ElectionEvent, { kind: "members" }>,
  atMs: number,
): Election {
  // While the list had not us nobody spoke to us: that the others were silent proves nothing.
  const relisted = listed && !state.listed;
  const peers = new Map(identities.map((identity) => {
    const known = state.peers.get(identity.address);
    // Another machine behind the same address has still to be heard.
    const same = known && (known.heardAtMs === null || identity.wireId === null ||
      identity.wireId === known.heardId);
    if (!same) return [identity.address, unheard(identity)] as const;
    const { sealedSequence } = known;
    const judged = known.alive || !relisted ? known : { ...unheard(identity), sealedSequence };
    return [identity.address, { ...judged, ...identity }] as const;
  }));
  // A backup cannot know whether newcomers rank before it until they had the time to be heard; nor can a master that
  // did not dare to attach before it knew them.
  const newcomers = relisted || identities.some(({ address }) => !state.peers.has(address));
  const waits = state.holding !== true && inDoubt(state.missing);
  const listen = state.settledAtMs === Infinity ||
    (newcomers && state.settledAtMs === PASSED && (state.role === "backup" || waits));
  const settledAtMs = listen ? atMs + holdOffMs(state.settings) : state.settledAtMs;
  return {
    ...state,
    listed,
    peers,
    repeated: repeats(identities),
    missing: noteMissing(state.missing, missing, atMs),
    settledAtMs,
  };
}
