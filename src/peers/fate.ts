// Whether an address of a peer's name can be used on this machine. A resolver can answer anything.
import { canonicalIp, isIpv4, parseIpv4, parseIpv6 } from "../core/ip.ts";

/** What is known about this machine's addresses. */
export interface Place {
  /** The address that the socket is bound to. */
  readonly hostname: string;
  /** Addresses of the interfaces, in their canonical form. */
  readonly own: readonly string[];
}

/**
 * `self`: this machine; `family`: the socket does not support its family; `no-host`: not an address of a single
 * machine.
 */
export type Fate = "peer" | "self" | "family" | "no-host";

const ANY = ["0.0.0.0", "::"];

/** Classifies an address. */
export function fateOf(text: string, { hostname, own }: Place): Fate {
  const address = canonicalIp(text);
  if (address === null || isNoHost(address)) return "no-host";
  if (address === hostname) return "self";
  // Several nodes can share one machine on loopback, as in tests: each then has its own loopback address.
  if (isLoopback(address)) return isLoopback(hostname) ? family(address, hostname) : "self";
  if (ANY.includes(hostname) && own.includes(address)) return "self";
  return family(address, hostname);
}

function family(address: string, hostname: string): Fate {
  const spoken = hostname === "::" || isIpv4(address) === isIpv4(hostname);
  return spoken ? "peer" : "family";
}

/** Why the address is left out, for the log. */
export function reasonOf(address: string, fate: Exclude<Fate, "peer">, hostname: string): string {
  if (fate === "self") return `${address} (this machine)`;
  if (fate === "no-host") return `${address} (no address of a node)`;
  return isIpv4(hostname)
    ? `${address} (IPv6, and -l listens on IPv4 only)`
    : `${address} (IPv4, and -l listens on one IPv6 address only)`;
}

/** 127.0.0.0/8 and ::1. */
export function isLoopback(address: string): boolean {
  return address === "::1" || parseIpv4(address)?.[0] === 127;
}

/** Unspecified, link-local, multicast, reserved. Sources: RFC 6890, RFC 4291 section 2.4. */
function isNoHost(address: string): boolean {
  const short = parseIpv4(address);
  if (short) {
    const [one = 0, two = 0] = short;
    return one === 0 || one >= 224 || (one === 169 && two === 254);
  }
  const [one = 0, two = 0] = parseIpv6(address) ?? [];
  return address === "::" || one === 0xff || (one === 0xfe && (two & 0xc0) === 0x80);
}
