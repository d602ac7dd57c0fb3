// Missing peers: the configuration names them, but their name has no address yet, or no machine of the zone has their
// address. Each may be a live node that holds, so a node in doubt leaves the address with an unknown holder (see `kept`
// in ownership/step.ts).
//
// The doubt must end: a name may be missing because its server is down, or because its machine is dead and its record
// was removed. While name servers do not answer, the peer most likely lives, so the doubt lasts. If a name server or
// the cloud says that there is no such peer, we believe it after a minute in which no unknown sender sent a heartbeat
// for our Elastic IP. From then on the peer counts as never heard: we hold beside its machine, and evict it only if the
// cloud says that the machine is off.
import {
  type Election,
  type Heard,
  holdOffMs,
  type MissingPeer,
  type MissingPeers,
  SKEW_MS,
} from "./state.ts";

/** How long a peer must have been denied, with no heartbeat from an unknown sender. */
const DENIED_MS = 60_000;

const OVER = -Infinity;

/** Updates the missing peers. A peer that was given up stays given up until it is found. */
export function noteMissing(
  before: MissingPeers,
  missing: readonly MissingPeer[],
  atMs: number,
): MissingPeers {
  if (missing.length === 0) return before.size === 0 ? before : new Map();
  return new Map(missing.map(({ peer, denied }) => {
    const untilMs = before.get(peer);
    if (untilMs === OVER) return [peer, OVER];
    if (!denied) return [peer, Infinity];
    return [peer, untilMs === undefined || untilMs === Infinity ? atMs + DENIED_MS : untilMs];
  }));
}

/** Gives up the missing peers that have been denied for long enough. */
export function giveUpMissing(missing: MissingPeers, atMs: number): MissingPeers {
  if (missingWakeAtMs(missing) > atMs) return missing;
  return new Map([...missing].map(([peer, untilMs]) => [peer, untilMs <= atMs ? OVER : untilMs]));
}

/**
 * An unknown sender uses our Elastic IP and may be a missing peer: none is given up until the sender has been silent
 * for the hold-off. Returns the same state if the time would hardly change, because such heartbeats may be many.
 */
export function holdOut(state: Election, { from, heartbeat }: Heard, atMs: number): Election {
  const { missing, settings, selfId, peers } = state;
  if (peers.has(from) || heartbeat.id === selfId) return state;
  const untilMs = atMs + holdOffMs(settings);
  if (missingWakeAtMs(missing) > untilMs - SKEW_MS) return state;
  const later = [...missing].map(([peer, ms]) =>
    [peer, ms === OVER ? OVER : Math.max(ms, untilMs)] as const
  );
  return { ...state, missing: new Map(later) };
}

/** When the next missing peer is given up; Infinity if none will be. */
export function missingWakeAtMs(missing: MissingPeers): number {
  let wakeAtMs = Infinity;
  for (const untilMs of missing.values()) {
    if (untilMs !== OVER) wakeAtMs = Math.min(wakeAtMs, untilMs);
  }
  return wakeAtMs;
}

/** Whether the peer is missing but no longer a reason for doubt. */
export function givenUp(missing: MissingPeers, peer: string): boolean {
  return missing.get(peer) === OVER;
}

/** Whether an unknown instance may be a peer. */
export function inDoubt(missing: MissingPeers): boolean {
  for (const untilMs of missing.values()) if (untilMs !== OVER) return true;
  return false;
}
