// What this node says of itself, and what it says to whom.
import { barred, type Election, ranksAfter, selfEligible, standsBack } from "./state.ts";
import type { Stamp, Trailer } from "../heartbeat.ts";
import { eligible, LAST_PRIORITY, type Peer } from "./peer.ts";

/** A heartbeat without its address, id and sequence, which the sender's shell knows. */
export interface Advert {
  readonly priority: number;
  readonly holds: boolean;
  readonly leaving: boolean;
  readonly unable: boolean;
  readonly unhealthy: boolean;
  /** Priority while healthy. */
  readonly ownPriority: number;
  readonly intervalMs: number;
}

/** What the node advertises now. An ineligible one, and one that stands back, ranks last. */
export function advert(state: Election): Advert {
  const willing = selfEligible(state) && state.healthy && !standsBack(state);
  return {
    priority: willing ? state.priority : LAST_PRIORITY,
    holds: state.holding === true,
    leaving: state.stops > 0,
    unable: !state.cloudReachable || state.kept || barred(state),
    unhealthy: !state.healthy,
    ownPriority: state.priority,
    intervalMs: state.settings.intervalMs,
  };
}

/**
 * What one peer is told. An original peer that holds gives up the moment it hears of a better node, whether that one
 * holds or not (exoip engine.go, CheckState): it learns our rank once we hold. So does, for the first interval on
 * API v1, one that may still turn out to be such a peer. While we do not know whether we hold, we may have to keep it.
 */
export function advertTo(
  peer: Peer,
  says: Advert,
  { state, atMs }: { state: Election; atMs: number },
): Advert {
  const unknown = peer.heardAtMs === null && atMs < state.originalsUntilMs;
  const hasty = (unknown || seemsToHold(peer, state)) && ranksAfter(peer, state);
  return hasty && state.holding === false ? { ...says, priority: LAST_PRIORITY } : says;
}

/** An original peer has no word for it: the best-ranked of all live ones is taken to hold. */
function seemsToHold(peer: Peer, { peers }: Election): boolean {
  if (!peer.alive || peer.trailer !== null) return false;
  const live = [...peers.values()].filter(eligible);
  return live.every(({ priority }) => peer.priority <= priority);
}

/** Whether both say the same, so that nobody needs to hear it before the next heartbeat is due. */
export function sameAdvert(one: Advert, other: Advert): boolean {
  return one.priority === other.priority && one.holds === other.holds &&
    one.leaving === other.leaving && one.unable === other.unable &&
    one.unhealthy === other.unhealthy && one.ownPriority === other.ownPriority &&
    one.intervalMs === other.intervalMs;
}

/** The trailer for one receiver. */
export function trailerFor(
  { holds, leaving, unable, unhealthy, ownPriority, intervalMs }: Advert,
  { hearsYou, sequence, keyId = 0, stamp = null }: {
    hearsYou: boolean;
    sequence: number;
    keyId?: number;
    /** Given when it is to be signed. */
    stamp?: Stamp | null;
  },
): Trailer {
  return {
    holds,
    leaving,
    unable,
    unhealthy,
    ownPriority,
    intervalMs,
    hearsYou,
    keyId,
    sequence,
    stamp,
  };
}
