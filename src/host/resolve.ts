// Peers given by host name become addresses, because heartbeats are recognised by their source address.
import { canonicalIp } from "../core/ip.ts";
import type { PeerSource } from "../exoscale/peer_source.ts";

/** The source with every name replaced; throws an error that names all that cannot be resolved. */
export async function resolvePeers(
  peers: PeerSource,
  lookup: (name: string) => Promise<string>,
): Promise<PeerSource> {
  if (peers.kind !== "static") return peers;
  const failures: string[] = [];
  const addresses = await Promise.all(peers.addresses.map(async (peer) => {
    if (canonicalIp(peer) !== null) return peer;
    try {
      return await lookup(peer);
    } catch (error) {
      failures.push(`${peer} (${error instanceof Error ? error.message : error})`);
      return peer;
    }
  }));
  if (failures.length === 0) return { kind: "static", addresses: [...new Set(addresses)] };
  throw new Error(`-p (IF_EXOSCALE_PEERS): cannot resolve ${failures.join(", ")}`);
}
