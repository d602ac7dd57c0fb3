// For how long a peer has lived, as far as its heartbeats tell. Without a secret a few of them can be forged by anybody
// who can send from its address, so to be heard for a moment is not to be alive: nothing is given up for it, it opens
// no eviction and ends none. The more often a peer has died, the longer it must be heard to count again.
import { deadTimeOfMs, type Election } from "./state.ts";
import type { Peer } from "./peer.ts";

/** Lives that count as long: whoever has lived so many dead times on end has its deaths forgotten. */
const LONG_LIFE = 64;
/** After a death the time doubles in which a peer must be heard to count as living again, so often at most. */
const DOUBLINGS_MAX = 5;

/**
 * Whether that peer is heard steadily: for its dead time on end, so that at least three heartbeats came. One that has
 * proved its signature is from its first heartbeat on. To less than that nothing is given up. It doubles from the
 * second death on: the return after the first one is as fast as the start.
 */
export function steady(peer: Peer, state: Pick<Election, "settings">): boolean {
  return livesFor(peer, state, 2 ** Math.min(Math.max(0, peer.deaths - 1), DOUBLINGS_MAX));
}

/** Whether that is so for long enough, after the deaths that it has died, for another death to count. */
export function revived(peer: Peer, state: Pick<Election, "settings">): boolean {
  return livesFor(peer, state, 2 ** Math.min(peer.deaths, DOUBLINGS_MAX));
}

/** Whether its deaths can be forgotten. */
export function longLived(peer: Peer, state: Pick<Election, "settings">): boolean {
  return livesFor(peer, state, LONG_LIFE);
}

function livesFor(peer: Peer, { settings }: Pick<Election, "settings">, deadTimes: number) {
  const { alive, proof, heardAtMs, aliveSinceMs } = peer;
  if (!alive || heardAtMs === null || aliveSinceMs === null) return false;
  return proof !== null || heardAtMs - aliveSinceMs >= deadTimes * deadTimeOfMs(peer, settings);
}
