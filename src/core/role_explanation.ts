// The explanation after the role in its log line: what the node waits for or cannot do, which peers are involved, and
// until when.
import {
  cutOffHolders,
  type Election,
  outranking,
  pending,
  worseHolders,
} from "./election/state.ts";
import { keepsAddress, ownPriorityOf, type Peer, titleOf } from "./election/peer.ts";
import { cloudTrouble } from "./ownership/step.ts";
import { membersOf } from "./group.ts";
import { durationText } from "./age.ts";
import { leaseExplanation } from "./lease_explanation.ts";
import type { Node } from "./node_state.ts";

/** A peer with its own priority, even if it advertises the last one because it stands back. */
export function named(peer: Peer): string {
  const keeps = keepsAddress(peer) ? ", which keeps the address (--move-limit)" : "";
  return `${titleOf(peer)} with priority ${ownPriorityOf(peer)}${keeps}`;
}

/** What the lines about a step are made of. */
export type Told = Pick<Node, "election" | "membership" | "ownership" | "sisters" | "lease">;

/** The end of the role's log line, beginning with `: `; empty where the reason says everything. */
export function roleExplanation(node: Told, atMs: number): string {
  const text = explanationOf(node, atMs);
  return text === "" ? "" : `: ${text}`;
}

function explanationOf(node: Told, atMs: number): string {
  const { election } = node;
  switch (election.reason) {
    case "cloud-unreachable": {
      const members = membersOf(node);
      const troubled = members.find(({ ownership }) => !ownership.cloudReachable) ?? node;
      return `${standOf(election)} ${cloudTrouble(troubled.ownership, atMs)}`;
    }
    case "lease-held":
    case "lease-wanted":
    case "lease-lost":
    case "lease-store-lost":
      return leaseExplanation(node);
    case "deferring":
      return deferral(election, atMs);
    case "stalled": {
      const { settledAtMs } = election;
      const leftMs = settledAtMs === null ? 0 : settledAtMs - atMs;
      return leftMs > 0
        ? `this process was paused; it judges no peer for ${durationText(leftMs)}`
        : "";
    }
    case "unlisted":
      return "the list of peers does not have this node";
    case "leaving": {
      if (election.lease?.owned) return "detaches the address, and then gives the lease up";
      const waits = election.holding === true && pending(election.yieldUntilMs) &&
        [...election.peers.values()].some(({ alive }) => alive);
      const left = leftText(election.yieldUntilMs, atMs);
      return waits ? `gives the address up once a peer holds it, in ${left} at the latest` : "";
    }
    default:
      return "";
  }
}

function standOf(state: Election): string {
  if (state.role === "master") {
    return state.holding === true ? "keeps the address, but" : "wants the address, but";
  }
  const [holder] = cutOffHolders(state), [better] = outranking(state);
  if (better) return `makes way for ${named(better)}, since it`;
  return holder ? `leaves the address with ${named(holder)}, since it` : "stands aside, since it";
}

/** The peer to which a better-ranked node leaves the address, why, and until when. */
function deferral(state: Election, atMs: number): string {
  const { deferUntilMs, graceUntilMs } = state;
  if (pending(deferUntilMs)) {
    const holders = worseHolders(state).map(named).join(", ");
    const end = deferUntilMs === Infinity
      ? "for as long as that node can serve (--no-preempt)"
      : `for ${leftText(deferUntilMs, atMs)} more (--preempt-delay)`;
    return `leaves the address with ${holders}, which holds it, ${end}`;
  }
  if (!pending(graceUntilMs)) return "";
  const holders = cutOffHolders(state).map(named).join(", ");
  return `leaves the address with ${holders}, which holds it without the cloud, for ` +
    `${leftText(graceUntilMs, atMs)} more, until that node may reach the cloud again`;
}

function leftText(untilMs: number | null, atMs: number): string {
  return durationText(Math.max(0, (untilMs ?? atMs) - atMs));
}
