// Which role follows from what is known, and why. The transitions are drawn in election.ts.
import {
  barred,
  cutOffHolder,
  deathAtMs,
  type Election,
  expelled,
  outranking,
  passed,
  pending,
  ranksEqual,
  type Reason,
  type Role,
  selfEligible,
  settling,
  standsBack,
  twinned,
} from "./state.ts";
import { withDeath } from "./life.ts";
import { giveUpMissing } from "./missing.ts";
import { eligible, type Peer } from "./peer.ts";
import { forgetTwin } from "./twin.ts";

/** Decides the role, unless the hold-off still forbids to judge anyone (but not to leave). */
export function decideRole(before: Election, atMs: number): Election {
  const settledAtMs = passed(before.settledAtMs, atMs);
  const missing = giveUpMissing(before.missing, atMs);
  const state = forgetTwin({ ...before, settledAtMs, missing }, atMs);
  if (settling(state) && state.stops === 0) {
    return { ...state, deferUntilMs: null, graceUntilMs: null, yieldUntilMs: null };
  }
  const dead = {
    ...state,
    peers: markDead(state, atMs),
    graceUntilMs: passed(state.graceUntilMs, atMs),
  };
  const deferUntilMs = standsBack(dead)
    ? passed(state.deferUntilMs ?? atMs + state.settings.preemptDelayMs, atMs)
    : null;
  const [role, reason] = roleOf({ ...dead, deferUntilMs });
  // Who is only outranked waits without end: an address that nobody else has is not given up. Who must go cannot.
  const waits = state.stops > 0 && state.holding !== false;
  const patienceMs = state.settings.handoverTimeoutMs;
  return {
    ...dead,
    deferUntilMs,
    role,
    reason,
    roleSinceMs: role === state.role ? state.roleSinceMs : atMs,
    yieldUntilMs: waits ? passed(state.yieldUntilMs ?? atMs + patienceMs, atMs) : null,
  };
}

/** Marks as dead who has been silent for the dead time. */
function markDead(state: Election, atMs: number): ReadonlyMap<string, Peer> {
  const silent = (peer: Peer) => peer.alive && deathAtMs(peer, state) <= atMs;
  if (![...state.peers.values()].some(silent)) return state.peers;
  const marked = [...state.peers].map(([address, peer]) =>
    [address, silent(peer) ? dead(peer, state, atMs) : peer] as const
  );
  return new Map(marked);
}

function dead(peer: Peer, state: Election, atMs: number): Peer {
  const deathsAtMs = withDeath(peer, state, atMs);
  return { ...peer, alive: false, deathsAtMs, diedWhileListed: state.inPeerList && peer.lived };
}

function roleOf(state: Election): [Role, Reason] {
  const better = outranking(state);
  // One that holds serves on, and can do nothing else.
  if (twinned(state)) {
    return [barred(state) || better.length > 0 ? "backup" : state.role, "twin"];
  }
  if (!selfEligible(state)) return [roleOfIneligible(state, better), whyIneligible(state)];
  if (better.length > 0) return ["backup", state.healthy ? "outranked" : "unhealthy"];
  const patient = pending(state.graceUntilMs) && state.holding !== true && cutOffHolder(state);
  if (pending(state.deferUntilMs) || patient) return ["backup", "deferring"];
  if (!state.healthy) return ["master", "unhealthy"];
  const rivals = [...state.peers.values()].filter(eligible);
  if (rivals.length === 0) return ["master", "alone"];
  const equals = rivals.some((peer) => ranksEqual(peer, state));
  return ["master", equals && !state.settings.exclusive ? "equal" : "best"];
}

/**
 * A node that cannot serve makes way for one that can; if nobody can, nothing changes, but for an address that no live
 * node has: then each goes on trying. Where an instance that we do not know may be a peer, that is not for us to try.
 */
function roleOfIneligible(state: Election, better: readonly Peer[]): Role {
  const superseded = better.length > 0 || expelled(state);
  const { stops, peers, kept } = state;
  const served = [...peers.values()].some(({ alive, trailer }) =>
    alive && (trailer === null || trailer.holds)
  );
  if (kept && stops === 0) return "backup";
  if (!superseded && !served && stops === 0) return "master";
  // A master that never got the address leaves it to the live node that serves it.
  return superseded || (state.holding !== true && cutOffHolder(state)) ? "backup" : state.role;
}

function whyIneligible({ stops, inPeerList, cloudReachable }: Election): Reason {
  if (stops > 0) return "leaving";
  if (!inPeerList) return "unlisted";
  return cloudReachable ? "incomplete" : "cloud-unreachable";
}
