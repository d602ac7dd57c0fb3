// Addresses of either family, in the canonical form that can be compared as text.

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

// IPv6 addresses as text and bytes. Source: RFC 4291 section 2.2 (text), RFC 5952 section 4 (the one canonical form).

const GROUPS = 8;

/** The 16 bytes of an address in network order, or null when the text is not an IPv6 address. No zone, no brackets. */
export function parseIpv6(text: string): Uint8Array | null {
  const [head = "", tail, ...rest] = text.split("::");
  if (rest.length > 0 || !/^[0-9a-f:.]*$/i.test(text)) return null;
  if (tail !== undefined && head.includes(".")) return null;
  const before = groupsOf(head), after = groupsOf(tail ?? "");
  if (before === null || after === null) return null;
  const missing = GROUPS - before.length - after.length;
  // `::` stands for one group at least; without it none may be missing.
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  const groups = [...before, ...Array(missing).fill(0), ...after];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255]));
}

/** The groups in a part without `::`; an IPv4 address may end it. */
function groupsOf(part: string): number[] | null {
  if (part === "") return [];
  const pieces = part.split(":");
  const last = pieces.at(-1) ?? "";
  const ipv4 = last.includes(".") ? parseIpv4(last) : null;
  const tail = ipv4 ? [ipv4.slice(0, 2), ipv4.slice(2)].map(([a = 0, b = 0]) => a * 256 + b) : [];
  const plain = ipv4 ? pieces.slice(0, -1) : pieces;
  if (!plain.every((piece) => /^[0-9a-f]{1,4}$/i.test(piece))) return null;
  return [...plain.map((piece) => parseInt(piece, 16)), ...tail];
}

/** The canonical text: lower case, no leading zeros, the longest run of zero groups as `::`. */
export function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from(
    { length: GROUPS },
    (_, index) => ((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0),
  );
  let best = { at: 0, length: 1 };
  for (let at = 0; at < GROUPS; at++) {
    let length = 0;
    while (groups[at + length] === 0) length += 1;
    if (length > best.length) best = { at, length };
  }
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  if (best.length < 2) return text(groups);
  return `${text(groups.slice(0, best.at))}::${text(groups.slice(best.at + best.length))}`;
}
