// Peers that the configuration names and that cannot be placed: their name has no address yet, or no machine of the
// zone has their address. Each may be a node that lives and holds, so a node in doubt leaves the address with a holder
// that it does not know (see `kept` in next_call.ts).
//
// The doubt must end: a name may be missing because its server is down, or because its machine is dead and its record
// was removed. While name servers give no answer, the peer most likely lives, and the fault will be mended: the doubt
// lasts. If a name server or the cloud answers that there is no such peer, we believe it after a minute in which no
// unknown sender spoke for our Elastic IP. From then on the peer counts as one that was never heard: we hold beside its
// machine, and take the address from it only if the cloud says that it is off.
import {
  type Election,
  type Heard,
  holdOffMs,
  type MissingPeer,
  type MissingPeers,
  SKEW_MS,
} from "./state.ts";

/** How long a peer must have been denied, without a word from anybody unknown. */
export const DENIED_MS = 60_000;

const OVER = -Infinity;

/** What is known of them now that these are missing. One that was given up stays so until it is found. */
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

/** Those whose time is over are given up. */
export function giveUpMissing(missing: MissingPeers, atMs: number): MissingPeers {
  if (missingWakeAtMs(missing) > atMs) return missing;
  return new Map([...missing].map(([peer, untilMs]) => [peer, untilMs <= atMs ? OVER : untilMs]));
}

/**
 * An unknown sender speaks for our Elastic IP and may be one of them: they are not given up before it has been silent
 * for as long as a peer that is dead. The same state when that is nearly so already: each of many heartbeats says it.
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

/** When the next one is given up, Infinity when that is not to come. */
export function missingWakeAtMs(missing: MissingPeers): number {
  let wakeAtMs = Infinity;
  for (const untilMs of missing.values()) {
    if (untilMs !== OVER) wakeAtMs = Math.min(wakeAtMs, untilMs);
  }
  return wakeAtMs;
}

/** Whether that one is missing and no reason for doubt any more. */
export function givenUp(missing: MissingPeers, peer: string): boolean {
  return missing.get(peer) === OVER;
}

/** Whether an instance that we do not know may be a peer. */
export function inDoubt(missing: MissingPeers): boolean {
  for (const untilMs of missing.values()) if (untilMs !== OVER) return true;
  return false;
}
