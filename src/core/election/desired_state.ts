// What the election wants of the cloud: a level that ownership.ts compares with what the cloud shows.
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
import { steady } from "./life.ts";
import { inDoubt } from "./missing.ts";
import { eligible, type Peer, rankOf, ranksBefore, sameRank, type Standing } from "./peer.ts";

/** What should become of the address on this node. */
export type Intent =
  /** Change nothing: the hold-off runs, or nobody can act. */
  | "keep"
  /** Have it, and take it from the dead. */
  | "hold"
  /** Give it up once a successor holds it. */
  | "yield"
  /** Give it up now. */
  | "release";

/** A peer to take the address from. */
export interface DeadPeer {
  readonly instanceId: string;
  /**
   * How long to wait before we take the address from it: for live masters with a lower id, and for the peer itself,
   * which may live where we cannot hear it and be about to take from us.
   */
  readonly waitMs: number;
  /**
   * It most likely held when it fell silent, and no live master goes before us that could have taken that from it: if
   * the cloud does not show the hold, it may be too fresh to show.
   */
  readonly held: boolean;
}

/** Time for each node that should act first. */
export const STAGGER_MS = 4_000;
/**
 * Time for a dead peer that had nothing when it was last heard. If it holds all the same, it got its hold after we
 * lost it, so most likely it lives on the other side of a broken network; there it has long taken the address from us.
 */
export const DOUBT_MS = 30_000;

/** The election's wish, with all that ownership needs to fulfil it. */
export interface DesiredState {
  readonly intent: Intent;
  /** Instances of the live nodes that rank before this one, and that are heard steadily. */
  readonly successors: readonly string[];
  /** The successor that says it holds, null when none does. */
  readonly claimant: string | null;
  /** Whether some successor has no word of its own (an original peer), so that only the cloud can tell. */
  readonly hasOriginalSuccessor: boolean;
  /** Instances that are heard now. */
  readonly alive: readonly string[];
  /** Those of them that are heard steadily, so that their last death is over. */
  readonly steady: readonly string[];
  /** Those of them that say that they do not hear us. */
  readonly notHearingUs: readonly string[];
  /** Peers that were heard steadily and fell silent; none for a node that the list has not: they do not speak to it. */
  readonly dead: readonly DeadPeer[];
  /** Whether the instance of every peer is known. */
  readonly resolved: boolean;
  /** Silent instances that are not known to be dead: never heard, not steadily, or not meant to be heard. */
  readonly unheard: readonly string[];
  /** Some peer of the configuration cannot be placed: an instance that we do not know may be it. */
  readonly doubt: boolean;
  /**
   * The list has us no more, and the peers that it has are silent: we hold only if none of them does and runs. Or we
   * are in doubt: we hold only if no unknown instance does and runs.
   */
  readonly holdsOnlyIfUnheld: boolean;
  /** We should hold, yet a live node that ranks after this one says that it does. */
  readonly challenged: boolean;
  /** A stop of another machine with our id may take our hold at any time. */
  readonly rumoured: boolean;
}

/** The wish that follows from the election's state. */
export function desiredStateOf(state: Election): DesiredState {
  const peers = machinesOf(state);
  const better = outranking(state);
  // What we give up is lost if nobody is there to have it.
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
        : { instanceId: peer.instanceId, ...taking(state, { dead: peer, peers }) }
    ),
    resolved: peers.every(({ instanceId }) => instanceId !== null),
    unheard: instancesOf(silent.filter((peer) => !dead.includes(peer) && !peer.diedWhileListed)),
    doubt,
    holdsOnlyIfUnheld: intent === "hold" && (doubt || (!state.inPeerList && silent.length > 0)),
    challenged: intent === "hold" &&
      peers.some((peer) => eligible(peer) && peer.trailer?.holds && ranksAfter(peer, state)),
    rumoured: state.rumour?.told === true,
  };
}

function intentOf(
  state: Election,
  { successors, peers }: { successors: readonly Peer[]; peers: readonly Peer[] },
): Intent {
  // Whatever we changed, we would change for the other.
  if (twinned(state)) return "keep";
  if (state.stops > 0) {
    // Who has just started does not know yet whether it is alone.
    const unsure = settling(state) && (state.settledAtMs === Infinity || peers.length > 0);
    const wait = state.stops === 1 && state.yieldUntilMs !== PASSED &&
      // Nobody waits for one that leaves in the same moment.
      (unsure || peers.some(({ alive, trailer }) => alive && !trailer?.leaving));
    return wait ? "yield" : "release";
  }
  if (settling(state)) return "keep";
  if (!selfEligible(state) && !expelled(state) && successors.length === 0) {
    return state.role === "master" ? "hold" : "keep";
  }
  if (state.role === "master") return "hold";
  return "yield";
}

/** When the address may be taken from that peer, see `DeadPeer`. */
function taking(
  state: Election,
  { dead, peers }: { dead: Peer; peers: readonly Peer[] },
): { waitMs: number; held: boolean } {
  const before = (peer: Peer) => ranksBefore(rankOf(peer), selfRank(state), true);
  const masters =
    peers.filter((peer) => eligible(peer) && ranksEqual(peer, state) && before(peer)).length;
  const { trailer } = dead;
  const willing = dead.priority <= state.priority && !trailer?.leaving && !trailer?.unable;
  // An original peer cannot say whether it holds; one that ranks after a master had no reason to.
  const heldThen = trailer ? trailer.holds : willing;
  // The dead one, if it lives, goes by what it knows of us, which may be any of these.
  const now = { ...selfRank(state), holds: state.holding === true, untilMs: Infinity };
  const known = dead.knowsUs.length > 0 ? dead.knowsUs : [now];
  const waits = known.map((us) =>
    heldThen ? turnMs(dead, us, state) : doubtMs(dead, { us, willing })
  );
  return {
    waitMs: masters * STAGGER_MS + Math.max(...waits),
    held: heldThen && masters === 0,
  };
}

/** Of two that held, the dead one may live and be evicting us: the time for it to do so first, if it does. */
function turnMs(dead: Peer, us: Standing, { settings: { exclusive } }: Election): number {
  const wasBefore = ranksBefore(rankOf(dead), us, true);
  // Among equals the lower id goes first; else it is the worse one, for which this is the take-over.
  const equal = sameRank(rankOf(dead), us) && !exclusive;
  return us.holds && wasBefore === equal ? STAGGER_MS : 0;
}

/** How long one is left alone that had nothing when it was last heard. */
function doubtMs(dead: Peer, { us, willing }: { us: Standing; willing: boolean }): number {
  // One that was leaving has nothing left to defend: what shows of its hold is what it failed to give up.
  if (dead.trailer?.leaving) return STAGGER_MS;
  const wasBefore = ranksBefore(rankOf(dead), us, true);
  // One that went before us was about to attach, and may have died before it could say so; if it lives, it is the
  // second of two that hold, and takes from us first.
  if (willing && wasBefore) return 2 * STAGGER_MS;
  // Both halves may wait for the other's first move: the better one makes it.
  return DOUBT_MS * (wasBefore ? 2 : 1);
}

/**
 * One peer for each machine. A machine with several addresses is a peer at each of them; it lives if it is heard at
 * one, and it hears us if it does so there.
 */
function machinesOf({ peers: all, repeated }: Election): readonly Peer[] {
  const peers = [...all.values()];
  if (!repeated) return peers;
  const best = new Map<string, Peer>();
  for (const peer of peers) {
    const { instanceId } = peer;
    const other = instanceId === null ? undefined : best.get(instanceId);
    const one = !other || tellsMore(peer, other) ? peer : other;
    best.set(instanceId ?? peer.address, other ? sharing(one, peer, other) : one);
  }
  return [...best.values()];
}

/** That one, with what the machine has gone through at either address. */
function sharing(one: Peer, peer: Peer, other: Peer): Peer {
  const [{ deathsAtMs }, { deathsAtMs: others }] = [peer, other];
  return {
    ...one,
    lived: peer.lived || other.lived,
    deathsAtMs: others.length > deathsAtMs.length ? others : deathsAtMs,
    diedWhileListed: peer.diedWhileListed || other.diedWhileListed,
  };
}

function tellsMore(one: Peer, other: Peer): boolean {
  if (one.alive !== other.alive) return one.alive;
  const [notHearingUs, otherNotHearingUs] = [one, other].map(({ notHearingUsSinceMs }) =>
    notHearingUsSinceMs !== null
  );
  if (notHearingUs !== otherNotHearingUs) return !notHearingUs;
  return (one.heardAtMs ?? -Infinity) > (other.heardAtMs ?? -Infinity);
}

function instancesOf(peers: readonly Peer[]): string[] {
  return [...new Set(peers.flatMap(({ instanceId }) => instanceId ?? []))];
}
