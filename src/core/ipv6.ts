// IPv6 addresses as text and bytes, and their stand-in for the original's four bytes. Source: RFC 4291 section 2.2
// (text), RFC 5952 section 4 (the one canonical form), RFC 1112 section 4 (240.0.0.0/4 is reserved).
import { parseIpv4 } from "./ipv4.ts";

const GROUPS = 8, BYTES = 16;

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

/**
 * The stand-in for an IPv6 address in the address field of a heartbeat: 240.x.y.z, with 24 bits of its FNV-1a hash. No
 * original node can have such an Elastic IP. The address itself is in the trailer.
 */
export function standInFor(bytes: Uint8Array): Uint8Array {
  let hash = 0x811c9dc5;
  for (const byte of bytes.subarray(0, BYTES)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  const folded = (hash >>> 24) ^ (hash & 0xffffff);
  return Uint8Array.of(240, folded >>> 16, (folded >>> 8) & 255, folded & 255);
}
