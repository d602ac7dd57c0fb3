// Can heartbeats use the private networks? This instance and each peer need an address there, by the network's leases,
// and this machine must have its own on an interface.
import { nameOf } from "../../config/config.ts";
import { canonicalIp } from "../../core/ip.ts";
import type { PeerIdentity } from "../../core/election/peer.ts";
import { PUBLIC } from "../../exoscale/private_networks.ts";
import type { OwnPath, PeerList } from "../../world.ts";
import { type Context, known } from "../context.ts";
import { fail, ok, type Result, warn } from "../result.ts";

/** The check; it says nothing where no private network is used. */
export async function checkNetworks(context: Context, signal: AbortSignal): Promise<Result[]> {
  const [elasticIp] = await context.elasticIps(signal);
  if (elasticIp === undefined) return [];
  const wanted = context.config.heartbeatNetworks.filter((each) => each !== PUBLIC);
  if (wanted.length === 0 && context.config.peers.kind !== "static") return [];
  // The check of the peers reports why there is no list.
  const list = await known(context.membership(elasticIp, signal), "the list of peers");
  const names = networksOf(list);
  const bare = names.length >= wanted.length ? [] : [
    fail(
      `neither this instance nor a peer has an address in one of ${wanted.join(", ")}: let the ` +
        `interfaces there take theirs by DHCP, or correct ${nameOf("heartbeat-network")}`,
    ),
  ];
  return [...bare, ...names.flatMap((name) => resultsFor(name, { list, context }))];
}

function networksOf({ own = [], peers }: PeerList): string[] {
  return [...new Set([...own, ...peers].flatMap(({ network }) => network ?? []))];
}

function resultsFor(
  name: string,
  { list: { own = [], peers }, context }: { list: PeerList; context: Context },
): Result[] {
  const machines = new Set(peers.flatMap(({ instanceId }) => instanceId ?? []));
  const inside = new Set(
    peers.filter(({ network }) => network === name).flatMap(({ instanceId }) => instanceId ?? []),
  );
  const lost = [...machines].filter((id) => !inside.has(id));
  const peerText = `${inside.size} of ${machines.size} peers have an address there`;
  const mine = ownResult(own.find(({ network }) => network === name), { name, context, peerText });
  // Addresses of -p are chosen one by one.
  if (lost.length === 0 || context.config.peers.kind === "static") return [mine];
  const cure = "attach them, and let their interfaces take an address by DHCP";
  return [mine, warn(`${name}: no address there for ${titles(lost, peers)}: ${cure}`)];
}

function ownResult(
  own: OwnPath | undefined,
  { name, context, peerText }: { name: string; context: Context; peerText: string },
): Result {
  if (!own) {
    return fail(
      `${name}: the network has no lease for this instance, so its peers do not know its address ` +
        "there: let the interface take one by DHCP",
    );
  }
  const device = deviceOf(own.address, context);
  if (device === null) {
    return fail(
      `${name}: no interface of this machine has ${own.address}, which the network's lease gives ` +
        "it: let the interface there take it by DHCP",
    );
  }
  const where = device === "" ? own.address : `${own.address} on ${device}`;
  return ok(`${name}: this instance is ${where}, ${peerText}; security groups do not apply there`);
}

/** The interface with that address; null when none has it, empty when that is not known. */
function deviceOf(address: string, { host }: Context): string | null {
  try {
    return host.interfaces().find((each) => canonicalIp(each.address) === address)?.name ?? null;
  } catch {
    return "";
  }
}

function titles(ids: readonly string[], peers: readonly PeerIdentity[]): string {
  return ids.map((id) => {
    const elsewhere = peers.find(({ instanceId }) => instanceId === id);
    return elsewhere ? `${id} (${elsewhere.address})` : id;
  }).join(", ");
}
