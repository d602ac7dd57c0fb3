// The ownership of a master that holds the address, for tests that use one or two fields only.
import type { DesiredState } from "../../src/core/election/desired_state.ts";
import { type Ownership, startOwnership } from "../../src/core/ownership/state.ts";
import type { LeaseTerms } from "../../src/core/lease/state.ts";
import type { Call, OtherHolder } from "../../src/core/ownership/call.ts";
import type { Eviction } from "../../src/core/ownership/evictions.ts";

/** The desired state of a node without peers: to hold. */
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
  heir: null,
  underLease: false,
  lease: null,
  rumoured: false,
  wokeAtMs: null,
};

/** Its own instance id. */
export const SELF_INSTANCE = "m";
/** Times of its last and its next reading of the cloud. */
export const LOOKED_MS = 100_000, NEXT_LOOK_MS = 130_000;

/** Fields that differ. */
export type Different = Partial<Omit<Ownership, "desired">> & {
  desired?: Partial<DesiredState> | null;
};

/** The ownership with those differences. */
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

/** Terms of a lease that is owned since 10 s, and was renewed at 20 s. */
export const TERMS: LeaseTerms = {
  sinceMs: 10_000,
  clean: false,
  renewedAtMs: 20_000,
  endsAtMs: 30_000,
  inTime: true,
};

/** The owner of a lease, whose look at 15 s showed that nobody holds. */
export function owner(terms: Partial<LeaseTerms> = {}, more: Partial<Ownership> = {}): Ownership {
  return {
    ...startOwnership({ reconcileMs: 30_000, deadTimeMs: 3_000 }, 0),
    desired: { ...HOLD, underLease: true, lease: { ...TERMS, ...terms } },
    holding: false,
    seenAtMs: 15_000,
    othersAtMs: 15_000,
    ...more,
  };
}

/** Another holder; `off`: its machine is off. */
export function holder(instanceId: string, off = false): OtherHolder {
  return { instanceId, off };
}

const UNTRIED = { lateUntilMs: -Infinity, absent: false, failures: 0, failingSinceMs: null };

/** An eviction that is due after a wait that began at that instant. */
export function due(waitMs: number, atMs: number): Eviction {
  const dueMs = atMs + waitMs;
  return { stage: "due", waitMs, atMs: dueMs, heldSinceMs: dueMs, ...UNTRIED };
}

/** An eviction that was over at that instant. */
export function over(atMs: number): Eviction {
  return { stage: "over", waitMs: 0, atMs, heldSinceMs: atMs, ...UNTRIED };
}

/** An eviction that waits, from that instant on, for its machine to be off. */
export function spared(atMs: number): Eviction {
  return { stage: "spared", waitMs: 0, atMs, heldSinceMs: -Infinity, ...UNTRIED };
}

/** Evictions by instance id. */
export function records(...entries: [string, Eviction][]): Map<string, Eviction> {
  return new Map(entries);
}
