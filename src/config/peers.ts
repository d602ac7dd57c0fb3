// Who the peers are, and where we listen for them.
import { canonicalIp, isIpv4 } from "../core/ip.ts";
import type { PeerSource } from "../exoscale/peer_source.ts";
import { needsLeases, PUBLIC } from "../exoscale/private_networks.ts";
import type { Listen, PeersConfig } from "../options/peers.ts";
import { type ConfigReader, nameOf, type Need } from "./config_reader.ts";

/** The peers' part of the configuration; only the watchdog uses it. */
export function readPeers(
  reader: ConfigReader,
  { counts, watchdog }: { counts: boolean; watchdog: boolean },
): PeersConfig {
  if (!counts) {
    return {
      peers: { kind: "static", addresses: [] },
      heartbeatNetworks: [PUBLIC],
      listen: { hostname: "0.0.0.0", port: 0 },
    };
  }
  const need: Need = (...problem) => reader.need(...problem);
  const peers = readSource(reader, watchdog), listen = listenOf(reader.text("l"), need);
  if (peers.kind === "static") needFamilies(reader, { addresses: peers.addresses, listen });
  const heartbeatNetworks = readNetworks(reader, { peers, listen });
  return { peers, heartbeatNetworks, listen };
}

/** The networks for heartbeats. */
function readNetworks(
  reader: ConfigReader,
  { peers, listen: { hostname } }: { peers: PeerSource; listen: Listen },
): string[] {
  const option = "heartbeat-network";
  const given = listOf(reader, option), networks = given.length > 0 ? given : [PUBLIC];
  reader.needUnquoted(reader.value(option) ?? "", option);
  const empty = reader.value(option) === "" || given.includes("");
  reader.need(!empty, option, "the name of a network is empty: leave it out, or name some");
  if (!needsLeases(networks)) return networks;
  const addressed = `excludes ${nameOf("p")}, whose addresses say already where heartbeats go: ` +
    `give ${nameOf("p")} the private addresses of the nodes, or leave it out`;
  reader.need(peers.kind !== "static", option, addressed);
  const bound = !["0.0.0.0", "::"].includes(hostname);
  const single = `names ${networks.length} networks, but ${nameOf("l")} binds to ${hostname} ` +
    "alone, which is in one of them: give it :PORT";
  reader.need(!bound || networks.length < 2, option, single);
  return networks;
}

function readSource(reader: ConfigReader, watchdog: boolean): PeerSource {
  for (const option of ["p", "G"]) reader.needUnquoted(reader.value(option) ?? "", option);
  const texts = listOf(reader, "p").map((address) => address.replace(/^\[(.*)\]$/, "$1"));
  const addresses = [...new Set(texts.map((text) => canonicalIp(text) ?? text))];
  const groups = listOf(reader, "G");
  const both = addresses.length > 0 && groups.length > 0;
  reader.need(!watchdog || !both, "p", `excludes ${nameOf("G")}: give one of them`);
  for (const address of addresses) {
    // A name need not be a valid host name: container names, for example, have underscores.
    const name = /^(?=.*[a-z])[a-z0-9._-]+$/i;
    const plausible = canonicalIp(address) !== null || name.test(address);
    const problem = `${JSON.stringify(address)} is neither an IP address nor a host name`;
    reader.need(plausible, "p", problem);
  }
  for (const option of ["p", "G"]) {
    reader.need(
      reader.value(option) !== "",
      option,
      "the list is empty: leave it out, or name some",
    );
  }
  reader.need(!groups.includes(""), "G", "the name of a group is empty");
  if (addresses.length > 0) return { kind: "static", addresses };
  return groups.length > 0 ? { kind: "groups", groups } : { kind: "discovery" };
}

/** More than any cluster has: each name is looked up, and each peer gets every heartbeat. */
const FRAGMENTS_MAX = 4_096;

/** The elements of a list, without duplicates. */
function listOf(reader: ConfigReader, option: string): string[] {
  const parts = reader.value(option) ? reader.values(option) : [];
  const few = parts.length <= FRAGMENTS_MAX;
  reader.need(few, option, `a list of ${parts.length}, wanted at most ${FRAGMENTS_MAX}`);
  return few ? [...new Set(parts)] : [];
}

/**
 * Refuses peers of a family that the socket does not use: no heartbeat would arrive, and each node would hold alone.
 */
function needFamilies(
  reader: ConfigReader,
  { addresses, listen: { hostname } }: { addresses: readonly string[]; listen: Listen },
): void {
  const long = addresses.find((address) => address.includes(":"));
  const onIpv4 = !hostname.includes(":");
  const only = `is IPv6, but ${nameOf("l")} listens on IPv4 only: give it [::]:PORT`;
  reader.need(!long || !onIpv4, "p", `${long} ${only}`);
  const short = addresses.find((address) => canonicalIp(address) !== null && isIpv4(address));
  const other = `is IPv4, but ${nameOf("l")} listens on one IPv6 address only`;
  reader.need(!short || onIpv4 || hostname === "::", "p", `${short} ${other}`);
}

/** What `-l` says. */
export function listenOf(text: string, need: Need): Listen {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:]*)):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[3]);
  const form = "ADDRESS:PORT, [IPV6]:PORT or :PORT";
  need(port >= 1 && port <= 65535, "l", `${JSON.stringify(text)} is not ${form}`);
  const [long, short] = [match?.[1], match?.[2]];
  if (long !== undefined) {
    const hostname = canonicalIp(long);
    need(hostname !== null, "l", `${JSON.stringify(long)} is not an IPv6 address`);
    return { hostname: hostname ?? "::", port };
  }
  const hostname = short || "0.0.0.0";
  need(!match || isIpv4(hostname), "l", `${JSON.stringify(hostname)} is not an IPv4 address`);
  return { hostname, port };
}
