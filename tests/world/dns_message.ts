// Queries and answers of name servers, byte by byte. Source: RFC 1035, section 4; RFC 6891 for EDNS.
import { parseIpv4, parseIpv6 } from "../../src/core/ip.ts";

/** Response codes. */
export const FORMERR = 1, SERVFAIL = 2, NXDOMAIN = 3, REFUSED = 5;

const A = 1, CNAME = 5, AAAA = 28, OPT = 41;
const HEADER_BYTES = 12;
/** Longest answer over UDP to a client that does not announce a larger size. */
const UDP_BYTES = 512;

/** One query. */
export interface Query {
  readonly id: number;
  /** In lower case, without the trailing dot. */
  readonly name: string;
  readonly type: "A" | "AAAA" | "other";
  /** Whether it has the record that announces EDNS. */
  readonly edns: boolean;
  readonly transport: "udp" | "tcp";
  readonly atMs: number;
  /** Address and port of the client. */
  readonly from: string;
  /** The question as sent, including capitals. */
  readonly question: Uint8Array;
  /** Longest answer that the client accepts over this transport. */
  readonly maxBytes: number;
}

/** One record of an answer. */
export interface ResourceRecord {
  readonly name: string;
  readonly type: "A" | "AAAA" | "CNAME";
  /** An address, or a name. */
  readonly value: string;
  readonly ttlSeconds: number;
}

/** Reads a query; null for other bytes. */
export function parseQuery(
  bytes: Uint8Array,
  { transport, from, atMs }: Pick<Query, "transport" | "from" | "atMs">,
): Query | null {
  if (bytes.length < HEADER_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isQuery = (view.getUint16(2) & 0xf800) === 0 && view.getUint16(4) === 1;
  if (!isQuery) return null;
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = bytes[at] ?? 0; length > 0; length = bytes[at] ?? 0) {
    labels.push(new TextDecoder().decode(bytes.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
  const end = at + 5;
  if (end > bytes.length) return null;
  const type = view.getUint16(at + 1);
  // An OPT record has no name, and gives the longest answer in the place of the class.
  const edns = view.getUint16(10) > 0 && bytes.length >= end + 11 && bytes[end] === 0 &&
    view.getUint16(end + 1) === OPT;
  const udpBytes = edns ? Math.max(UDP_BYTES, view.getUint16(end + 3)) : UDP_BYTES;
  return {
    id: view.getUint16(0),
    name: labels.join(".").toLowerCase(),
    type: type === A ? "A" : type === AAAA ? "AAAA" : "other",
    edns,
    transport,
    atMs,
    from,
    question: bytes.slice(HEADER_BYTES, end),
    maxBytes: transport === "tcp" ? 0xffff : udpBytes,
  };
}

/** An answer; records that do not fit are left out, which its header says. */
export function answer(
  { id, question, maxBytes }: Query,
  { records = [], code = 0, truncated = false }: {
    records?: readonly ResourceRecord[];
    code?: number;
    /** Marked as truncated, without any record. */
    truncated?: boolean;
  } = {},
): Uint8Array {
  const parts: Uint8Array[] = [];
  let length = HEADER_BYTES + question.length, cut = truncated;
  for (const record of truncated ? [] : records) {
    const bytes = recordBytes(record);
    if (length + bytes.length > maxBytes) {
      cut = true;
      break;
    }
    parts.push(bytes);
    length += bytes.length;
  }
  const header = new DataView(new ArrayBuffer(HEADER_BYTES));
  header.setUint16(0, id);
  // An answer, authoritative, recursion desired and available.
  header.setUint16(2, 0x8580 | (cut ? 0x0200 : 0) | code);
  header.setUint16(4, 1);
  header.setUint16(6, parts.length);
  return concat([new Uint8Array(header.buffer), question, ...parts]);
}

function recordBytes({ name, type, value, ttlSeconds }: ResourceRecord): Uint8Array {
  const data = dataOf(type, value);
  const fixed = new DataView(new ArrayBuffer(10));
  fixed.setUint16(0, type === "A" ? A : type === "AAAA" ? AAAA : CNAME);
  fixed.setUint16(2, 1);
  fixed.setUint32(4, ttlSeconds);
  fixed.setUint16(8, data.length);
  return concat([nameBytes(name), new Uint8Array(fixed.buffer), data]);
}

function dataOf(type: ResourceRecord["type"], value: string): Uint8Array {
  const bytes = type === "A" ? parseIpv4(value) : type === "AAAA" ? parseIpv6(value) : null;
  if (type === "CNAME") return nameBytes(value);
  if (bytes === null) throw new Error(`${type} record: ${JSON.stringify(value)} is no address`);
  return bytes;
}

function nameBytes(name: string): Uint8Array {
  const labels = name.split(".").map((label) => new TextEncoder().encode(label));
  return concat([
    ...labels.flatMap((label) => [Uint8Array.of(label.length), label]),
    Uint8Array.of(0),
  ]);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
