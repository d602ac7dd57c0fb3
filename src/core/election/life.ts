// How long a peer has lived, judged by its heartbeats. Without a secret, anybody who can send from its address can
// forge a few, so a peer that was heard only for a moment does not count as alive: nobody gives the address up for it,
// and it neither starts nor ends an eviction.
//
// This doubt must stay short, because a holder that dies before it counts as alive keeps the address. So a peer counts
// from its third heartbeat on, which any real peer sends before it can attach. The first death does not change that: if
// a machine crashes, comes back and crashes again, failover is as fast the second time. From then on the time doubles
// with each death. A death is forgotten after a while even if the machine keeps dying now and then.
import { deadTimeOfMs, type Election, slowerIntervalMs } from "./state.ts";
import type { Peer } from "./peer.ts";

/** Consecutive heartbeats that make a life, with at most DEATHS_FREE remembered deaths. */
const BEATS = 3, DEATHS_FREE = 1;
/** Intervals over which they must be spread at least: the third follows the first after two, give or take a delay. */
const SPREAD = 1.5;
/** Each further death doubles the time that a life must last, at most this many times. */
const DOUBLINGS_MAX = 5;
/** Deaths are remembered for this many dead times. */
const MEMORY = 64;

/** Counts a heartbeat of a peer; `goesOn` if the peer was alive until now. */
export function livesOn(
  { beats, aliveSinceMs }: Pick<Peer, "beats" | "aliveSinceMs">,
  { goesOn, atMs }: { goesOn: boolean; atMs: number },
): Pick<Peer, "beats" | "aliveSinceMs"> {
  return goesOn
    ? { beats: Math.min(beats + 1, BEATS), aliveSinceMs }
    : { beats: 1, aliveSinceMs: atMs };
}

/**
 * Whether the peer is heard steadily: three consecutive heartbeats and, from the second death on, for two dead times,
 * then four, up to 32. A peer that has proved its signature is steady from its first heartbeat on.
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

/** The peer's deaths without old ones; the same list if none is old. */
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

/** The peer's deaths with a new one, if it was steady; only as many as count are kept. */
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
