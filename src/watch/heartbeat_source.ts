// The source address of our heartbeats, and what we report about heartbeats from unknown addresses.
import type { Peer } from "../core/election/peer.ts";
import { canonicalIp, familyOf } from "../core/ip.ts";
import type { Line } from "../log/rate_limited_log.ts";
import type { HeartbeatSource } from "../world.ts";

/** Why a heartbeat comes from an Elastic IP. */
export const FROM_ELASTIC_IP =
  "it comes from the Elastic IP itself, which the routes of its sender choose as source: run " +
  "--doctor there";

/** The log line about a change. */
export function sourceLine(
  { family, own, trouble }: HeartbeatSource,
): Line<"source"> {
  if (trouble === null) return ["info", "source", `heartbeats leave from ${own} again`];
  const place = own === null ? "" : ` from ${own}, where the peers know this instance`;
  const rest = "peers refuse them unless the network translates their source";
  return ["warning", "source", `${family} heartbeats do not leave${place}: ${trouble}; ${rest}`];
}

/** The likely cause of a heartbeat with that id from an address that is not a peer's; undefined when unknown. */
export function strayCause(id: string, peers: Iterable<Peer>): string | undefined {
  for (const { address, wireId } of peers) {
    if (wireId !== id) continue;
    return `it says that it is ${address}, whose heartbeats must come from there: run --doctor there`;
  }
  return undefined;
}

const LOCAL = /^(127\.|169\.254\.|::1$|fe[89ab])/;
/** Private networks. Source: RFC 6890. */
const PRIVATE =
  /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|198\.1[89]\.|f[cd])/;

/**
 * Guesses by which of our addresses the peers know us, because the first heartbeats leave before the cloud has said.
 * For each family: the only one that `-p` names (all nodes may share the same list), else the only public one, or the
 * only private one if `-p` names private addresses, else the only one. No guess for peers of both kinds: each needs
 * another source. A wrong guess lasts until the cloud answers.
 */
export function likelyOwn(
  interfaces: readonly { readonly name: string; readonly address: string }[],
  { elasticIps, named }: { elasticIps: readonly string[]; named: readonly string[] },
): string[] {
  const found = interfaces.filter(({ name }) => name !== "lo")
    .flatMap(({ address }) => canonicalIp(address) ?? [])
    .filter((address) => !LOCAL.test(address) && !elasticIps.includes(address));
  return (["IPv4", "IPv6"] as const).flatMap((family) => {
    const own = found.filter((address) => familyOf(address) === family);
    const peers = named.filter((each) => canonicalIp(each) !== null && familyOf(each) === family);
    const inside = peers.filter((address) => PRIVATE.test(address)).length;
    if (inside > 0 && inside < peers.length) return [];
    const sieves = [
      own.filter((address) => named.includes(address)),
      own.filter((address) => PRIVATE.test(address) === inside > 0),
      own,
    ];
    return sieves.find(({ length }) => length === 1) ?? [];
  });
}
