// One Elastic IP of a snapshot, from the node's state and the shell's counters.
import { type Deadline, type Election, pending, settling } from "../core/election/state.ts";
import { deadTimeMs, deadTimeOfMs, type Peer } from "../core/election/peer.ts";
import { movesLeft } from "../core/election/moves.ts";
import { givenUp } from "../core/election/missing.ts";
import type { Ownership } from "../core/ownership/state.ts";
import { type LeaseFacts, leaseStatus } from "./lease_view.ts";
import type { RejectReason } from "../core/registry/reject_reasons.ts";
import { NOT_LOOKED, type Presence } from "../core/presence.ts";
import type {
  AddressView,
  AsideView,
  CallView,
  CountView,
  HolderView,
  LinkWord,
  PeerView,
  PresenceView,
  TwinView,
} from "./snapshot.ts";
import { type AgeMs, ageOf, type Instant } from "../core/age.ts";
import type { Node } from "../core/node/state.ts";
import type { ShadowReport } from "./shadow_report.ts";
import { reasonDetail } from "../core/node/explanation.ts";
import type { OtherHolder } from "../core/ownership/call.ts";

/** Most missing peers that are shown. */
const MISSING_MAX = 32;

/** Facts beyond the node's state. */
export interface AddressFacts {
  readonly cloud: string;
  /** Unix time of the snapshot. */
  readonly wallMs: number;
  /** When the cloud last gave the membership. */
  readonly peersAtMs: Instant;
  readonly takeOvers: { readonly count: number; readonly atMs: Instant };
  readonly evictions: { readonly count: number; readonly atMs: Instant };
  readonly calls: readonly CallView[];
  /** Times without a holder and with two, see history/recorder.ts. */
  readonly totals: { readonly unheldMs: number; readonly twoHoldersMs: number };
  /** The other Elastic IPs of its group; none when left out. */
  readonly movesWith?: readonly string[];
  /** The last rejected datagram by sender. */
  readonly refused: ReadonlyMap<string, RefusedBefore>;
  /** Whether this machine has the address, null when that is not watched. */
  readonly presence: Presence | null;
  /** Null unless this is a shadow. */
  readonly comparison?: ShadowReport | null;
  /** Null, or left out, without a lease. */
  readonly lease?: LeaseFacts | null;
  /** The configured name of the peer with that address, null without one. */
  readonly peerName?: (address: string) => string | null;
}

/** Rejected datagrams of one sender. */
export interface RefusedBefore {
  readonly reason: RejectReason;
  readonly count: number;
  readonly atMs: number;
}

/** The address as the node sees it at that instant. */
export function addressView(node: Node, facts: AddressFacts, atMs: number): AddressView {
  const { election, ownership } = node;
  const { settings } = election;
  const age = (sinceMs: Instant) => ageOf(sinceMs, atMs);
  return {
    elasticIp: settings.elasticIp,
    movesWith: facts.movesWith ?? [],
    role: election.role,
    reason: election.reason,
    reasonDetail: reasonDetail(election),
    roleAgeMs: age(election.roleSinceMs),
    priority: election.priority,
    exclusive: settings.exclusive,
    intervalMs: settings.intervalMs,
    // Without heartbeats a node is dead when its time in the store is over.
    deadTimeMs: Math.round(
      election.heartbeats ? deadTimeMs(settings) : node.lease?.settings.ttlMs ?? 0,
    ),
    reconcileMs: ownership.settings.reconcileMs,
    holding: ownership.holding,
    holdingAgeMs: age(ownership.seenAtMs),
    ...presenceView(facts.presence, atMs),
    released: ownership.released !== null && !ownership.exists,
    unavailable: ownership.released ?? "",
    cloudReachable: ownership.cloudReachable,
    healthy: election.healthy,
    aside: asideView(election, facts.wallMs),
    leaving: election.stops > 0,
    settling: settling(election),
    prepared: ownership.prepared,
    inPeerList: election.inPeerList,
    peersAgeMs: age(facts.peersAtMs),
    peers: [...election.peers.values()].map((peer) => peerView(peer, { node, facts, atMs })),
    peersLeftOut: 0,
    twin: twinView(election, atMs),
    missingPeers: [...election.missing.keys()].slice(0, MISSING_MAX)
      .map((peer) => ({ peer, gone: givenUp(election.missing, peer) })),
    otherHolders: ownership.others.map((holder) => holderView(holder, election)),
    otherHoldersAgeMs: age(ownership.othersAtMs),
    takeOvers: facts.takeOvers.count,
    takeOverAgeMs: age(facts.takeOvers.atMs),
    evictions: facts.evictions.count,
    evictionAgeMs: age(facts.evictions.atMs),
    limitedForMs: leftOf(election.limitedUntilMs, atMs),
    movesLeft: movesLeft(election, atMs),
    unheldMs: Math.round(facts.totals.unheldMs),
    twoHoldersMs: Math.round(facts.totals.twoHoldersMs),
    comparison: facts.comparison ?? null,
    lease: leaseStatus(node, facts.lease ?? null, atMs),
    cloud: facts.cloud,
    cloudAgeMs: youngest(facts.calls),
    calls: facts.calls,
  };
}

/** The time that is left, null for a deadline that is over or not set. */
function leftOf(deadline: Deadline, atMs: number): number | null {
  return pending(deadline) && deadline !== null ? Math.round(deadline - atMs) : null;
}

function asideView({ aside }: Election, nowWallMs: number): AsideView | null {
  if (aside === null) return null;
  const { kind, by, why: reason, wallMs } = aside;
  return { kind, by, reason, ageMs: ageOf(wallMs, nowWallMs) };
}

function twinView({ twin, rumour }: Election, atMs: number): TwinView | null {
  const heard = twin?.certain ? twin : rumour?.told ? rumour : null;
  if (heard === null) return null;
  const { address, firstAtMs } = heard;
  return { address, proved: heard === twin, ageMs: ageOf(firstAtMs, atMs) };
}

function presenceView(presence: Presence | null, atMs: number): PresenceView {
  const { sight, lookedAtMs, problem, alarmed } = presence ?? NOT_LOOKED;
  return {
    onInterface: sight.present,
    interface: sight.on,
    interfaceAgeMs: ageOf(lookedAtMs, atMs),
    interfaceProblem: alarmed || sight.present === false ? problem : "",
  };
}

function youngest(calls: readonly CallView[]): AgeMs {
  const ages = calls.flatMap(({ doneAgeMs }) => doneAgeMs ?? []);
  return ages.length === 0 ? null : Math.min(...ages);
}

function holderView({ instanceId, name, off }: OtherHolder, { peers }: Election): HolderView {
  const peer = [...peers.values()].find((each) => each.instanceId === instanceId);
  return { instanceId, name: name ?? peer?.name ?? null, peer: peer?.address ?? null, off };
}

function peerView(
  peer: Peer,
  { node, facts, atMs }: { node: Node; facts: AddressFacts; atMs: number },
): PeerView {
  const { address, instanceId, alive, heardAtMs, trailer } = peer;
  const before = facts.refused.get(address);
  const refused: CountView<RejectReason> | null = before
    ? { word: before.reason, count: before.count, ageMs: ageOf(before.atMs, atMs) }
    : null;
  return {
    address,
    network: peer.network ?? null,
    name: peer.name ?? facts.peerName?.(address) ?? null,
    instanceId,
    alive,
    heardAgeMs: ageOf(heardAtMs, atMs),
    priority: heardAtMs === null ? null : peer.priority,
    ownPriority: trailer?.ownPriority ?? null,
    holds: trailer?.holds ?? null,
    leaving: trailer?.leaving ?? null,
    unable: trailer?.unable ?? null,
    unhealthy: trailer?.unhealthy ?? null,
    link: linkTo(peer, { node, refused }),
    notHearingUsAgeMs: ageOf(peer.notHearingUsSinceMs, atMs),
    refused,
  };
}

function linkTo(
  peer: Peer,
  { node: { election, ownership }, refused }: {
    node: Node;
    refused: CountView<RejectReason> | null;
  },
): LinkWord {
  const { alive, trailer, instanceId } = peer;
  if (!election.heartbeats) return alive ? "listed" : "unlisted";
  if (alive) {
    return trailer === null ? "unconfirmed" : trailer.hearsYou ? "both" : "does-not-hear-us";
  }
  const speaks = refused?.ageMs != null && refused.ageMs < deadTimeOfMs(peer, election.settings);
  return speaks || provedAlive(ownership, instanceId) ? "not-heard" : "silent";
}

/** Whether the silent peer holds although its machine is not off, and the node may not evict it: see evictions.ts. */
function provedAlive({ evictions, others }: Ownership, instanceId: string | null): boolean {
  if (instanceId === null || evictions.get(instanceId)?.stage !== "spared") return false;
  return others.some((holder) => holder.instanceId === instanceId && !holder.off);
}
