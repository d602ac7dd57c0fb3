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
