// For how long a peer has lived, as far as its heartbeats tell. Without a secret a few of them can be forged by anybody
// who can send from its address, so to be heard for a moment is not to be alive: nothing is given up for it, it opens
// no eviction and ends none.
//
// The doubt must not cost more than it must, because a holder that dies before it counts as alive keeps the address: a
// peer counts from its third heartbeat on, as any real one does before it can attach. One more death does not change
// that: a machine that crashes and comes back is relieved as fast the second time. From then on the time doubles with
// each death. A death is forgotten after a while even if the machine goes on to die now and then.
import { deadTimeOfMs, type Election, slowerIntervalMs } from "./state.ts";
import type { Peer } from "./peer.ts";

/** So many heartbeats on end make a life, if no more deaths than that are remembered. */
const BEATS = 3, DEATHS_FREE = 1;
/** They are spread over so many intervals at least: the third follows the first after two, give or take a delay. */
const SPREAD = 1.5;
/** With each further death the time doubles that a life must last, so often at most. */
const DOUBLINGS_MAX = 5;
/** Deaths are remembered for so many dead times. */
const MEMORY = 64;

/** The life of a peer that is heard now; `goesOn` if it was alive until now. */
export function livesOn(
  { beats, aliveSinceMs }: Pick<Peer, "beats" | "aliveSinceMs">,
  { goesOn, atMs }: { goesOn: boolean; atMs: number },
): Pick<Peer, "beats" | "aliveSinceMs"> {
  return goesOn
    ? { beats: Math.min(beats + 1, BEATS), aliveSinceMs }
    : { beats: 1, aliveSinceMs: atMs };
}

/**
 * Whether that peer is heard steadily: three heartbeats on end, and from the second death on for two dead times, four,
 * up to 32. One that has proved its signature is from its first heartbeat on.
 */
export function steady(peer: Peer, { settings }: Pick<Election, "settings">): boolean {
  const { alive, proof, heardAtMs, aliveSinceMs, beats, deathsAtMs } = peer;
  if (!alive || heardAtMs === null || aliveSinceMs === null) return false;
  if (proof !== null) return true;
  const doublings = Math.min(deathsAtMs.length - DEATHS_FREE, DOUBLINGS_MAX);
  const trialMs = doublings > 0
    ? deadTimeOfMs(peer, settings) * 2 ** doublings
    : slowerIntervalMs(peer, settings) * SPREAD;
  return beats >= BEATS && heardAtMs - aliveSinceMs >= trialMs;
}

/** Its deaths without those of long ago; the same list when there is none. */
export function remembered(
  peer: Peer,
  { settings }: Pick<Election, "settings">,
  atMs: number,
): readonly number[] {
  const sinceMs = atMs - MEMORY * deadTimeOfMs(peer, settings);
  const { deathsAtMs } = peer;
  return deathsAtMs.some((each) => each <= sinceMs)
    ? deathsAtMs.filter((each) => each > sinceMs)
    : deathsAtMs;
}

/** The same with one of that instant, if it was alive; more than count are not kept. */
export function withDeath(
  peer: Peer,
  state: Pick<Election, "settings">,
  atMs: number,
): readonly number[] {
  const { deathsAtMs } = peer;
  return steady(peer, state)
    ? [...deathsAtMs, atMs].slice(-(DEATHS_FREE + DOUBLINGS_MAX))
    : deathsAtMs;
}
