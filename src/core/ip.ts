// Addresses of either family, in the one form in which they can be compared as text.
import { isIpv4 } from "./ipv4.ts";
import { formatIpv6, parseIpv6 } from "./ipv6.ts";

/** The canonical text, null when it is no address. An IPv4 address in IPv6's clothes (`::ffff:1.2.3.4`) loses them. */
export function canonicalIp(text: string): string | null {
  if (isIpv4(text)) return text;
  const bytes = parseIpv6(text);
  if (bytes === null) return null;
  const mapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 255 &&
    bytes[11] === 255;
  return mapped ? bytes.subarray(12).join(".") : formatIpv6(bytes);
}

/** Whether the text is an IPv6 address in its canonical form or any other. */
export function isIpv6(text: string): boolean {
  return parseIpv6(text) !== null;
}

/** As it stands before a port: IPv6 in brackets. */
export function hostText(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

/** Which family a canonical address is of. */
export function familyOf(address: string): "IPv4" | "IPv6" {
  return address.includes(":") ? "IPv6" : "IPv4";
}

/** Bytes of the prefix that an Elastic IPv6 is: a whole /96, of which the API names the first address but one. */
export const PREFIX_BYTES = 12;

/**
 * The text for which an Elastic IP stands in heartbeats, null when it is no address: every address of an Elastic IPv6,
 * and its prefix (`2001:db8::/96`), give the one that the API names, so that all nodes speak of the same.
 */
export function canonicalElasticIp(text: string): string | null {
  const address = canonicalIp(text.replace(/\/96$/, (cut) => text.includes(":") ? "" : cut));
  const bytes = address === null ? null : parseIpv6(address);
  if (bytes === null) return address;
  const named = new Uint8Array(bytes.length);
  named.set(bytes.subarray(0, PREFIX_BYTES));
  named[bytes.length - 1] = 1;
  return formatIpv6(named);
}

/** Whether both texts are addresses of the same Elastic IP. */
export function sameElasticIp(one: string, other: string): boolean {
  const canonical = canonicalElasticIp(one);
  return canonical !== null && canonical === canonicalElasticIp(other);
}

/** The whole of it as a network: `198.51.100.50/32`, `2001:db8::/96`. Its text must be one of an address. */
export function networkOf(elasticIp: string): string {
  const bytes = parseIpv6(elasticIp);
  if (bytes === null) return `${elasticIp}/32`;
  const base = new Uint8Array(bytes.length);
  base.set(bytes.subarray(0, PREFIX_BYTES));
  return `${formatIpv6(base)}/${PREFIX_BYTES * 8}`;
}
