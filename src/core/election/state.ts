// The election's state, and questions about it. Questions never change it.
import type { Reason } from "../registry/role_reasons.ts";
import {
  BEST_PRIORITY,
  deadTimeMs,
  deadTimeOfMs,
  eligible,
  machinesOf,
  type Peer,
  type Rank,
  rankOf,
  ranksBefore,
  sameRank,
  unhealthy,
} from "./peer.ts";
import { type Aside, fit } from "./aside.ts";
import type { Heartbeat, Mark, Stamp } from "../heartbeat.ts";
import type { LeaseView } from "../lease/state.ts";

export type { Reason };

/** Added to the hold-off so that the last heartbeat of the dead time can still arrive. Source: exoip, Skew. */
export const SKEW_MS = 100;

/** Settings of the election; only a reload changes them. */
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
  /** Longest wait for a successor to hold when asked to stop. */
  readonly handoverTimeoutMs: number;
  /** After that many moves the address stays with a holder that can serve; null without a limit. */
  readonly moveLimit: MoveLimit | null;
}

/** At most that many moves within that time. */
export interface MoveLimit {
  /** 1 to 1000. */
  readonly moves: number;
  /** 1 min to 1 d. */
  readonly withinMs: number;
}

/** What a node remembers of moves; nothing without a limit. */
export interface Moves {
  /** The node that was last seen to get the address: an instance id, `SELF`, or null before the first. */
  readonly holder: string | null;
  /** When the latest moves were seen, the oldest first: as many as the limit has. */
  readonly atMs: readonly number[];
}

/** Role in the original's words. */
export type Role = "backup" | "master";

/** A future instant; `PASSED` once it is over, null when it is not set. */
export type Deadline = number | null;
/** A deadline that is over: it still counts, but causes no wake-up. */
export const PASSED = -Infinity;

/** A configured peer whose address or machine is not known. */
export interface MissingPeer {
  /** As the configuration names it. */
  readonly peer: string;
  /** True if a name server or the cloud says that it does not exist, false if there was no answer. */
  readonly denied: boolean;
}

/**
 * Until when each missing peer is a reason for doubt: Infinity while there is no answer, -Infinity once the doubt is
 * over.
 */
export type MissingPeers = ReadonlyMap<string, number>;

/** Another machine that uses our id. */
export interface Twin {
  readonly address: string;
  readonly firstAtMs: number;
  /** Heard often enough to be believed. */
  readonly certain: boolean;
  /** Its last signed heartbeat, null without one. A recording that is sent again has no higher sequence. */
  readonly mark: Mark | null;
  /** When it counts as gone unless it is heard again. */
  readonly untilMs: number;
}

/** Unsigned heartbeats with our id, from addresses that are neither a peer's nor ours. */
export interface Rumour {
  /** The first sender. */
  readonly address: string;
  readonly firstAtMs: number;
  /** Heard often enough to tell the operator. */
  readonly told: boolean;
  readonly untilMs: number;
}

/** A sender with our id that has not proved to be another machine, and its last heartbeat if that was signed. */
export interface Suspect {
  readonly address: string;
  readonly mark: Mark | null;
  /** When we asked it for proof. */
  readonly askedAtMs: number;
}

/** The election's whole memory. Build with `startElection`, change with `elect`. */
export interface Election {
  readonly settings: ElectionSettings;
  /** This node's id in heartbeats, null until the cloud has told it (API v1). */
  readonly selfId: string | null;
  /** This process's run, null when it does not sign. */
  readonly run: bigint | null;
  /** Our own addresses as the cloud lists them, empty until it has answered. */
  readonly selfAddresses: readonly string[];
  /** Those of them that are in private networks. */
  readonly privateAddresses: readonly string[];
  /** Another machine that sends heartbeats with our id, null while none is heard. */
  readonly twin: Twin | null;
  /** Heartbeats with our id that anybody could have forged, null while there are none. */
  readonly rumour: Rumour | null;
  /** A sender that may be such a machine and was asked to prove it, null when none was. */
  readonly suspect: Suspect | null;
  readonly priority: number;
  /** Until then a peer that was never heard may run original exoip. There are no such peers on API v2. */
  readonly originalsUntilMs: number;
  /** Whether we reach the cloud and can change the Elastic IP there. */
  readonly cloudReachable: boolean;
  /** What we know about the lease, null without one. */
  readonly lease: LeaseView | null;
  /** Whether our checks find us healthy. */
  readonly healthy: boolean;
  /** Why we are unhealthy, at most 200 characters on one line; empty while healthy or if no reason was given. */
  readonly unhealthyReason: string;
  /** Set while an operator wants this node to stand aside; it then ranks as an unhealthy one does. */
  readonly aside: Aside | null;
  /** Whether this node is in the peer list. If it is not, the other nodes do not hear us. */
  readonly inPeerList: boolean;
  /** How often we were asked to stop; 0 while running. */
  readonly stops: number;
  /** Whether the cloud shows the address on us, null while unknown. */
  readonly holding: boolean | null;
  /** The role that the election alone would give; only the owner of a lease gets `role` of master. */
  readonly elected: Role;
  readonly role: Role;
  readonly reason: Reason;
  readonly roleSinceMs: number;
  /** False: the nodes send no heartbeats, and the store of the lease lists the peers, see candidates.ts. */
  readonly heartbeats: boolean;
  /** By address; without heartbeats, by instance. */
  readonly peers: ReadonlyMap<string, Peer>;
  /** Whether some machine is a peer at several addresses. */
  readonly repeated: boolean;
  /** Configured peers whose address or machine is not known. */
  readonly missing: MissingPeers;
  /** Whether an unknown instance holds the address and may be a missing peer; we leave the address with it. */
  readonly kept: boolean;
  /**
   * Until when we still send at the previous, shorter interval, so that every peer learns the longer one; null after
   * that.
   */
  readonly previousInterval: { readonly intervalMs: number; readonly untilMs: number } | null;
  /** When the next heartbeat is due. */
  readonly heartbeatAtMs: number;
  /** End of the hold-off; Infinity until the peers are known. */
  readonly settledAtMs: Deadline;
  /** Until when a worse-ranked holder keeps the address. */
  readonly deferUntilMs: Deadline;
  /**
   * When this process woke from a sleep, until a look shows whether we still hold: others may have taken the address
   * meanwhile. Null otherwise, and always without a preempt delay.
   */
  readonly wokeAtMs: number | null;
  /** After we reach the cloud again: until when a holder that does not reach it yet keeps the address. */
  readonly graceUntilMs: Deadline;
  /** After a request to stop: until when we wait for a successor before we give the address up. */
  readonly yieldUntilMs: Deadline;
  /** The moves seen, as far as the move limit needs them. */
  readonly moves: Moves;
  /** Until when the move limit is reached. */
  readonly limitedUntilMs: Deadline;
}

/** A received heartbeat. */
export interface Heard {
  readonly from: string;
  readonly heartbeat: Heartbeat;
  /** Its signature is valid. */
  readonly signed?: boolean;
}

/** A heartbeat with our own id that we did not send. */
export interface TwinHeard {
  readonly from: string;
  /** Its signature is valid. */
  readonly signed: boolean;
  /** Null in the original's format. */
  readonly sequence: number | null;
  readonly stamp: Stamp | null;
  readonly intervalMs: number | null;
}

/** How long a node only listens after its start. */
export function holdOffMs(settings: ElectionSettings): number {
  return deadTimeMs(settings) + SKEW_MS;
}

/** When a peer that stays silent is dead; without heartbeats no peer is silent. */
export function deathAtMs(peer: Peer, { settings, heartbeats }: Election): number {
  if (!heartbeats) return Infinity;
  return (peer.heardAtMs ?? -Infinity) + deadTimeOfMs(peer, settings);
}

/** Whether a live peer has not heard us for the dead time: the link between us works one way only. */
export function oneWay(peer: Peer, { settings }: Election): boolean {
  const { alive, heardAtMs, notHearingUsSinceMs } = peer;
  return alive && heardAtMs !== null && notHearingUsSinceMs !== null &&
    heardAtMs - notHearingUsSinceMs >= deadTimeOfMs(peer, settings);
}

/** `PASSED` once it is over. */
export function passed(deadline: Deadline, atMs: number): Deadline {
  return deadline !== null && deadline <= atMs ? PASSED : deadline;
}

/** Whether the deadline is set and still to come. */
export function pending(deadline: Deadline): boolean {
  return deadline !== null && deadline !== PASSED;
}

/** Whether the hold-off is still running. */
export function settling({ settledAtMs }: Election): boolean {
  return settledAtMs !== PASSED;
}

/** Whether this node could be master. */
export function selfEligible(state: Election): boolean {
  return state.cloudReachable && storeReachable(state) && state.inPeerList && !state.kept &&
    state.stops === 0 && !barred(state);
}

/** Whether the store of the lease answers, if there is one. */
export function storeReachable({ lease }: Election): boolean {
  return lease?.reachable !== false;
}

/** Whether another machine uses our id, so that we may change nothing in the cloud. */
export function twinned({ twin }: Election): boolean {
  return twin?.certain === true;
}

/** Whether a twin bars us from serving: only while we do not hold. A holder goes on serving. */
export function barred(state: Election): boolean {
  return twinned(state) && state.holding !== true;
}

/** Whether we are no longer in the peer list while a peer in it lives: the peers act without us. Alone, we go on. */
export function expelled({ inPeerList, peers }: Election): boolean {
  return !inPeerList && [...peers.values()].some(({ alive }) => alive);
}

/** This node's rank. */
export function selfRank(state: Election): Rank {
  const { priority, selfId } = state;
  const keeps = keepsHere(state) && priority !== BEST_PRIORITY;
  return { unhealthy: !fit(state), keeps, priority, id: selfId ?? "" };
}

/**
 * Whether this node keeps the address because it has moved too often. A holder that is about to hand over does not: the
 * next node may hold already.
 */
export function keepsHere(state: Election): boolean {
  return pending(state.limitedUntilMs) && state.elected === "master" && state.holding === true &&
    fit(state) && selfEligible(state);
}

/** Live peers that should serve rather than this node. */
export function outranking(state: Election): Peer[] {
  return machinesOf(state).filter((peer) => goesBefore(peer, state));
}

function goesBefore(peer: Peer, state: Election): boolean {
  // A healthy node that holds but cannot reach the cloud serves better than an unhealthy one that can.
  if (!eligible(peer)) return !fit(state) && !unhealthy(peer) && holdsUnable(peer);
  if (state.stops > 0 || !state.inPeerList || barred(state)) return true;
  // Without the cloud, without the store, or in doubt about a holder, we make way for healthy nodes, and for unhealthy
  // ones only if we are unhealthy too.
  if (!state.cloudReachable || !storeReachable(state) || state.kept) {
    return !unhealthy(peer) || !fit(state);
  }
  return ranksBefore(rankOf(peer), selfRank(state), state.settings.exclusive);
}

/** Whether the peer ranks after this node. */
export function ranksAfter(peer: Peer, state: Election): boolean {
  return ranksBefore(selfRank(state), rankOf(peer), state.settings.exclusive);
}

/** Whether the peer has our health and our priority. */
export function ranksEqual(peer: Peer, state: Election): boolean {
  return sameRank(rankOf(peer), selfRank(state));
}

/**
 * Whether a worse-ranked node holds while we do not, or do not know it after a sleep, and the configuration tells us
 * not to preempt yet. The holder must say that it holds: two nodes that only assumed it of each other would both stand
 * back for ever.
 */
export function standsBack(state: Election): boolean {
  const { settings, wokeAtMs, holding, elected } = state;
  const unheld = holding === false && elected === "backup";
  const mayNotHold = wokeAtMs !== null || heldElsewhere(state) || unheld;
  return settings.preemptDelayMs > 0 && mayNotHold && worseHolders(state).length > 0;
}

/** Whether this node has stood back for long enough, and waits for the lease of the one that it preempts. */
export function hasStoodBack(state: Election): boolean {
  return state.deferUntilMs === PASSED && heldElsewhere(state);
}

/** Whether another node has the lease: what we saw in the cloud, or took ourselves for, does not count then. */
function heldElsewhere({ lease }: Election): boolean {
  return lease !== null && !lease.owned && lease.owner !== null;
}

/** Worse-ranked live nodes that say they hold. */
export function worseHolders(state: Election): Peer[] {
  return machinesOf(state).filter((peer) =>
    // The preempt delay does not protect an unhealthy holder from a healthy node.
    eligible(peer) && peer.trailer?.holds && ranksAfter(peer, state) &&
    unhealthy(peer) === !fit(state)
  );
}

/** Whether a live peer serves the address but cannot reach the cloud. */
export function cutOffHolder(state: Election): boolean {
  return cutOffHolders(state).length > 0;
}

/** Live peers that serve the address but cannot reach the cloud. */
export function cutOffHolders(state: Election): Peer[] {
  return machinesOf(state).filter(holdsUnable);
}

function holdsUnable({ alive, trailer }: Peer): boolean {
  return alive && trailer !== null && trailer.unable && trailer.holds && !trailer.leaving;
}
