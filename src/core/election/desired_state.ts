// What the election wants of the cloud: a level, which ownership/step.ts compares with what the cloud shows.
import {
  deadTimeOfMs,
  eligible,
  machinesOf,
  type Peer,
  rankOf,
  ranksBefore,
  sameRank,
  slowerIntervalMs,
  type Standing,
  steady,
  unhealthy,
} from "./peer.ts";
import {
  type Election,
  expelled,
  outranking,
  PASSED,
  ranksAfter,
  ranksEqual,
  selfEligible,
  selfRank,
  settling,
  twinned,
} from "./state.ts";
import type { LeaseTerms } from "../lease/state.ts";
import { inDoubt } from "./missing.ts";

/** What should become of the address on this node. */
export type Intent =
  /** Change nothing: the hold-off runs, or no node can act. */
  | "keep"
  /** Attach it here, and take it from dead peers. */
  | "hold"
  /** Give it up once a successor holds it. */
  | "yield"
  /** Give it up now. */
  | "release";

/** A peer to take the address from. */
export interface DeadPeer {
  readonly instanceId: string;
  /** Its name, for people. */
  readonly name?: string;
  /**
   * How long to wait before we take the address from it. Live masters with a lower id go first, and the peer itself may
   * live unheard and be about to take the address from us.
   */
  readonly waitMs: number;
  /**
   * It most likely held when it fell silent, and no live master that goes before us could have evicted it: if the cloud
   * does not show the hold, the hold may be too fresh to show.
   */
  readonly held: boolean;
}

/** Wait for each node that should act before this one. */
const STAGGER_MS = 4_000;
/**
 * Wait before evicting a dead peer that did not hold when it was last heard. If it holds now, it attached after we lost
 * it, so most likely it lives on the other side of a broken network (split brain) and has long taken the address from
 * us.
 */
const DOUBT_MS = 30_000;

/** The election's intent, with all that ownership needs to carry it out. */
export interface DesiredState {
  readonly intent: Intent;
  /** Instances of the live nodes that rank before this one and are heard steadily. */
  readonly successors: readonly string[];
  /** The successor that says it holds, null when none does. */
  readonly claimant: string | null;
  /**
   * Whether some successor speaks the original's format and cannot say that it holds, so that only the cloud can tell.
   */
  readonly hasOriginalSuccessor: boolean;
  /** Instances that are heard now. */
  readonly alive: readonly string[];
  /** Those of `alive` that are heard steadily, so that their last death is over. */
  readonly steady: readonly string[];
  /** Those of `alive` that say they do not hear us. */
  readonly notHearingUs: readonly string[];
  /**
   * Peers that were heard steadily and fell silent. Empty while this node is not in the peer list: they do not send to
   * it.
   */
  readonly dead: readonly DeadPeer[];
  /** Whether the instance of every peer is known. */
  readonly resolved: boolean;
  /** Silent instances that are not known to be dead: never heard, not heard steadily, or not sending to us. */
  readonly unheard: readonly string[];
  /** A configured peer has no known address or machine: an unknown instance may be that peer. */
  readonly doubt: boolean;
  /**
   * We hold only if no running instance of a certain kind holds. Not in the peer list, with silent peers in it: none of
   * those peers. In doubt: no unknown instance.
   */
  readonly holdsOnlyIfUnheld: boolean;
  /** We should hold, but a live node that ranks after this one says that it holds. */
  readonly challenged: boolean;
  /** The best of `successors` that could take a lease now: we give the lease up to it. Null if no peer could. */
  readonly heir: string | null;
  /** Whether holding takes a lease. */
  readonly underLease: boolean;
  /** Set if we may hold because we own the lease; null if we do not, or there is none. */
  readonly lease: LeaseTerms | null;
  /** Another machine may use our id; when it stops, we may lose our hold. */
  readonly rumoured: boolean;
  /** When we woke from a sleep in which we may have lost our hold, null unless a look at once must show that. */
  readonly wokeAtMs: number | null;
}

/** Derives the desired state from the election's state. */
export function desiredStateOf(state: Election): DesiredState {
  const peers = machinesOf(state);
  const better = outranking(state);
  // We give the address up only to a peer that certainly lives.
  const successors = better.filter((peer) => steady(peer, state));
  const claimant = successors.find((peer) => peer.trailer?.holds && peer.instanceId !== null);
  const silent = peers.filter((peer) => !peer.alive);
  const dead = state.inPeerList ? silent.filter((peer) => peer.lived) : [];
  const intent = intentOf(state, { successors: better, peers });
  const doubt = inDoubt(state.missing);
  return {
    intent,
    successors: instancesOf(successors),
    claimant: claimant?.instanceId ?? null,
    hasOriginalSuccessor: successors.some((peer) => peer.trailer === null),
    alive: instancesOf(peers.filter((peer) => peer.alive)),
    steady: instancesOf(peers.filter((peer) => steady(peer, state))),
    notHearingUs: instancesOf(
      peers.filter((peer) => peer.alive && peer.notHearingUsSinceMs !== null),
    ),
    dead: dead.flatMap((peer) =>
      peer.instanceId === null
        ? []
        : { ...namedInstance(peer, peer.instanceId), ...taking(state, { dead: peer, peers }) }
    ),
    resolved: peers.every(({ instanceId }) => instanceId !== null),
    unheard: instancesOf(silent.filter((peer) => !dead.includes(peer) && !peer.diedWhileListed)),
    doubt,
    holdsOnlyIfUnheld: intent === "hold" && (doubt || (!state.inPeerList && silent.length > 0)),
    challenged: intent === "hold" &&
      peers.some((peer) => eligible(peer) && peer.trailer?.holds && ranksAfter(peer, state)),
    heir: state.lease === null ? null : heirOf(successors, state),
    underLease: state.lease !== null,
    lease: null,
    rumoured: state.rumour?.told === true,
    wokeAtMs: state.wokeAtMs,
  };
}

function namedInstance({ name }: Peer, instanceId: string): Pick<DeadPeer, "instanceId" | "name"> {
  return name === undefined ? { instanceId } : { instanceId, name };
}

function intentOf(
  state: Election,
  { successors, peers }: { successors: readonly Peer[]; peers: readonly Peer[] },
): Intent {
  // Any change of ours would also change the other machine.
  if (twinned(state)) return "keep";
  if (state.stops > 0) {
    // A node that has just started does not know yet whether it is alone.
    const unsure = settling(state) && (state.settledAtMs === Infinity || peers.length > 0);
    const wait = state.stops === 1 && state.yieldUntilMs !== PASSED &&
      // A peer that is leaving, too, cannot be a successor.
      (unsure || peers.some(({ alive, trailer }) => alive && !trailer?.leaving));
    return wait ? "yield" : "release";
  }
  if (settling(state)) return "keep";
  if (!selfEligible(state) && !expelled(state) && successors.length === 0) {
    return state.elected === "master" ? "hold" : "keep";
  }
  if (state.elected === "master") return "hold";
  return "yield";
}

/** When the address may be taken from the dead peer, see `DeadPeer`. */
function taking(
  state: Election,
  { dead, peers }: { dead: Peer; peers: readonly Peer[] },
): { waitMs: number; held: boolean } {
  const before = (peer: Peer) => ranksBefore(rankOf(peer), selfRank(state), true);
  const masters =
    peers.filter((peer) => eligible(peer) && ranksEqual(peer, state) && before(peer)).length;
  const { trailer } = dead;
  const willing = dead.priority <= state.priority && !trailer?.leaving && !trailer?.unable;
  // An original peer cannot say whether it holds; if it ranks after a master, it had no reason to hold.
  const heldThen = trailer ? trailer.holds : willing;
  // If the dead peer lives, it ranks us by what it knows of us, which may be any of these.
  const now = { ...selfRank(state), holds: state.holding === true, untilMs: Infinity };
  const known = dead.knowsUs.length > 0 ? dead.knowsUs : [now];
  const waitMs = (us: Standing) =>
    heldThen ? turnMs(dead, us, state) : doubtMs(dead, { us, willing });
  // A peer that held takes its turn with us only if it knows that we held, too.
  const rivals = heldThen ? known.filter(({ holds }) => holds) : known;
  const unsure = new Set(rivals.map(waitMs)).size > 1;
  return {
    waitMs: masters * STAGGER_MS + Math.max(...known.map(waitMs)) +
      (unsure ? unsureMs(dead, state) : 0),
    held: heldThen && masters === 0,
  };
}

/**
 * The further wait of a node that does not know whether it goes first. It must not take the turn of the peer, which may
 * know that it goes second, or be as unsure.
 */
function unsureMs({ heardId }: Peer, { selfId }: Election): number {
  return ((selfId ?? "") < heardId ? 2 : 3) * STAGGER_MS;
}

/** The wait before evicting a peer that held: if both held, it may live and be evicting us. */
function turnMs(dead: Peer, us: Standing, { settings: { exclusive } }: Election): number {
  const wasBefore = ranksBefore(rankOf(dead), us, true);
  // Among equals the lower id acts first; otherwise the worse-ranked node does, because for it this is the failover.
  const equal = sameRank(rankOf(dead), us) && !exclusive;
  return us.holds && wasBefore === equal ? STAGGER_MS : 0;
}

/** The wait before evicting a peer that did not hold when it was last heard. */
function doubtMs(dead: Peer, { us, willing }: { us: Standing; willing: boolean }): number {
  // A leaving peer defends nothing: a hold that still shows is one that it failed to give up.
  if (dead.trailer?.leaving) return STAGGER_MS;
  const wasBefore = ranksBefore(rankOf(dead), us, true);
  // A peer that ranked before us was about to attach and may have died before it could say so. If it lives, both of us
  // hold, and it evicts us first.
  if (willing && wasBefore) return 2 * STAGGER_MS;
  // Both halves of a broken network may wait for the other: the better-ranked node acts first.
  return DOUBT_MS * (wasBefore ? 2 : 1);
}

function heirOf(successors: readonly Peer[], state: Election): string | null {
  const { settings: { exclusive } } = state;
  const able = successors.filter((peer) => peer.instanceId !== null && mayTake(peer, state));
  const best = able.reduce<Peer | null>((first, peer) => {
    return first !== null && !ranksBefore(rankOf(peer), rankOf(first), exclusive) ? first : peer;
  }, null);
  return best?.instanceId ?? null;
}

/**
 * Whether the peer could take the lease: its hold-off is over, or will be by the time we have let go (half an interval
 * allows for late heartbeats). In its hold-off a peer takes nothing, and it may rank lower once it has heard who holds.
 */
function mayTake(peer: Peer, state: Election): boolean {
  const { settings } = state, { heardAtMs, aliveSinceMs } = peer;
  if (heardAtMs === null || aliveSinceMs === null || standsBackForUs(peer, state)) return false;
  const trialMs = deadTimeOfMs(peer, settings) - slowerIntervalMs(peer, settings) / 2;
  return heardAtMs - aliveSinceMs >= trialMs;
}

/**
 * Whether the peer may leave us the address because of --preempt-delay without saying so. One that does not hear us
 * cannot tell whom it would preempt. An unhealthy one says just that, and stands back for an unhealthy holder: with
 * --no-preempt for as long as both are. Until when with a delay, only the peer knows.
 */
function standsBackForUs(peer: Peer, state: Election): boolean {
  if (state.settings.preemptDelayMs === 0) return false;
  if (peer.notHearingUsSinceMs !== null) return true;
  const never = state.settings.preemptDelayMs === Infinity;
  return never && unhealthy(peer) && selfEligible(state) && state.holding === true;
}

function instancesOf(peers: readonly Peer[]): string[] {
  return [...new Set(peers.flatMap(({ instanceId }) => instanceId ?? []))];
}
