// The answer to `info json`: a snapshot as JSON, over one datagram or several. Each begins with a line
//
//   exoip-status 1 NUMBER PART PARTS
//
// (format, the request's number, which part this is from 1, how many there are), then comes its piece of the JSON text.
// A piece has at most 8 KiB, which every system lets through on its loopback interface.
import { jsonText } from "../core/plain.ts";
import type { Snapshot } from "./snapshot.ts";

/** The request, followed by a number that the answer repeats. */
export const JSON_REQUEST = "info json";
/** Bytes of text in one datagram. */
export const PART_BYTES = 8_192;
/** Longest answer. */
export const FRAGMENTS_MAX = 16;

const HEAD = /^exoip-status 1 (\d{1,9}) (\d{1,3}) (\d{1,3})\n/;

/** The number that the answer must repeat; null when this is not a request. */
export function requestedNumber(text: string): number | null {
  const match = /^info json(?: (\d{1,9}))?$/.exec(text);
  return match ? Number(match[1] ?? 0) : null;
}

/** The request for the history, followed by such a number. */
export const HISTORY_REQUEST = "info history";

/** The number that an answer with the history must repeat; null when this is not a request for it. */
export function requestedHistory(text: string): number | null {
  const match = /^info history(?: (\d{1,9}))?$/.exec(text);
  return match ? Number(match[1] ?? 0) : null;
}

/** The datagrams of an answer. If it is too long, the oldest changes are left out first, then peers, then addresses. */
export function split(snapshot: Snapshot, number: number): Uint8Array[] {
  return datagramsOf(fitted(snapshot), number);
}

/** The datagrams of a text that fits. */
export function datagramsOf(bytes: Uint8Array, number: number): Uint8Array[] {
  const fragments = Math.ceil(bytes.length / PART_BYTES);
  return Array.from({ length: fragments }, (_, index) => {
    const head = new TextEncoder().encode(`exoip-status 1 ${number} ${index + 1} ${fragments}\n`);
    const piece = bytes.subarray(index * PART_BYTES, (index + 1) * PART_BYTES);
    const datagram = new Uint8Array(head.length + piece.length);
    datagram.set(head);
    datagram.set(piece, head.length);
    return datagram;
  });
}

/** Most peers per address, and most addresses: the limits fall until the rest fits. */
const MEASURES = [[256, 256], [64, 64], [16, 64], [0, 64], [0, 16]] as const;

/** The text of an answer. */
export function fitted(snapshot: Snapshot): Uint8Array {
  const encode = (view: Snapshot) => new TextEncoder().encode(jsonText(view));
  let bytes = encode(snapshot);
  for (const [peersMax, addressesMax] of MEASURES) {
    if (bytes.length <= FRAGMENTS_MAX * PART_BYTES) break;
    bytes = encode({
      ...snapshot,
      changes: snapshot.changes.slice(-10),
      addresses: snapshot.addresses.slice(0, addressesMax).map((address) => ({
        ...address,
        peers: address.peers.slice(0, peersMax),
        peersLeftOut: Math.max(0, address.peers.length - peersMax),
      })),
      addressesLeftOut: Math.max(0, snapshot.addresses.length - addressesMax),
    });
  }
  return bytes;
}

/** Joins the datagrams of an answer. */
export class Fragments {
  #number = 0;
  #pieces: (Uint8Array | undefined)[] = [];

  /** The whole text once all parts of the answer with that number have arrived; null before, and for anything else. */
  add(datagram: Uint8Array, wanted: number): string | null {
    const match = HEAD.exec(new TextDecoder().decode(datagram.subarray(0, 64)));
    if (!match) return null;
    const [head, number, part, fragments] = match;
    const [index, count] = [Number(part) - 1, Number(fragments)];
    if (Number(number) !== wanted || index < 0 || index >= count || count > FRAGMENTS_MAX) {
      return null;
    }
    if (wanted !== this.#number || count !== this.#pieces.length) {
      this.#number = wanted;
      this.#pieces = new Array(count).fill(undefined);
    }
    this.#pieces[index] = datagram.slice(head.length);
    const pieces = this.#pieces.filter((piece) => piece !== undefined);
    if (pieces.length < count) return null;
    this.#pieces = [];
    const decoder = new TextDecoder();
    return pieces.map((piece) => decoder.decode(piece, { stream: true })).join("") +
      decoder.decode();
  }
}
