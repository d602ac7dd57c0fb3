// Which heartbeats are believed. Whether a tag is right has been found out before, see src/watch/guard.ts; what follows
// from that for the sequence is decided here.
import { deadTimeMs, type Election } from "./election_state.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { RejectReason } from "./reject_reasons.ts";

/** A heartbeat that came in. */
export interface Heard {
  readonly from: string;
  readonly heartbeat: Heartbeat;
  /** Its tag is right. */
  readonly sealed?: boolean;
}

/** Why a heartbeat must not be believed, or null when it may. */
export function distrust(
  { peers, settings, selfId }: Election,
  { from, heartbeat, sealed = false }: Heard,
): RejectReason | null {
  const peer = peers.get(from);
  if (!peer) return "unknown-source";
  if (heartbeat.elasticIp !== settings.elasticIp) return "wrong-address";
  if (heartbeat.id === selfId) return "own-id";
  if (peer.wireId !== null && heartbeat.id !== peer.wireId) return "wrong-id";
  if (sealed) {
    const risen = (heartbeat.trailer?.sequence ?? 0) > (peer.sealedSequence ?? -1);
    return risen ? null : "replayed";
  }
  // Who has signed once can sign: what comes without a tag is another's.
  if (peer.sealedSequence !== null) return "unsigned";
  // Much older than the last one means a restart with another clock, not a late datagram.
  const lag = (peer.trailer?.sequence ?? 0) - (heartbeat.trailer?.sequence ?? Infinity);
  return lag >= 0 && lag < deadTimeMs(settings) ? "reordered" : null;
}
