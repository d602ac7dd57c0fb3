// IPv4 addresses as text and bytes, strictly: four decimal numbers, no leading zeros, nothing around them.

const OCTET = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const IPV4 = new RegExp(`^${OCTET}\\.${OCTET}\\.${OCTET}\\.${OCTET}$`);

/** Whether the text is an IPv4 address in dotted decimal form. */
export function isIpv4(text: string): boolean {
  return IPV4.test(text);
}

/** The four bytes of an address in network order, or null when the text is not an IPv4 address. */
export function parseIpv4(text: string): Uint8Array | null {
  const octets = IPV4.exec(text);
  return octets && Uint8Array.from(octets.slice(1), Number);
}

/** Dotted decimal text of four bytes in network order. */
export function formatIpv4(bytes: Uint8Array): string {
  return bytes.join(".");
}
