// The datagram that every node sends to every peer: how to encode and decode it, and why one is refused.
//
//    0        1        2        3        4              8                       24
//   +--------+--------+--------+--------+--------------+-----------------------+
//   |   02   |   01   |  prio  |  prio  |  Elastic IP  |  id (NIC or instance) |
//   +--------+--------+--------+--------+--------------+-----------------------+
//   24                28      29       30        32         40
//   +-----------------+-------+--------+---------+----------+
//   | 'E' 'X' 'O' '2' | flags | key id | own, t  | sequence |
//   +-----------------+-------+--------+---------+----------+
//   40        48          56               64         96        only in signed ones
//   +---------+-----------+----------------+----------+
//   | own run | run heard | sequence heard |signature |
//   +---------+-----------+----------------+----------+
//
// For an IPv6 Elastic IP, its 16 bytes come last before the signature, and the address field has a stand-in.
// The first 24 bytes are those of the original (exoip v0.4.3, payload.go), which reads no further. The trailer is ours;
// own is the sender's own priority, t its interval (see codeOfInterval). election/accept.ts explains the runs. A signed
// datagram can be read with or without a secret; src/host/keyring.ts makes and checks the signature.
import { decodeHex, encodeHex } from "@std/encoding/hex";
import { invariant } from "./invariant.ts";
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "./ip.ts";
import type { RejectReason } from "./registry/reject_reasons.ts";

/** Length of the original datagram in bytes. */
const PLAIN_BYTES = 24;
/** Length with our trailer, unsigned. */
const TRAILED_BYTES = 40;
/** Bytes that an IPv6 address adds. */
const IPV6_BYTES = 16;
/** Length of the signature, which ends a signed datagram and covers all bytes before it. */
export const SIGNATURE_BYTES = 32;
/** Length with our trailer, the runs and the signature, without an IPv6 address. */
export const SIGNED_BYTES = TRAILED_BYTES + 24 + SIGNATURE_BYTES;

const VERSION = 0x0201;
/**
 * What a shadow sends instead: every other program drops an unknown version unread, the original, too, so nobody
 * believes that a shadow holds. A signature covers the version.
 */
const SHADOW_VERSION = 0x0253;
const MAGIC = 0x45584f32; // "EXO2"
const HOLDS = 1, LEAVING = 2, UNABLE = 4, HEARS_YOU = 8, UNHEALTHY = 16;

/** Identifies one heartbeat: the process that sent it, and its place in the order of that process's heartbeats. */
export interface Mark {
  /** 64 random bits that a process draws at its start, not 0. */
  readonly run: bigint;
  readonly sequence: number;
}

/** Only in a signed heartbeat: proves when it was made, see election/accept.ts. */
export interface Stamp {
  /** The sender's run. */
  readonly run: bigint;
  /** The latest heartbeat of the receiver that the sender knows, null when it has heard none. */
  readonly echo: Mark | null;
}

/** What a node says about itself beyond the original's 24 bytes. */
export interface Trailer {
  /** The sender has the Elastic IP, as far as it knows. */
  readonly holds: boolean;
  /** The sender is being stopped. */
  readonly leaving: boolean;
  /** The sender is unable: it cannot, or must not, change anything in the cloud. */
  readonly unable: boolean;
  /** The sender is unhealthy: it ranks after every healthy node. */
  readonly unhealthy: boolean;
  /** Priority that the sender would have if it were healthy, 0 to 255. */
  readonly ownPriority: number;
  /** Time between the sender's heartbeats in ms, within 4 %; null when it does not say. */
  readonly intervalMs: number | null;
  /** The sender hears the receiver: false on a live peer means a one-way link. */
  readonly hearsYou: boolean;
  /** Which shared secret signs, 0 when none does. */
  readonly keyId: number;
  /** Strictly rising, at most 2^53 - 1: the sender's Unix time in ms; in a signed one its monotonic clock in µs. */
  readonly sequence: number;
  /** Null in an unsigned heartbeat. */
  readonly stamp: Stamp | null;
}

/** What a node says about itself to all: a heartbeat without its address, id and sequence. */
export interface Advert {
  readonly priority: number;
  readonly holds: boolean;
  readonly leaving: boolean;
  readonly unable: boolean;
  readonly unhealthy: boolean;
  /** Priority while healthy. */
  readonly ownPriority: number;
  readonly intervalMs: number;
}

/** Whether both say the same, so that the peers need not be told at once. */
export function sameAdvert(one: Advert, other: Advert): boolean {
  return one.priority === other.priority && one.holds === other.holds &&
    one.leaving === other.leaving && one.unable === other.unable &&
    one.unhealthy === other.unhealthy && one.ownPriority === other.ownPriority &&
    one.intervalMs === other.intervalMs;
}

/** One decoded datagram. */
export interface Heartbeat {
  /** 0 to 255, lower wins; an ineligible sender writes 255. */
  readonly priority: number;
  /** Dotted decimal, or IPv6 in its canonical form. */
  readonly elasticIp: string;
  /** UUID of the sender: its NIC on API v1, its instance on v2. */
  readonly id: string;
  /** Null when the sender speaks the original's format. */
  readonly trailer: Trailer | null;
}

/** A heartbeat, or the reason why the datagram is refused. */
export type Decoded = Heartbeat | { readonly refused: RejectReason };

/** The trailer for one receiver. */
export function trailerFor(
  { holds, leaving, unable, unhealthy, ownPriority, intervalMs }: Advert,
  { hearsYou, sequence, keyId = 0, stamp = null }: {
    hearsYou: boolean;
    sequence: number;
    keyId?: number;
    /** Set for a heartbeat that will be signed. */
    stamp?: Stamp | null;
  },
): Trailer {
  return {
    holds,
    leaving,
    unable,
    unhealthy,
    ownPriority,
    intervalMs,
    hearsYou,
    keyId,
    sequence,
    stamp,
  };
}

/**
 * Writes a heartbeat: 24 bytes without a trailer, 40 with one, 56 for IPv6, which needs a trailer. With a stamp it has
 * 96 or 112 bytes; the last 32 are left empty for the signature.
 */
export function encode(
  { priority, elasticIp, id, trailer }: Heartbeat,
  { shadow = false }: { readonly shadow?: boolean } = {},
): Uint8Array<ArrayBuffer> {
  invariant(Number.isInteger(priority) && priority >= 0 && priority <= 255, "priority in 0..255");
  const long = parseIpv6(elasticIp);
  const address = long ? standInFor(long) : parseIpv4(elasticIp);
  invariant(address && (trailer || !long), "IPv4, or IPv6 with a trailer");
  const stamp = trailer?.stamp ?? null;
  const short = !trailer ? PLAIN_BYTES : stamp ? SIGNED_BYTES : TRAILED_BYTES;
  const bytes = new Uint8Array(short + (long ? IPV6_BYTES : 0));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, shadow ? SHADOW_VERSION : VERSION);
  bytes.fill(priority, 2, 4);
  bytes.set(address, 4);
  bytes.set(uuidToBytes(id), 8);
  if (trailer) {
    view.setUint32(24, MAGIC);
    bytes[28] = (trailer.holds ? HOLDS : 0) | (trailer.leaving ? LEAVING : 0) |
      (trailer.unable ? UNABLE : 0) | (trailer.hearsYou ? HEARS_YOU : 0) |
      (trailer.unhealthy ? UNHEALTHY : 0);
    bytes[29] = trailer.keyId;
    bytes[30] = trailer.ownPriority;
    bytes[31] = codeOfInterval(trailer.intervalMs);
    view.setBigUint64(32, BigInt(trailer.sequence));
    if (long) bytes.set(long, stamp ? SIGNED_BYTES - SIGNATURE_BYTES : TRAILED_BYTES);
  }
  if (stamp) {
    view.setBigUint64(40, stamp.run);
    view.setBigUint64(48, stamp.echo?.run ?? 0n);
    view.setBigUint64(56, BigInt(stamp.echo?.sequence ?? 0));
  }
  return bytes;
}

/** Whether the datagram, if it is a heartbeat, ends with a signature. */
export function hasSignature({ length }: Uint8Array): boolean {
  return length === SIGNED_BYTES || length === SIGNED_BYTES + IPV6_BYTES;
}

/**
 * Reads a datagram. The length decides the format; any other length is refused unread. A shadow reads heartbeats of
 * shadows only, everybody else reads all others.
 */
export function decode(
  bytes: Uint8Array,
  { shadow = false }: { readonly shadow?: boolean } = {},
): Decoded {
  const { length } = bytes;
  const long = length === TRAILED_BYTES + IPV6_BYTES || length === SIGNED_BYTES + IPV6_BYTES;
  const trailed = long || length === TRAILED_BYTES || length === SIGNED_BYTES;
  if (length !== PLAIN_BYTES && !trailed) return { refused: "length" };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = view.getUint16(0);
  if (version !== VERSION && version !== SHADOW_VERSION) return { refused: "version" };
  if (shadow !== (version === SHADOW_VERSION)) return { refused: "shadow" };
  const priority = view.getUint8(2);
  if (priority !== view.getUint8(3)) return { refused: "priority-mismatch" };
  const trailer = trailed ? decodeTrailer(view, hasSignature(bytes)) : null;
  if (trailed && !trailer) return { refused: "trailer" };
  const elasticIp = addressIn(bytes, long);
  if (elasticIp === null) return { refused: "address-mismatch" };
  return {
    priority,
    elasticIp,
    id: uuidFromBytes(bytes.subarray(8, 24)),
    trailer,
  };
}

/** The Elastic IP; null when the IPv6 address does not match its stand-in. */
function addressIn(bytes: Uint8Array, long: boolean): string | null {
  const short = bytes.subarray(4, 8);
  if (!long) return formatIpv4(short);
  const at = hasSignature(bytes) ? SIGNED_BYTES - SIGNATURE_BYTES : TRAILED_BYTES;
  const address = bytes.subarray(at, at + IPV6_BYTES);
  return standInFor(address).every((byte, index) => byte === short[index])
    ? formatIpv6(address)
    : null;
}

/** Unknown flags are ignored, so that a later version can use them. */
function decodeTrailer(view: DataView, signed: boolean): Trailer | null {
  const sequence = view.getBigUint64(32);
  if (view.getUint32(24) !== MAGIC || sequence > Number.MAX_SAFE_INTEGER) return null;
  const stamp = signed ? decodeStamp(view) : null;
  if (signed && !stamp) return null;
  const flags = view.getUint8(28);
  return {
    holds: (flags & HOLDS) !== 0,
    leaving: (flags & LEAVING) !== 0,
    unable: (flags & UNABLE) !== 0,
    hearsYou: (flags & HEARS_YOU) !== 0,
    unhealthy: (flags & UNHEALTHY) !== 0,
    ownPriority: view.getUint8(30),
    intervalMs: intervalOfCode(view.getUint8(31)),
    keyId: view.getUint8(29),
    sequence: Number(sequence),
    stamp,
  };
}

function decodeStamp(view: DataView): Stamp | null {
  const run = view.getBigUint64(40), heardRun = view.getBigUint64(48);
  const heardSequence = view.getBigUint64(56);
  if (run === 0n || heardSequence > Number.MAX_SAFE_INTEGER) return null;
  const echo = heardRun === 0n ? null : { run: heardRun, sequence: Number(heardSequence) };
  return { run, echo };
}

/** The 16 bytes of a UUID in the order they are written. */
function uuidToBytes(uuid: string): Uint8Array {
  return decodeHex(uuid.replaceAll("-", ""));
}

/** The UUID of 16 bytes, in lower case. */
function uuidFromBytes(bytes: Uint8Array): string {
  return encodeHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/**
 * The stand-in for an IPv6 address in the address field of a heartbeat: 240.x.y.z, with 24 bits of its FNV-1a hash. No
 * original node can have such an Elastic IP, because 240.0.0.0/4 is reserved (RFC 1112 section 4). The address itself
 * is in the trailer.
 */
export function standInFor(bytes: Uint8Array): Uint8Array {
  let hash = 0x811c9dc5;
  for (const byte of bytes.subarray(0, IPV6_BYTES)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  const folded = (hash >>> 24) ^ (hash & 0xffffff);
  return Uint8Array.of(240, folded >>> 16, (folded >>> 8) & 255, folded & 255);
}

/** Codes of the interval for each tenfold: 10 ms is code 1, 1 h is code 179. */
const CODES = 32, LEAST_MS = 10, MOST_MS = 3_600_000;

/**
 * The interval in one byte: 1 to 255 for 10 ms and more, 0 for null. While an operator changes the interval node by
 * node, a peer that still sends slowly must not look dead to one that already sends fast: each judges by the slower of
 * the two intervals.
 */
export function codeOfInterval(intervalMs: number | null): number {
  if (intervalMs === null) return 0;
  const code = 1 + Math.round(CODES * Math.log10(Math.max(intervalMs, LEAST_MS) / LEAST_MS));
  return Math.min(code, 255);
}

/** The interval, within 4 %; null for 0. */
export function intervalOfCode(code: number): number | null {
  return code === 0 ? null : Math.min(MOST_MS, LEAST_MS * 10 ** ((code - 1) / CODES));
}
