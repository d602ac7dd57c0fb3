// What the other paths to a machine say about a heartbeat on one path. A signed heartbeat does not name the path that
// it was made for, and each path has numbers of its own. Without this, somebody who cuts one path could send there what
// was recorded on the other one: old words of a live machine, and signs of life of a dead one.
import type { Trailer } from "../heartbeat.ts";
import { pathsOf } from "./machines.ts";
import type { Peer } from "./peer.ts";
import { doubtOf, type Measure, type Proof, recentEchoAt } from "./proof.ts";

type Paths = Parameters<typeof pathsOf>[1];

/** Why a signed heartbeat must not be believed, by what all paths to its sender have proved; null when it may. */
export function doubtOnAnyPath(
  peer: Peer,
  state: Paths,
  { trailer, measure }: { trailer: Trailer; measure: Measure },
): "replayed" | "unproven" | null {
  const doubt = doubtOf(peer.proof, trailer, measure);
  if (doubt !== null || !state.repeated) return doubt;
  const newest = newestProof(pathsOf(peer, state));
  if (newest === null) return null;
  if (trailer.stamp?.run === newest.run) {
    // The paths may delay differently, but not by more than the dead time.
    return trailer.sequence < newest.sequence - measure.deadMs * 1_000 ? "replayed" : null;
  }
  // A process that began after the newest believed one echoes what we sent since then.
  const echoedAtMs = recentEchoAt(trailer, measure);
  return echoedAtMs !== null && echoedAtMs > newest.sinceMs ? null : "unproven";
}

/** Whether the sender has signed on any path: then it always signs. */
export function signsOnAnyPath(peer: Peer, state: Paths): boolean {
  return pathsOf(peer, state).some(({ proof }) => proof !== null);
}

/** The proof of the machine's latest process: its latest start, then its highest number. */
function newestProof(paths: readonly Peer[]): Proof | null {
  return paths.map(({ proof }) => proof).reduce((newest, proof) => {
    if (newest === null || proof === null) return newest ?? proof;
    if (proof.run === newest.run) return proof.sequence > newest.sequence ? proof : newest;
    return proof.sinceMs > newest.sinceMs ? proof : newest;
  }, null);
}
