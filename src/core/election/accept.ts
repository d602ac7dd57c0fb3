// Which heartbeats are believed. Whether a tag is right has been found out before, see src/watch/authenticator.ts;
// what follows from that is decided here, and in proof.ts.
import { deadTimeMs, deadTimeOfMs, type Election, type Heard } from "./state.ts";
import type { Trailer } from "../heartbeat.ts";
import type { Peer } from "./peer.ts";
import { doubtOf, type Measure } from "./proof.ts";
import type { RejectReason } from "../registry/reject_reasons.ts";

/** Why a heartbeat must not be believed, or null when it may. */
export function rejectionOf(
  state: Election,
  { from, heartbeat, signed = false, refusedAs }: Heard,
  atMs: number,
): RejectReason | null {
  if (refusedAs) return refusedAs;
  const { peers, settings, selfId } = state;
  const peer = peers.get(from);
  if (!peer) return "unknown-source";
  if (heartbeat.elasticIp !== settings.elasticIp) return "wrong-address";
  if (heartbeat.id === selfId) return "own-id";
  if (peer.wireId !== null && heartbeat.id !== peer.wireId) return "wrong-id";
  const { trailer } = heartbeat;
  if (signed && trailer) return doubtOf(peer.proof, trailer, measureOf(peer, state, atMs));
  // Who has signed once can sign: what comes without a tag is another's.
  if (peer.proof !== null) return "unsigned";
  // Much older than the last one means a restart with another clock, not a late datagram.
  const lagMs = lagBehind(peer.trailer, trailer);
  return lagMs >= 0 && lagMs < deadTimeMs(settings) ? "reordered" : null;
}

/** What the signed heartbeats of that peer are measured with. */
export function measureOf(peer: Peer, { settings, run }: Election, atMs: number): Measure {
  return { selfRun: run, atMs, deadMs: deadTimeOfMs(peer, settings) };
}

/** How much older the second is, negative when it is not; where nobody checks tags both may be signed, or one. */
function lagBehind(before: Trailer | null, now: Trailer | null): number {
  if (before === null || now === null || before.stamp?.run !== now.stamp?.run) return -Infinity;
  return (before.sequence - now.sequence) / (now.stamp === null ? 1 : 1_000);
}
