// Hands the election's wish to ownership and what ownership learned back to the election, until neither has
// news for the other; only then are calls begun, so that none is made for a wish that has just changed.
import { type DesiredState, desiredStateOf } from "./election/desired_state.ts";
import { elect } from "./election/step.ts";
import type { Election } from "./election/state.ts";
import { kept } from "./ownership/plan.ts";
import { act, learn } from "./ownership/step.ts";
import type { Ownership, OwnershipEvent } from "./ownership/state.ts";
import { beginReading, membershipStale } from "./membership.ts";
import type { Node, NodeEffect } from "./node_state.ts";

/** Each round settles `holding`, `cloudReachable` or `kept`, which change once per event at the most. */
const ROUNDS = 4;

/** The instant, and where effects are collected. */
export interface Turn {
  readonly atMs: number;
  readonly effects: NodeEffect[];
}

/** Both machines after the event; the election has already taken its part of it. */
export function settle(before: Node, event: OwnershipEvent, turn: Turn): Node {
  const { atMs, effects } = turn;
  let { election } = before;
  let ownership = told(before.ownership, event, turn);
  let desired: DesiredState = before.desired;
  for (let round = 0; round < ROUNDS; round++) {
    const wiser = informed(election, ownership, atMs);
    if (round > 0 && wiser === election) break;
    election = wiser;
    desired = desiredStateOf(election);
    ownership = told(ownership, { kind: "desired", desired }, turn);
  }
  const [acting, calls] = act(ownership, atMs);
  let { membership } = before;
  for (const { id, call } of calls) {
    // An old list is read in the place of the other holders: at rest two calls per round are enough.
    const swap = call.verb === "look" && membershipStale(membership, atMs);
    effects.push({ kind: "call", id, call: swap ? { verb: "look", others: false } : call });
    if (!swap) continue;
    membership = beginReading(membership, atMs);
    effects.push({ kind: "members" });
  }
  return { ...before, election, ownership: acting, desired, membership };
}

function told(ownership: Ownership, event: OwnershipEvent, { atMs, effects }: Turn): Ownership {
  const [wiser, reports] = learn(ownership, event, atMs);
  for (const each of reports) effects.push({ kind: "report", ...each });
  return wiser;
}

function informed(before: Election, ownership: Ownership, atMs: number): Election {
  const { holding, cloudReachable } = ownership, left = kept(ownership);
  let election = before;
  if (election.holding !== holding) election = elect(election, { kind: "holding", holding }, atMs);
  if (election.kept !== left) election = elect(election, { kind: "kept", kept: left }, atMs);
  return election.cloudReachable === cloudReachable
    ? election
    : elect(election, { kind: "cloudReachable", cloudReachable }, atMs);
}
