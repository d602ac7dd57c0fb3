// The newest part of a history that fits into an answer over UDP.
import { jsonText } from "../../core/plain.ts";
import { FRAGMENTS_MAX, PART_BYTES } from "../fragments.ts";
import { clipped, type History } from "./view.ts";

/** Attempts to make it fit by leaving out the older half. */
const HALVINGS = 16;

/** The text of an answer: the oldest spans are left out first, then addresses. */
export function fittedHistory(history: History): Uint8Array {
  const fits = (bytes: Uint8Array) => bytes.length <= FRAGMENTS_MAX * PART_BYTES;
  const encode = (view: History) => new TextEncoder().encode(jsonText(view));
  let view = history, bytes = encode(view);
  for (let halving = 0; halving < HALVINGS && !fits(bytes); halving++) {
    view = clipped(view, middleOf(view));
    bytes = encode(view);
  }
  while (!fits(bytes) && view.addresses.length > 0) {
    const addresses = view.addresses.slice(0, -1);
    view = { ...view, addresses, addressesLeftOut: view.addressesLeftOut + 1 };
    bytes = encode(view);
  }
  return bytes;
}

/** An instant before which half of all spans ended. */
function middleOf({ addresses, takenAtMs }: History): number {
  const ends = addresses.flatMap(({ nodes }) => nodes).flatMap(({ spans }) => spans)
    .map(({ toMs }) => toMs ?? takenAtMs - 1).sort((one, other) => one - other);
  return ends[Math.floor(ends.length / 2)] ?? takenAtMs;
}
