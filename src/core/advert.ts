// What this node says of itself: the same to all, but for whether it hears the one it speaks to.
import { type Election, LAST_PRIORITY, selfEligible, standsBack } from "./election_state.ts";
import type { Trailer } from "./heartbeat.ts";

/** A heartbeat without its address, id and sequence, which the sender's shell knows. */
export interface Advert {
  readonly priority: number;
  readonly holds: boolean;
  readonly leaving: boolean;
  readonly unable: boolean;
}

/** What the node advertises now. An ineligible one, and one that stands back, ranks last. */
export function advert(state: Election): Advert {
  const willing = selfEligible(state) && !standsBack(state);
  return {
    priority: willing ? state.priority : LAST_PRIORITY,
    holds: state.holding === true,
    leaving: state.stops > 0,
    unable: !state.able,
  };
}

/** Whether both say the same, so that nobody needs to hear it before the next heartbeat is due. */
export function sameAdvert(one: Advert, other: Advert): boolean {
  return one.priority === other.priority && one.holds === other.holds &&
    one.leaving === other.leaving && one.unable === other.unable;
}

/** The trailer for one receiver. */
export function trailerFor(
  { holds, leaving, unable }: Advert,
  { hearsYou, sequence }: { hearsYou: boolean; sequence: number },
): Trailer {
  return { holds, leaving, unable, hearsYou, keyId: 0, sequence };
}
