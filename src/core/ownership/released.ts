// An Elastic IP that was released in the cloud while we watch it, or that came back as one which Exoscale itself moves.
// That is no failure of this node, so its role stays and nobody steps aside: a node that should hold asks whether the
// address can be had again, and takes it then.
import { type Circumstances, lookAt, type Ownership } from "./state.ts";

/** Time between two looks for it. */
export const RELEASED_LOOK_MS = 10_000;

/** Why nobody can have the Elastic IP, and what to do about it. */
export interface Unavailability {
  /** Null or left out while it can be had. */
  readonly released: string | null | undefined;
  /** It exists, but is not ours to move. */
  readonly exists: boolean | undefined;
}

/** What the cloud says of it now: the operator hears of it once, and again when there is something else to do. */
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
