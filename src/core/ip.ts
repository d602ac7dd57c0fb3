// Addresses of either family, in the canonical form that can be compared as text.
import { isIpv4, parseIpv4 } from "./ipv4.ts";
import { formatIpv6, parseIpv6 } from "./ipv6.ts";

/** The canonical text, null when the text is not an address. An IPv4-mapped address (`::ffff:1.2.3.4`) becomes IPv4. */
export function canonicalIp(text: string): string | null {
  if (isIpv4(text)) return text;
  const bytes = parseIpv6(text);
  if (bytes === null) return null;
  const mapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 255 &&
    bytes[11] === 255;
  return mapped ? bytes.subarray(12).join(".") : formatIpv6(bytes);
}

/** Whether the text is an IPv6 address in any form. */
export function isIpv6(text: string): boolean {
  return parseIpv6(text) !== null;
}

/** The address as written before a port: IPv6 in brackets. */
export function hostText(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

/** The family of a canonical address. */
export function familyOf(address: string): "IPv4" | "IPv6" {
  return address.includes(":") ? "IPv6" : "IPv4";
}

/** Whether the address is in the network (`a.b.c.d/n`, `x::/n`, or a single address); false for a malformed network. */
export function inNetwork(address: string, network: string): boolean {
  const [base = "", length] = network.split("/");
  const [bits, prefix] = [bitsOf(address), bitsOf(base)];
  if (bits === null || prefix === null || bits.length !== prefix.length) return false;
  if (length === undefined) return bits === prefix;
  if (!/^\d{1,3}$/.test(length) || Number(length) > bits.length) return false;
  return bits.startsWith(prefix.slice(0, Number(length)));
}

/** The 32 or 128 bits of an address as text, null when the text is not an address. */
function bitsOf(text: string): string | null {
  const address = canonicalIp(text);
  const bytes = address && (parseIpv4(address) ?? parseIpv6(address));
  return bytes ? Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("") : null;
}

/** Bytes of an Elastic IPv6's prefix. An Elastic IPv6 is a whole /96; the API names its second address. */
export const PREFIX_BYTES = 12;

/**
 * The text of an Elastic IP in heartbeats, null when the text is not an address. Any address of an Elastic IPv6, and
 * its prefix (`2001:db8::/96`), give the address that the API names, so that all nodes use the same one.
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

/** The Elastic IP as a network: `198.51.100.50/32`, `2001:db8::/96`. The text must be an address. */
export function networkOf(elasticIp: string): string {
  const bytes = parseIpv6(elasticIp);
  if (bytes === null) return `${elasticIp}/32`;
  const base = new Uint8Array(bytes.length);
  base.set(bytes.subarray(0, PREFIX_BYTES));
  return `${formatIpv6(base)}/${PREFIX_BYTES * 8}`;
}
