// A master that has the address, as its ownership sees it, for tests that care for one or two fields only.
import type { DesiredState } from "../../src/core/election/desired_state.ts";
import { type Ownership, startOwnership } from "../../src/core/ownership/state.ts";
import type { Call } from "../../src/core/ownership/call.ts";

/** The wish to hold, of a node without peers. */
export const HOLD: DesiredState = {
  intent: "hold",
  successors: [],
  claimant: null,
  hasOriginalSuccessor: false,
  alive: [],
  notHearingUs: [],
  steady: [],
  dead: [],
  resolved: true,
  unheard: [],
  doubt: false,
  holdsOnlyIfUnheld: false,
  challenged: false,
  rumoured: false,
};

/** Its own instance. */
export const SELF_INSTANCE = "m";
/** When it last looked at the cloud, and when it will look again. */
export const LOOKED_MS = 100_000, NEXT_LOOK_MS = 130_000;

/** What makes it another one. */
export type Different = Partial<Omit<Ownership, "desired">> & {
  desired?: Partial<DesiredState> | null;
};

/** It, with all that is different. */
export function ownership({ desired = {}, ...rest }: Different = {}): Ownership {
  return {
    ...startOwnership({ reconcileMs: 30_000, deadTimeMs: 3_000 }, 0),
    prepared: true,
    instanceId: SELF_INSTANCE,
    holding: true,
    seenAtMs: LOOKED_MS,
    lookedAtMs: LOOKED_MS,
    othersAtMs: LOOKED_MS,
    looksAtMs: [NEXT_LOOK_MS],
    desired: desired && { ...HOLD, ...desired },
    ...rest,
  };
}

type Flight = NonNullable<Ownership["read"]["inFlight"]>;

/** A call under way, with the number 1. */
export function flight(call: Call, startedAtMs = 0, stale = false): Flight {
  return { id: 1, call, startedAtMs, stale };
}
