// What a peer may know of this node. Two halves of a network that cannot hear each other take turns by what they know
// of each other (`taking` in desired_state.ts). So each must allow for all that the other may go by: not only what this
// node tells now, but also what it told while its last heartbeats may have been lost, and since the other one spoke.
// Then no pair of views puts both first, and none puts both second: a node that may be either waits for longer still.
import { deadTimeOfMs, type ElectionSettings } from "./state.ts";
import type { Advert } from "../heartbeat.ts";
import { claimOf, type Peer, sameRank, type Standing } from "./peer.ts";

/** More changes than this within a dead time are not kept apart: the oldest are forgotten. */
const STANDINGS_MAX = 8;

/** The peer after a heartbeat of ours to it; the same one when that says nothing new. */
export function told(
  peer: Peer,
  { priority, ownPriority, unhealthy, holds }: Advert,
  { id, atMs }: { id: string; atMs: number },
): Peer {
  const now = { ...claimOf({ priority, ownPriority, unhealthy }, id), holds };
  const last = peer.knowsUs.at(-1);
  if (last && same(last, now)) return peer;
  const past = peer.knowsUs.map((each) =>
    each.untilMs === Infinity ? { ...each, untilMs: atMs } : each
  );
  const knowsUs = [...past, { ...now, untilMs: Infinity }].slice(-STANDINGS_MAX);
  return { ...peer, knowsUs };
}

/**
 * What a peer that is heard now may go by: all that it was told within its dead time, because the latest heartbeats may
 * have been lost or still be on their way. The same list when that is all of it.
 */
export function knownOnceHeard(
  peer: Pick<Peer, "knowsUs" | "trailer">,
  settings: ElectionSettings,
  atMs: number,
): readonly Standing[] {
  const { knowsUs } = peer;
  const sinceMs = atMs - deadTimeOfMs(peer, settings);
  if (knowsUs.every(({ untilMs }) => untilMs > sinceMs)) return knowsUs;
  return knowsUs.filter(({ untilMs }) => untilMs > sinceMs);
}

function same(one: Omit<Standing, "untilMs">, other: Omit<Standing, "untilMs">): boolean {
  return sameRank(one, other) && one.id === other.id && one.holds === other.holds;
}
