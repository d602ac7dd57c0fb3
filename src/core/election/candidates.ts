// Peers without heartbeats: we believe the list in the store of the lease. A listed node lives. A node that vanishes
// from the list is dead at once, or simply gone if it had said that it leaves. A peer's address is its instance id
// here.
import { trailerFor } from "../heartbeat.ts";
import type { Candidate } from "../lease/call.ts";
import type { Listing } from "../lease/candidates.ts";
import { type Peer, unheard } from "./peer.ts";
import { type Election, PASSED } from "./state.ts";

/** How long a dead peer is still shown. */
const DEAD_MS = 3_600_000;
/** Most dead peers that are shown: machines of a group come and go. */
const DEAD_MAX = 64;

/** The store shows the candidates. */
export interface CandidatesEvent extends Listing {
  readonly kind: "candidates";
}

/** The election with the listed nodes as its peers. It begins once the node itself is listed. */
export function meetCandidates(
  state: Election,
  { candidates, listed, certain }: CandidatesEvent,
  atMs: number,
): Election {
  const here = new Set(candidates.map(({ instanceId }) => instanceId));
  const absent = [...state.peers.values()].filter(({ address }) => !here.has(address));
  const doubtful = ({ alive, trailer }: Peer) => alive && !certain && !trailer?.leaving;
  const peers = [
    ...candidates.map((candidate) => livingPeer(candidate, atMs)),
    ...absent.filter(doubtful),
    ...deadAmong(absent.filter((peer) => !doubtful(peer)), atMs),
  ];
  return {
    ...state,
    peers: new Map(peers.map((peer) => [peer.address, peer])),
    settledAtMs: listed ? PASSED : state.settledAtMs,
  };
}

/** Unlike an unsigned heartbeat, a candidate needs no proof over time: its node counts at once. */
function livingPeer({ instanceId, name, says }: Candidate, atMs: number): Peer {
  const identity = { address: instanceId, instanceId, wireId: instanceId };
  return {
    ...unheard(name === undefined ? identity : { ...identity, name }),
    heardAtMs: atMs,
    alive: true,
    aliveSinceMs: -Infinity,
    beats: Infinity,
    lived: true,
    priority: says.priority,
    heardId: instanceId,
    trailer: trailerFor(says, { hearsYou: true, sequence: 0 }),
  };
}

/** Without those that have left, and those that died long ago. */
function deadAmong(peers: readonly Peer[], atMs: number): Peer[] {
  return peers
    .filter(({ trailer, heardAtMs }) => !trailer?.leaving && atMs < (heardAtMs ?? 0) + DEAD_MS)
    .map((peer) => peer.alive ? { ...peer, alive: false, diedWhileListed: true } : peer)
    .toSorted((one, other) => (other.heardAtMs ?? 0) - (one.heardAtMs ?? 0))
    .slice(0, DEAD_MAX);
}
