// Peers and adverts for tests of the election by tables.
import { type Peer, unheard } from "../../src/core/election/peer.ts";
import type { Advert, Trailer } from "../../src/core/heartbeat.ts";
import { HEALTHY_TRAILER } from "./node_settings.ts";

/** How a peer differs from the default. */
export type DifferentPeer = Partial<Omit<Peer, "trailer">> & { trailer?: Partial<Trailer> | null };

/** Instance ids in the order of their numbers, 0 to 9. */
export function idOf(number: number): string {
  return `00000001-0000-4000-8000-00000000000${number}`;
}

/** A live peer of a worse priority that is healthy and does not hold, heard steadily, last at 5 s. */
export function livePeer(number: number, { trailer = {}, ...rest }: DifferentPeer = {}): Peer {
  const id = idOf(number);
  return {
    ...unheard({ address: `10.0.0.${number}`, instanceId: id, wireId: id }),
    heardAtMs: 5_000,
    aliveSinceMs: -99_999,
    beats: 3,
    lived: true,
    alive: true,
    priority: 20,
    heardId: id,
    trailer: trailer && { ...HEALTHY_TRAILER, ...trailer },
    ...rest,
  };
}

/** What a healthy node says that holds nothing. */
export const HEALTHY_ADVERT: Advert = {
  priority: 10,
  holds: false,
  leaving: false,
  unable: false,
  unhealthy: false,
  ownPriority: 10,
  intervalMs: 1_000,
};
