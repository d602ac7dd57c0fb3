// What the lease lets a node do. The election says who should hold the Elastic IP; only the owner of the lease may.
// Ownership breaks before it makes: if the lease was not released to the new owner, that node takes the address from
// all others, sees that nobody has it, and only then attaches it.
import type { DesiredState } from "../election/desired_state.ts";
import { type Election, settling, twinned } from "../election/state.ts";
import { machinesOf, titleOf } from "../election/peer.ts";
import {
  barring,
  CARRY_OUT_MS,
  CHANGE_LIFETIME_MS,
  inheritedUntilMs,
  type Lease,
  type LeaseTerms,
  type LeaseWish,
  owns,
  renewMs,
  type Tenure,
} from "../lease/state.ts";
import { ownershipOf } from "./group.ts";
import type { Node } from "./state.ts";
import type { Call } from "../ownership/call.ts";
import { arrivesUntilMs, type Ownership, stillWanted } from "../ownership/state.ts";

/**
 * Why a node does not keep the address without the store, for people; null if it does: it holds, hears every peer, and
 * no peer holds. A peer that gets the lease takes the address away first, so this never makes two holders.
 */
export function againstFailsafe(
  { settings, reachable }: Lease,
  { election, peersKnown }: { election: Election; peersKnown: boolean },
): string | null {
  if (reachable) return "the store answers";
  // Without the store, only heartbeats could prove that nobody else takes the address.
  if (!settings.heartbeats) return "there are no heartbeats";
  if (!settings.failsafe) return "--lease-failsafe is off";
  if (!peersKnown) return "the list of peers is not known";
  if (!election.inPeerList) return "the list of peers does not have this node";
  if (election.holding !== true) return "this node does not hold it";
  if (settling(election)) return "this node has just started, or was paused";
  const [missing] = election.missing.keys();
  if (missing !== undefined) return `peer ${missing} is missing`;
  for (const peer of machinesOf(election)) {
    if (!peer.alive) return `peer ${titleOf(peer)} is not heard`;
    if (peer.trailer?.holds) return `peer ${titleOf(peer)} holds it`;
  }
  return null;
}

/** The desired state of a node that obeys a lease. */
export function underLease(
  wanted: DesiredState,
  { lease, election, peersKnown, ownerships, stoppedAtMs, atMs }: {
    lease: Lease;
    election: Election;
    /** Whether the peer list is known. */
    peersKnown: boolean;
    ownerships: readonly Ownership[];
    /** When the node was asked to stop, null while it runs. */
    stoppedAtMs: number | null;
    atMs: number;
  },
): DesiredState {
  // The owner takes the address from every other holder, so there is no need to doubt unknown ones.
  const desired = { ...wanted, doubt: false, holdsOnlyIfUnheld: false, challenged: false };
  if (twinned(election)) return { ...desired, intent: "keep" };
  if (!owns(lease, atMs)) {
    return { ...desired, intent: withoutLease({ lease, election, peersKnown }) };
  }
  // As long as the lease cannot be given up, nobody else could hold the address if we let go of it.
  const untilMs = tiedUntilMs(lease, { ownerships, atMs });
  if (stoppedAtMs !== null) {
    const inTime = untilMs <= stoppedAtMs + election.settings.handoverTimeoutMs;
    return { ...desired, intent: atMs < untilMs && inTime ? "keep" : "release" };
  }
  switch (wanted.intent) {
    case "hold": {
      // Without the cloud this node gives the lease up, and an attach that it went on sending could arrive after that.
      const useless = !election.cloudReachable && election.holding !== true;
      return useless ? { ...desired, intent: "keep" } : { ...desired, lease: termsOf(lease, atMs) };
    }
    case "yield":
      // The heir cannot attach before we let go, so let go as soon as it could take the lease.
      return { ...desired, intent: wanted.heir === null || atMs < untilMs ? "keep" : "release" };
    default:
      return desired;
  }
}

/**
 * From when on the lease may be given up, if nothing more is sent: until then the cloud may carry out what this node,
 * or an earlier process of it, sent under the lease. An instant in the past if it may be given up now.
 */
export function tiedUntilMs(
  lease: Lease,
  { ownerships, atMs }: { ownerships: readonly Ownership[]; atMs: number },
): number {
  const untilMs = Math.max(inheritedUntilMs(lease), ...ownerships.map(arrivesUntilMs));
  // The expiry of a change under way allows for repetitions under later renewals. We count what has left by now.
  return Math.min(untilMs, atMs + CHANGE_LIFETIME_MS + CARRY_OUT_MS);
}

function withoutLease(
  { lease, election, peersKnown }: { lease: Lease; election: Election; peersKnown: boolean },
): "keep" | "release" {
  if (election.stops > 0 || barring(lease) !== null) return "release";
  if (!lease.reachable) {
    return againstFailsafe(lease, { election, peersKnown }) === null ? "keep" : "release";
  }
  // Readings of the candidates go on beside the renewals, so the lease may be lost before the store counts as silent.
  if (lease.lost && lease.sight === null && !lease.settings.heartbeats) return "release";
  // No other node has the lease, and one that gets it takes the address from us.
  return "keep";
}

/** Whether a call under way is still wanted: the process may have slept since the last step, and lost its lease. */
export function wants(
  node: Node,
  { call, elasticIp }: { call: Call; elasticIp: string | undefined },
  atMs: number,
): boolean {
  const { lease } = node, changes = call.verb === "attach" || call.verb === "evict";
  if (lease && changes && !owns(lease, atMs)) return false;
  return stillWanted(ownershipOf(node, elasticIp), call);
}

function termsOf(lease: Lease, atMs: number): LeaseTerms | null {
  const { tenure } = lease;
  if (tenure === null) return null;
  const { sinceMs, clean, renewedAtMs } = tenure;
  const endsAtMs = renewedAtMs + lease.settings.ttlMs;
  return { sinceMs, clean, renewedAtMs, endsAtMs, inTime: atMs <= renewedAtMs + renewMs(lease) };
}

/** What the node wants of the lease. */
export function wishOf(
  lease: Lease,
  { election, desired, wanted, ownerships, atMs }: {
    election: Election;
    /** Under the lease. */
    desired: DesiredState;
    /** What the election alone wants. */
    wanted: DesiredState;
    ownerships: readonly Ownership[];
    atMs: number;
  },
): LeaseWish {
  const self = ownerships[0]?.instanceId ?? null;
  const reached = ownerships.every(({ prepared, cloudReachable }) => prepared && cloudReachable);
  // A holder takes a free lease even if another node should hold: then it can hand over address and lease together.
  const holds = ownerships.some(({ holding }) => holding === true) && !twinned(election);
  const wants = wanted.intent === "hold" && !holderReturns(lease, { election, atMs });
  const take = (wants || holds) && election.stops === 0 && reached;
  const freshSinceMs = Math.max(...ownerships.map((each) => waitsSinceMs(each, desired)));
  const { tenure } = lease, tied = atMs < tiedUntilMs(lease, { ownerships, atMs });
  const giveUp = tied ? null : givingUp({ tenure, desired, wanted, ownerships, reached });
  return { self, take, giveUp, freshSinceMs };
}

/**
 * Whether the store is just back, and we hear a peer that holds by the failsafe. It lost its lease only because the
 * store was away, so it goes first, and the address stays where it is.
 */
function holderReturns(
  { settings, doubtUntilMs }: Lease,
  { election, atMs }: { election: Election; atMs: number },
): boolean {
  if (!settings.heartbeats || atMs >= doubtUntilMs) return false;
  return machinesOf(election).some(({ alive, trailer }) =>
    alive && trailer?.holds && !trailer.leaving
  );
}

/** The start of the look that we want to act on after a later renewal has succeeded; -Infinity if we need none. */
function waitsSinceMs({ holding, seenAtMs, others, othersAtMs }: Ownership, desired: DesiredState) {
  if (desired.intent !== "hold") return -Infinity;
  return Math.max(
    holding === false ? seenAtMs : -Infinity,
    others.length > 0 ? othersAtMs : -Infinity,
  );
}

/** The heir to whom an owner gives the lease up, or any node (`to` is null); null as long as it keeps the lease. */
function givingUp(
  { tenure, desired, wanted, ownerships, reached }: {
    tenure: Tenure | null;
    desired: DesiredState;
    wanted: DesiredState;
    ownerships: readonly Ownership[];
    reached: boolean;
  },
): LeaseWish["giveUp"] {
  const { heir } = wanted;
  const detached = ownerships.every(isDetached);
  if (desired.intent === "release" && detached) {
    // The heir attaches at once, so name one only if we know that nobody has the address, not just that we do not.
    const alone = tenure !== null && ownerships.every((each) => isAlone(each, tenure));
    return { to: alone ? heir : null };
  }
  // Without the cloud we cannot detach, but the next owner can take the address from us.
  const useless = ownerships.every(({ holding }) => holding !== true);
  return !reached && (heir !== null || useless) && ownerships.some(({ prepared }) => prepared)
    ? { to: null }
    : null;
}

/** Whether a look since our last change, under this lease, shows that nobody holds. */
function isAlone(
  { others, othersAtMs, changedAtMs, released }: Ownership,
  { sinceMs }: Tenure,
): boolean {
  // An address that does not exist now may come back with its former holder.
  return released === null && others.length === 0 && othersAtMs >= Math.max(changedAtMs, sinceMs);
}

/** Whether a look since our last change shows that we do not hold, and no other change is under way. */
function isDetached({ holding, sightedAtMs, changedAtMs, write }: Ownership): boolean {
  return holding === false && sightedAtMs >= changedAtMs && write.inFlight === null;
}
