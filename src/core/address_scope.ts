// Addresses that cannot be an Elastic IP because they only have a meaning within a machine, a link or a private
// network. Source: IANA's registries of special-purpose addresses (RFC 6890) and of multicast.
import { inNetwork } from "./ip.ts";

/** Why an address cannot be reached from the internet. */
export interface Scope {
  /** With its article, as in `a loopback`. */
  readonly name: string;
  /** The network of all such addresses. */
  readonly network: string;
  /** A private cloud may use such addresses as its public ones. */
  readonly isPrivate: boolean;
}

type Row = readonly [network: string, name: string, isPrivate?: true];

const ROWS: readonly Row[] = [
  ["0.0.0.0/8", "an unspecified"],
  ["10.0.0.0/8", "a private", true],
  ["100.64.0.0/10", "a shared (carrier-grade NAT)", true],
  ["127.0.0.0/8", "a loopback"],
  ["169.254.0.0/16", "a link-local"],
  ["172.16.0.0/12", "a private", true],
  ["192.168.0.0/16", "a private", true],
  ["224.0.0.0/4", "a multicast"],
  ["240.0.0.0/4", "a reserved"],
  ["::/128", "an unspecified"],
  ["::1/128", "a loopback"],
  ["fc00::/7", "a private (unique local)", true],
  ["fe80::/10", "a link-local"],
  ["ff00::/8", "a multicast"],
];

/** The scope of an address; null if the internet can reach it, or if the text is not an address. */
export function scopeOf(address: string): Scope | null {
  const row = ROWS.find(([network]) => inNetwork(address, network));
  if (!row) return null;
  const [network, name, isPrivate = false] = row;
  return { name, network, isPrivate };
}
