// Who the peers are, and where we listen for them.
import { canonicalIp } from "../core/ip.ts";
import { isIpv4 } from "../core/ipv4.ts";
import type { PeerSource } from "../exoscale/peer_source.ts";
import { nameOf, type Need, type Reading } from "./reading.ts";

/** The peers as configured. */
export interface PeersConfig {
  /** IPv4 addresses or host names, or a group. */
  readonly peers: PeerSource;
  readonly listen: Listen;
}

/** Where the socket is bound. */
export interface Listen {
  readonly hostname: string;
  readonly port: number;
}

/** The peers' part of the configuration; only the watchdog must have some, and other modes do not look. */
export function readPeers(
  reading: Reading,
  { counts, watchdog }: { counts: boolean; watchdog: boolean },
): PeersConfig {
  if (!counts) {
    return { peers: { kind: "static", addresses: [] }, listen: { hostname: "0.0.0.0", port: 0 } };
  }
  const need: Need = (...problem) => reading.need(...problem);
  return { peers: readSource(reading, watchdog), listen: listenOf(reading.text("l"), need) };
}

function readSource(reading: Reading, watchdog: boolean): PeerSource {
  const list = reading.value("p"), group = reading.value("G");
  if (watchdog) {
    reading.need(list === null || group === null, "p", `excludes ${nameOf("G")}: give one of them`);
    const missing = `peers are missing: give them, or a group with ${nameOf("G")}`;
    reading.need(list !== null || group !== null, "p", missing);
  }
  if (list === null) {
    return group === null ? { kind: "static", addresses: [] } : { kind: "group", group };
  }
  const texts = list.split(",").map((address) => address.trim().replace(/^\[(.*)\]$/, "$1"));
  const addresses = [...new Set(texts.map((text) => canonicalIp(text) ?? text))];
  for (const address of addresses) {
    const name = /^(?=.*[a-z])[a-z0-9.-]+$/i;
    const plausible = canonicalIp(address) !== null || name.test(address);
    const problem = `${JSON.stringify(address)} is neither an IP address nor a host name`;
    reading.need(plausible, "p", problem);
  }
  return { kind: "static", addresses };
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
