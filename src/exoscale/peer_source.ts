// Where the peers come from, and how a listing of machines becomes the membership.
import type { PeerIdentity } from "../core/election/peer.ts";
import type { PeerList } from "../world.ts";
import { named } from "./json.ts";

/** `-p`, `-G` (names or ids of security groups), or neither. */
export type PeerSource =
  | { readonly kind: "static"; readonly addresses: readonly string[] }
  | { readonly kind: "groups"; readonly groups: readonly string[] }
  | { readonly kind: "discovery" };

/** A machine as either API lists it. */
export interface Machine {
  readonly instanceId: string;
  readonly wireId: string;
  /** Its name, fit for one line; empty without one. */
  readonly name: string;
  /** Native addresses in canonical form: IPv4, if it has one, before IPv6. */
  readonly addresses: readonly string[];
  /** It may still run, or run again. */
  readonly exists: boolean;
  /** Id of the pool that made it, null without one. */
  readonly poolId: string | null;
  /** Labels on API v2, tags on CloudStack; null if the cloud lists none at all. */
  readonly labels: Readonly<Record<string, string>> | null;
}

/** The machines of the group as peers, without self and without those that are gone. */
export function membersAmong(machines: readonly Machine[], selfId: string): PeerList {
  const inPeerList = machines.some(({ instanceId }) => instanceId === selfId);
  return { peers: peersAmong(machines, selfId), inPeerList };
}

function peersAmong(machines: readonly Machine[], selfId: string): PeerIdentity[] {
  return machines.flatMap(({ instanceId, wireId, name, addresses: [address], exists }) =>
    exists && address !== undefined && instanceId !== selfId
      ? { address, instanceId, wireId, ...named(name) }
      : []
  );
}

/**
 * Finds the machine with each given address. An address that no machine has, or several, is reported separately and is
 * not a peer: a machine that is gone must not keep the others from starting, and a stranger may have its address now.
 */
export function peersAt(
  addresses: readonly string[],
  { machines, selfId }: { machines: readonly Machine[]; selfId: string },
): PeerList {
  const found = addresses.map((address) =>
    [
      address,
      machines.filter((machine) => machine.addresses.includes(address) && machine.exists),
    ] as const
  );
  const unplaced = found.filter(([, matches]) => matches.length !== 1)
    .map(([address, { length: count }]) => ({ address, count }));
  // A list given by hand need not contain self. Heartbeats come from the given address.
  const placed = found.filter(([, matches]) => matches.length === 1).flatMap(([address, matches]) =>
    matches.map((machine) => ({ ...machine, addresses: [address] }))
  );
  return { peers: peersAmong(placed, selfId), inPeerList: true, unplaced };
}
