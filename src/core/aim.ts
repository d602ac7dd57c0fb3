// What the election wants of the cloud: a level that ownership.ts compares with what the cloud shows.
import { type Election, outranking, PASSED, selfEligible, settling } from "./election.ts";
import { eligible, type Peer } from "./peer.ts";

/** What should become of the address on this node. */
export type Want =
  /** Change nothing: the hold-off runs, or nobody can act. */
  | "keep"
  /** Have it, and take it from the dead. */
  | "hold"
  /** Give it up once a successor holds it. */
  | "yield"
  /** Give it up now. */
  | "release";

/** The election's wish, with all that ownership needs to fulfil it. */
export interface Aim {
  readonly want: Want;
  /** Instances of the live nodes that rank before this one. */
  readonly successors: readonly string[];
  /** The successor that says it holds, null when none does. */
  readonly claimant: string | null;
  /** Whether some successor has no word of its own (an original peer), so that only the cloud can tell. */
  readonly mute: boolean;
  /** Instances that are heard now. */
  readonly alive: readonly string[];
  /** Instances that were heard and then fell silent. */
  readonly dead: readonly string[];
  /** Instances that were never heard. */
  readonly unheard: readonly string[];
  /** Live equals with a lower id: they evict first. */
  readonly mastersBefore: number;
  /** A live node that ranks after this one says that it holds. */
  readonly challenged: boolean;
}

/** The wish that follows from the election's state. */
export function aimOf(state: Election): Aim {
  const peers = [...state.peers.values()];
  const successors = outranking(state);
  const claimant = successors.find((peer) => peer.trailer?.holds && peer.instanceId !== null);
  const silent = peers.filter((peer) => !peer.alive);
  return {
    want: wantOf(state, { successors, peers }),
    successors: instancesOf(successors),
    claimant: claimant?.instanceId ?? null,
    mute: successors.some((peer) => peer.trailer === null),
    alive: instancesOf(peers.filter((peer) => peer.alive)),
    dead: instancesOf(silent.filter((peer) => peer.heardAtMs !== null)),
    unheard: instancesOf(silent.filter((peer) => peer.heardAtMs === null)),
    mastersBefore:
      peers.filter((peer) =>
        eligible(peer) && peer.priority === state.priority && peer.heardId < (state.selfId ?? "")
      ).length,
    challenged: peers.some((peer) =>
      eligible(peer) && peer.trailer?.holds && peer.priority > state.priority
    ),
  };
}

function wantOf(
  state: Election,
  { successors, peers }: { successors: readonly Peer[]; peers: readonly Peer[] },
): Want {
  if (state.stops > 0) {
    const wait = state.stops === 1 && state.yieldUntilMs !== PASSED &&
      peers.some((peer) => peer.alive);
    return wait ? "yield" : "release";
  }
  if (settling(state)) return "keep";
  if (!selfEligible(state) && successors.length === 0) {
    return state.role === "master" ? "hold" : "keep";
  }
  if (state.role === "master") return "hold";
  return state.yieldUntilMs === PASSED ? "release" : "yield";
}

function instancesOf(peers: readonly Peer[]): string[] {
  return peers.flatMap(({ instanceId }) => instanceId ?? []);
}
