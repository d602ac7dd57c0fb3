// What the election knows, and the questions that can be asked of it. Questions never change anything.
import type { Reason } from "../registry/role_reasons.ts";
import {
  eligible,
  type Peer,
  type Rank,
  rankOf,
  ranksBefore,
  sameRank,
  unhealthy,
} from "./peer.ts";
import type { Heartbeat, Mark, Stamp } from "../heartbeat.ts";

export type { Reason };

/** Added to the hold-off so that the last heartbeat of the dead time can still arrive. Source: exoip, Skew. */
export const SKEW_MS = 100;

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
  /** Longest wait for a successor to hold when asked to stop. */
  readonly handoverTimeoutMs: number;
}

/** Role in the original's words. */
export type Role = "backup" | "master";

/** An instant to come, `PASSED` once it is over, null when it is not set. */
export type Deadline = number | null;
/** A deadline that is over: it still counts, but wakes nobody. */
export const PASSED = -Infinity;

/** The election's whole memory. Build with `startElection`, change with `elect`. */
export interface Election {
  readonly settings: ElectionSettings;
  /** Own id on the wire, null until the cloud has told it (API v1). */
  readonly selfId: string | null;
  /** Run of this process, null when it does not sign. */
  readonly run: bigint | null;
  /** Our own addresses as the cloud has them, empty until it has told them. */
  readonly selfAddresses: readonly string[];
  /** Another machine that speaks with our id, null while none is heard. */
  readonly twin: Twin | null;
  /** What anybody may have said with our id, null while nobody does. */
  readonly rumour: Rumour | null;
  /** One that may be such a machine, and was asked to prove it; null when none was. */
  readonly suspect: Suspect | null;
  readonly priority: number;
  /** Until then a peer that was never heard may be an original one; on API v2 there is none. */
  readonly originalsUntilMs: number;
  /** Whether we reach the cloud, and may change something there. */
  readonly cloudReachable: boolean;
  /** Whether we are healthy, as far as the checks tell. */
  readonly healthy: boolean;
  /** Why not, at most 200 characters fit for a line; empty while healthy, and where nobody said. */
  readonly unhealthyReason: string;
  /** Whether the list that our peers come from has us, too: the others do not hear us otherwise. */
  readonly inPeerList: boolean;
  /** 0 while running, then how often we were asked to stop. */
  readonly stops: number;
  /** Whether the cloud shows the address on us, null while unknown. */
  readonly holding: boolean | null;
  readonly role: Role;
  readonly reason: Reason;
  readonly roleSinceMs: number;
  /** By address. */
  readonly peers: ReadonlyMap<string, Peer>;
  /** Some machine is a peer at several addresses. */
  readonly repeated: boolean;
  /** Peers of the configuration that cannot be placed. */
  readonly missing: MissingPeers;
  /** One of these may be the instance that has the address, and that we do not know: it is left with it. */
  readonly kept: boolean;
  /** Until when we speak at the interval of before, so that all have heard of the longer one; null if they have. */
  readonly previousInterval: { readonly intervalMs: number; readonly untilMs: number } | null;
  /** When the next heartbeat is due. */
  readonly heartbeatAtMs: number;
  /** End of the hold-off; Infinity until the peers are known. */
  readonly settledAtMs: Deadline;
  /** Until when a worse-ranked holder is left alone. */
  readonly deferUntilMs: Deadline;
  /** Until when, after the cloud came back to us, a holder without it is given time to find it, too. */
  readonly graceUntilMs: Deadline;
  /** Until when, asked to stop, we wait for a successor before giving the address up. */
  readonly yieldUntilMs: Deadline;
}

/** Silence after which a peer is dead. Source: exoip engine.go, PeerIsNewlyDead. */
export function deadTimeMs(
  { intervalMs, deadRatio }: Pick<ElectionSettings, "intervalMs" | "deadRatio">,
): number {
  return intervalMs * deadRatio;
}

/** How long a node only listens after its start. */
export function holdOffMs(settings: ElectionSettings): number {
  return deadTimeMs(settings) + SKEW_MS;
}

/** Longest interval of a peer that counts: one forged datagram must not keep a dead peer alive for hours. */
const THEIR_INTERVAL_MAX_MS = 10_000;

/** The same for one peer: it is given the time of the slower of the two, whose intervals should be equal. */
export function deadTimeOfMs(
  peer: Pick<Peer, "trailer">,
  settings: Pick<ElectionSettings, "intervalMs" | "deadRatio">,
): number {
  return slowerIntervalMs(peer, settings) * settings.deadRatio;
}

/** Our interval, or that of the peer if it is longer. */
export function slowerIntervalMs(
  { trailer }: Pick<Peer, "trailer">,
  { intervalMs }: Pick<ElectionSettings, "intervalMs">,
): number {
  const theirsMs = Math.min(trailer?.intervalMs ?? 0, THEIR_INTERVAL_MAX_MS);
  // The code of an interval is not exact: what is as good as ours is ours.
  return theirsMs > intervalMs * 1.05 ? theirsMs : intervalMs;
}

/** When a peer that stays silent is dead. */
export function deathAtMs(peer: Peer, { settings }: Election): number {
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

/** Whether the hold-off still runs. */
export function settling({ settledAtMs }: Election): boolean {
  return settledAtMs !== PASSED;
}

/** Whether this node could be master. */
export function selfEligible(state: Election): boolean {
  return state.cloudReachable && state.inPeerList && !state.kept && state.stops === 0 &&
    !barred(state);
}

/** Whether another machine speaks with our id, so that nothing may be changed in the cloud. */
export function twinned({ twin }: Election): boolean {
  return twin?.certain === true;
}

/** The same for a node that does not hold: it must leave the address to others. One that holds goes on to serve. */
export function barred(state: Election): boolean {
  return twinned(state) && state.holding !== true;
}

/** Whether the list has lost us while others on it live: they will act without us. Alone, we go on. */
export function expelled({ inPeerList, peers }: Election): boolean {
  return !inPeerList && [...peers.values()].some(({ alive }) => alive);
}

/** The rank of this node. */
export function selfRank({ healthy, priority, selfId }: Election): Rank {
  return { unhealthy: !healthy, priority, id: selfId ?? "" };
}

/** Live peers that should serve rather than this node. */
export function outranking(state: Election): Peer[] {
  return [...state.peers.values()].filter((peer) => goesBefore(peer, state));
}

function goesBefore(peer: Peer, state: Election): boolean {
  // A healthy node that holds but cannot reach the cloud serves better than an unhealthy one that can.
  if (!eligible(peer)) return !state.healthy && !unhealthy(peer) && holdsUnable(peer);
  if (state.stops > 0 || !state.inPeerList || barred(state)) return true;
  // Without the cloud, or not knowing who holds, we make way for the healthy; for the unhealthy only if we are so, too.
  if (!state.cloudReachable || state.kept) return !unhealthy(peer) || !state.healthy;
  return ranksBefore(rankOf(peer), selfRank(state), state.settings.exclusive);
}

/** Whether the peer ranks after this node. */
export function ranksAfter(peer: Peer, state: Election): boolean {
  return ranksBefore(selfRank(state), rankOf(peer), state.settings.exclusive);
}

/** Whether neither health nor priority tells the two apart. */
export function ranksEqual(peer: Peer, state: Election): boolean {
  return sameRank(rankOf(peer), selfRank(state));
}

/**
 * Whether a worse-ranked node holds and we, not holding, were told to leave it for a while. It must say so itself: two
 * that only suppose it of each other would both stand back for ever.
 */
export function standsBack(state: Election): boolean {
  return state.settings.preemptDelayMs > 0 && state.holding === false && state.role === "backup" &&
    worseHolders(state).length > 0;
}

/** Worse-ranked live nodes that hold, as they say themselves. */
export function worseHolders(state: Election): Peer[] {
  return [...state.peers.values()].filter((peer) =>
    // Nobody was told to leave it with one that is unhealthy while we are healthy.
    eligible(peer) && peer.trailer?.holds && ranksAfter(peer, state) &&
    unhealthy(peer) === !state.healthy
  );
}

/** Whether a live peer serves the address but cannot reach the cloud. */
export function cutOffHolder(state: Election): boolean {
  return cutOffHolders(state).length > 0;
}

/** Live peers that serve the address but cannot reach the cloud. */
export function cutOffHolders({ peers }: Election): Peer[] {
  return [...peers.values()].filter(holdsUnable);
}

function holdsUnable({ alive, trailer }: Peer): boolean {
  return alive && trailer !== null && trailer.unable && trailer.holds && !trailer.leaving;
}

/** A heartbeat that came in. */
export interface Heard {
  readonly from: string;
  readonly heartbeat: Heartbeat;
  /** Its tag is right. */
  readonly signed?: boolean;
}

/** One of them. */
export interface MissingPeer {
  /** As the configuration names it. */
  readonly peer: string;
  /** A name server, or the cloud, says that it does not exist; false: no answer could be had. */
  readonly denied: boolean;
}

/** Until when each of them is a reason for doubt: Infinity while there is no answer, -Infinity once it is over. */
export type MissingPeers = ReadonlyMap<string, number>;

/** A heartbeat with our own id, which we did not send. */
export interface TwinHeard {
  readonly from: string;
  /** Its tag is right. */
  readonly signed: boolean;
  /** Null where it has no word for it. */
  readonly sequence: number | null;
  readonly stamp: Stamp | null;
  readonly intervalMs: number | null;
}

/** One that has not proved that it is another machine, and what was last heard of it, if that was signed. */
export interface Suspect {
  readonly address: string;
  readonly mark: Mark | null;
  /** When it was asked to. */
  readonly askedAtMs: number;
}

/** Unsigned heartbeats with our id from addresses that the cloud lists neither for a peer nor for us. */
export interface Rumour {
  /** Of the first of them. */
  readonly address: string;
  readonly firstAtMs: number;
  /** Heard often enough to be told. */
  readonly told: boolean;
  readonly untilMs: number;
}

/** The other machine. */
export interface Twin {
  readonly address: string;
  readonly firstAtMs: number;
  /** Heard often enough to be believed. */
  readonly certain: boolean;
  /** Its last signed heartbeat, null without one; what is recorded and sent again has no higher sequence. */
  readonly mark: Mark | null;
  /** When it counts as gone. */
  readonly untilMs: number;
}
