// The Elastic IP was released in the cloud while we watch it, or came back as one that Exoscale itself moves. This is
// not a failure of this node, so roles stay and no node steps aside: a node that should hold keeps asking whether the
// address is available again, and then attaches it.
import { type Circumstances, lookAt, type Ownership } from "./state.ts";

/** Time between two looks for the address. */
export const RELEASED_LOOK_MS = 10_000;

/** Why the Elastic IP is not available, and what to do about it. */
export interface Unavailability {
  /** Null or left out while it is available. */
  readonly released: string | null | undefined;
  /** It exists, but we cannot move it. */
  readonly exists: boolean | undefined;
}

/** Notes what the cloud says about it. The operator is told once, and again when something else must be done. */
export function noteReleased(
  state: Ownership,
  { released = null, exists = false }: Partial<Unavailability>,
  { atMs, say }: Circumstances,
): Ownership {
  if (released === state.released) return state;
  if (released === null) {
    say("warning", "address-back", "the Elastic IP can be had again");
    return { ...state, released, exists: false };
  }
  say("critical", exists ? "address-unusable" : "address-released", released);
  const known = { ...state, released, exists, holding: false };
  return lookAt(known, atMs + RELEASED_LOOK_MS);
}
