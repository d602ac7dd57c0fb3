// An Elastic IP that was released in the cloud while we watch it. That is no failure of this node, so its role stays
// and nobody steps aside: a node that should hold asks whether the address exists again, and takes it then.
import { type Circumstances, lookAt, type Ownership } from "./state.ts";

/** Time between two looks for it. */
export const RELEASED_LOOK_MS = 10_000;

/** What the cloud says of it now: the operator hears of it once, and again when there is something else to do. */
export function noteReleased(
  state: Ownership,
  released: string | null,
  { atMs, say }: Circumstances,
): Ownership {
  if (released === state.released) return state;
  if (released !== null) {
    say("critical", "address-released", released);
    return lookAt({ ...state, released, holding: false }, atMs + RELEASED_LOOK_MS);
  }
  say("warning", "address-back", "the Elastic IP exists again");
  return { ...state, released };
}
