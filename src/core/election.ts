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
//
// What follows for the address is in aim.ts, what is done about it in ownership.ts.
import type { Heartbeat } from "./heartbeat.ts";
import {
  eligible,
  holdersAmong,
  type Peer,
  type PeerIdentity,
  rankOf,
  ranksBefore,
  unheard,
} from "./peer.ts";

/** Added to the hold-off so that the last heartbeat of the dead time can still arrive. Source: exoip, Skew. */
export const SKEW_MS = 100;
/** Advertised by a node that must not win. Source: spec section 5. */
export const LAST_PRIORITY = 255;

/** What the election is told once. */
export interface ElectionSettings {
  readonly elasticIp: string;
  /** Initial priority, 0 to 255, lower wins. */
  readonly priority: number;
  /** Time between heartbeats, 10 ms to 1 h. */
  readonly intervalMs: number;
  /** Intervals of silence after which a peer is dead, at least 1. */
  readonly deadRatio: number;
  /** Among equal best priorities only the lowest id is master. */
  readonly exclusive: boolean;
  /** How long a worse-ranked live holder is left alone: 0 preempts at once, Infinity never. */
  readonly preemptDelayMs: number;
  /** Longest wait for a successor to hold before giving the address up. */
  readonly handoverTimeoutMs: number;
}

/** Role in the original's words. */
export type Role = "backup" | "master";
/** Why a node has its role. */
export type Reason =
  | "settling"
  | "stalled"
  | "best"
  | "equal"
  | "alone"
  | "outranked"
  | "deferring"
  | "unable"
  | "leaving";
/** Why a well-formed heartbeat is not believed. */
export type DistrustReason =
  | "unknown-source"
  | "wrong-address"
  | "own-id"
  | "wrong-id"
  | "reordered";

/** The election's whole memory. Build with `startElection`, change with `elect`. */
export interface Election {
  readonly settings: ElectionSettings;
  /** Own id on the wire, null until the cloud has told it (API v1). */
  readonly selfId: string | null;
  readonly priority: number;
  readonly able: boolean;
  /** 0 while running, then how often we were asked to stop. */
  readonly stops: number;
  /** Whether the cloud shows the address on us, null while unknown. */
  readonly holding: boolean | null;
  readonly role: Role;
  readonly reason: Reason;
  readonly roleSinceMs: number;
  /** By address. */
  readonly peers: ReadonlyMap<string, Peer>;
  /** When the next heartbeat is due. */
  readonly heartbeatAtMs: number;
  /** End of the hold-off; Infinity until the peers are known. */
  readonly settledAtMs: Deadline;
  /** Until when a worse-ranked holder is left alone. */
  readonly deferUntilMs: Deadline;
  /** Until when we wait for a successor before giving the address up. */
  readonly yieldUntilMs: Deadline;
}

/** An instant to come, `PASSED` once it is over, null when it is not set. */
export type Deadline = number | null;
/** A deadline that is over: it still counts, but wakes nobody. */
export const PASSED = -Infinity;

/** What can happen to the election. */
export type ElectionEvent =
  | { readonly kind: "tick" }
  | { readonly kind: "heard"; readonly from: string; readonly heartbeat: Heartbeat }
  | { readonly kind: "members"; readonly peers: readonly PeerIdentity[] }
  | { readonly kind: "identified"; readonly selfId: string }
  | { readonly kind: "holding"; readonly holding: boolean | null }
  | { readonly kind: "able"; readonly able: boolean }
  | { readonly kind: "nudge"; readonly by: -1 | 1 }
  | { readonly kind: "stop" };

/** Silence after which a peer is dead. Source: exoip engine.go, PeerIsNewlyDead. */
export function deadTimeMs({ intervalMs, deadRatio }: ElectionSettings): number {
  return intervalMs * deadRatio;
}

/** How long a node only listens after its start. */
export function holdOffMs(settings: ElectionSettings): number {
  return deadTimeMs(settings) + SKEW_MS;
}

/** A node that has just started: backup, listening. `peers` is null when the cloud has yet to list them. */
export function startElection(
  settings: ElectionSettings,
  { atMs, selfId, peers }: {
    atMs: number;
    selfId: string | null;
    peers: readonly PeerIdentity[] | null;
  },
): Election {
  return {
    settings,
    selfId,
    priority: settings.priority,
    able: true,
    stops: 0,
    holding: null,
    role: "backup",
    reason: "settling",
    roleSinceMs: atMs,
    peers: new Map((peers ?? []).map((peer) => [peer.address, unheard(peer)])),
    // A node that may have to stand back first learns whether it holds: see `deferring`.
    heartbeatAtMs: settings.preemptDelayMs > 0 ? atMs + settings.intervalMs : atMs,
    settledAtMs: peers ? atMs + holdOffMs(settings) : Infinity,
    deferUntilMs: null,
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
  const deadlines = [state.settledAtMs, state.deferUntilMs, state.yieldUntilMs];
  for (const peer of state.peers.values()) {
    if (peer.alive && !settling(state)) deadlines.push(deathAtMs(peer, state));
  }
  return deadlines.reduce<number>(
    (wakeAtMs, deadline) =>
      Math.min(wakeAtMs, deadline === PASSED ? Infinity : deadline ?? Infinity),
    state.heartbeatAtMs,
  );
}

/** Whether the hold-off still runs. */
export function settling(state: Election): boolean {
  return state.settledAtMs !== PASSED;
}

/** Whether this node could be master. */
export function selfEligible(state: Election): boolean {
  return state.able && state.stops === 0;
}

/** Live eligible peers that rank before this node. */
export function outranking(state: Election): Peer[] {
  const self = { priority: state.priority, id: state.selfId ?? "" };
  return [...state.peers.values()].filter((peer) =>
    eligible(peer) &&
    (!selfEligible(state) || ranksBefore(rankOf(peer), self, state.settings.exclusive))
  );
}

/** Why a heartbeat must not be believed, or null when it may. */
export function distrust(
  { peers, settings, selfId }: Election,
  { from, heartbeat }: { from: string; heartbeat: Heartbeat },
): DistrustReason | null {
  const peer = peers.get(from);
  if (!peer) return "unknown-source";
  if (heartbeat.elasticIp !== settings.elasticIp) return "wrong-address";
  if (heartbeat.id === selfId) return "own-id";
  if (peer.wireId !== null && heartbeat.id !== peer.wireId) return "wrong-id";
  // Much older than the last one means a restart with another clock, not a late datagram.
  const lag = (peer.trailer?.sequence ?? 0) - (heartbeat.trailer?.sequence ?? Infinity);
  return lag >= 0 && lag < deadTimeMs(settings) ? "reordered" : null;
}

function apply(state: Election, event: ElectionEvent, atMs: number): Election {
  switch (event.kind) {
    case "tick":
      return state;
    case "heard":
      return distrust(state, event) ? state : hear(state, event, atMs);
    case "members":
      return adopt(state, event.peers, atMs);
    case "identified":
      return { ...state, selfId: event.selfId };
    case "holding":
      return { ...state, holding: event.holding };
    case "able":
      return { ...state, able: event.able };
    case "nudge":
      return { ...state, priority: Math.min(255, Math.max(1, state.priority + event.by)) };
    case "stop":
      return { ...state, stops: state.stops + 1 };
    default:
      return event satisfies never;
  }
}

function hear(
  state: Election,
  { from, heartbeat }: { from: string; heartbeat: Heartbeat },
  atMs: number,
): Election {
  const known = state.peers.get(from);
  if (!known) return state;
  const { priority, id: heardId, trailer } = heartbeat;
  const peer = { ...known, heardAtMs: atMs, alive: true, priority, heardId, trailer };
  return { ...state, peers: new Map(state.peers).set(from, peer) };
}

function adopt(state: Election, identities: readonly PeerIdentity[], atMs: number): Election {
  const peers = new Map(identities.map((identity) => {
    const known = state.peers.get(identity.address);
    // Another machine behind the same address has still to be heard.
    const same = known && (known.heardAtMs === null || identity.wireId === null ||
      identity.wireId === known.heardId);
    return [identity.address, same ? { ...known, ...identity } : unheard(identity)] as const;
  }));
  const settledAtMs = state.settledAtMs === Infinity
    ? atMs + holdOffMs(state.settings)
    : state.settledAtMs;
  return { ...state, peers, settledAtMs };
}

function deathAtMs(peer: Peer, { settings }: Election): number {
  return (peer.heardAtMs ?? -Infinity) + deadTimeMs(settings);
}

/** Decides the role, unless the hold-off still forbids to judge anyone (but not to leave). */
function judge(before: Election, atMs: number): Election {
  const state = { ...before, settledAtMs: passed(before.settledAtMs, atMs) };
  if (settling(state) && state.stops === 0) return state;
  const buried = { ...state, peers: bury(state, atMs) };
  const deferUntilMs = standsBack(buried)
    ? passed(state.deferUntilMs ?? atMs + state.settings.preemptDelayMs, atMs)
    : null;
  const [role, reason] = roleOf({ ...buried, deferUntilMs });
  const gaveWay = (role === "backup" || state.stops > 0) && state.holding !== false;
  return {
    ...buried,
    deferUntilMs,
    role,
    reason,
    roleSinceMs: role === state.role ? state.roleSinceMs : atMs,
    yieldUntilMs: gaveWay ? passed(state.yieldUntilMs ?? atMs + patienceMs(state), atMs) : null,
  };
}

function passed(deadline: Deadline, atMs: number): Deadline {
  return deadline !== null && deadline <= atMs ? PASSED : deadline;
}

function bury(state: Election, atMs: number): ReadonlyMap<string, Peer> {
  const silent = (peer: Peer) => peer.alive && deathAtMs(peer, state) <= atMs;
  if (![...state.peers.values()].some(silent)) return state.peers;
  const marked = [...state.peers].map(([address, peer]) =>
    [address, silent(peer) ? { ...peer, alive: false } : peer] as const
  );
  return new Map(marked);
}

/** A better node that has just started cannot act before its own hold-off is over; a successor can at once. */
function patienceMs({ settings, stops }: Election): number {
  return settings.handoverTimeoutMs + (stops > 0 ? 0 : holdOffMs(settings));
}

function roleOf(state: Election): [Role, Reason] {
  const better = outranking(state);
  if (!selfEligible(state)) {
    return [better.length > 0 ? "backup" : state.role, state.stops > 0 ? "leaving" : "unable"];
  }
  if (better.length > 0) return ["backup", "outranked"];
  if (state.deferUntilMs !== null && state.deferUntilMs !== PASSED) return ["backup", "deferring"];
  const rivals = [...state.peers.values()].filter(eligible);
  if (rivals.length === 0) return ["master", "alone"];
  return ["master", rivals.some((peer) => peer.priority === state.priority) ? "equal" : "best"];
}

/** Whether a worse-ranked node holds and we, not holding, were told to leave it for a while. */
export function standsBack(state: Election): boolean {
  return state.settings.preemptDelayMs > 0 && state.holding === false && state.role === "backup" &&
    holdersAmong(state.peers.values()).some((peer) => peer.priority > state.priority);
}
