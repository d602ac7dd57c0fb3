// Peers that the configuration names and that cannot be placed: their name has no address yet, or no machine of the
// zone has their address. Each may be a node that lives and holds, so a node in doubt leaves the address with a holder
// that it does not know (see `kept` in next_call.ts).
//
// How long is the question: a name may be missing because its server is down, or because its machine is gone for good
// and its record was removed. Nobody answers: the peer most likely lives, and what is broken will be mended, so the
// doubt lasts as long as the silence. Somebody answers that there is no such peer: we believe it once that has been so
// for a minute in which no unknown sender spoke for our Elastic IP. From then on the peer counts as one that was never
// heard: we hold beside its machine, and take from it only if the cloud says that it is off.

import { type Election, holdOffMs, SKEW_MS } from "./election_state.ts";
import type { Heard } from "./trust.ts";

/** One of them. */
export interface MissingPeer {
  /** As the configuration names it. */
  readonly peer: string;
  /** Whether a name server, or the cloud, says that there is none; otherwise nobody could be asked. */
  readonly denied: boolean;
}

/** Until when each of them is a reason for doubt: Infinity while nobody answers, -Infinity once it is over. */
export type MissingPeers = ReadonlyMap<string, number>;

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
 * Somebody unknown speaks for our Elastic IP, who may be one of them: nobody is given up before he has been silent for
 * as long as a peer that is dead. The same state when that is nearly so already, since each of many heartbeats says it.
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

/** Whether somebody may be a peer whom we cannot place. */
export function inDoubt(missing: MissingPeers): boolean {
  for (const untilMs of missing.values()) if (untilMs !== OVER) return true;
  return false;
}
