// Where the peers come from, and how a listing of machines becomes the membership.
import type { PeerIdentity } from "../core/election/peer.ts";
import type { PeerList } from "../world.ts";
import { named } from "./json.ts";

/** `-p`, `-G` (names or ids of security groups), or neither. */
export type PeerSource =
  | { readonly kind: "static"; readonly addresses: readonly string[] }
  | { readonly kind: "groups"; readonly groups: readonly string[] }
  | { readonly kind: "discovery" };

/** An address at which a machine is a peer. */
export interface Path {
  readonly address: string;
  /** Name of the private network that has it; left out for a native address. */
  readonly network?: string;
}

/** A machine as either API lists it. */
export interface Machine {
  readonly instanceId: string;
  readonly wireId: string;
  /** Its name, fit for one line; empty without one. */
  readonly name: string;
  /** Native addresses in canonical form: IPv4, if it has one, before IPv6. */
  readonly addresses: readonly string[];
  /** Where it is a peer, one or more paths; left out: at the first of its native addresses. */
  readonly paths?: readonly Path[];
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
  // A machine of the group without any path may be a node that serves, and is not heard.
  const lost = machines.filter((each) =>
    each.exists && each.instanceId !== selfId && each.paths?.length === 0
  );
  const missing = lost.map(({ instanceId }) => ({
    peer: `${instanceId} (no address in the heartbeat network)`,
    denied: true,
  }));
  const peers = peersAmong(machines, selfId);
  return { peers, inPeerList, ...(missing.length > 0 && { missing }) };
}

function peersAmong(machines: readonly Machine[], selfId: string): PeerIdentity[] {
  return machines.filter(({ exists, instanceId }) => exists && instanceId !== selfId)
    .flatMap((machine) =>
      pathsOf(machine).map((path) => ({
        ...path,
        instanceId: machine.instanceId,
        wireId: machine.wireId,
        ...named(machine.name),
      }))
    );
}

function pathsOf({ paths, addresses: [address] }: Machine): readonly Path[] {
  return paths ?? (address === undefined ? [] : [{ address }]);
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
      machines.filter((machine) => isAt(machine, address) && machine.exists),
    ] as const
  );
  const unplaced = found.filter(([, matches]) => matches.length !== 1)
    .map(([address, { length: count }]) => ({ address, count }));
  // A list given by hand need not contain self. Heartbeats come from the given address.
  const placed = found.filter(([, matches]) => matches.length === 1).flatMap(([address, matches]) =>
    matches.map((machine) => ({ ...machine, paths: [pathTo(machine, address)] }))
  );
  return { peers: peersAmong(placed, selfId), inPeerList: true, unplaced };
}

function isAt({ addresses, paths = [] }: Machine, address: string): boolean {
  return addresses.includes(address) || paths.some((path) => path.address === address);
}

function pathTo({ paths = [] }: Machine, address: string): Path {
  return paths.find((path) => path.address === address) ?? { address };
}
