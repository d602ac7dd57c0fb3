// Why a node has its role, in words: `role: backup (REASON DETAIL), was master: EXPLANATION`. The detail says which
// check fails, or which peers rank before it. The explanation says what the node waits for or cannot do, and until
// when. And whether the failsafe keeps the address, and why.
import {
  cutOffHolders,
  type Election,
  outranking,
  pending,
  worseHolders,
} from "../election/state.ts";
import { keepsAddress, machinesOf, ownPriorityOf, type Peer, titleOf } from "../election/peer.ts";
import { cloudTrouble } from "../ownership/step.ts";
import { membersOf } from "./group.ts";
import { durationText } from "../age.ts";
import { asideText } from "../election/aside.ts";
import { plain } from "../plain.ts";
import type { Node } from "./state.ts";
import { barring } from "../lease/state.ts";
import { allPeersKnown } from "./membership.ts";
import { type Report, report } from "../registry/events.ts";
import { againstFailsafe } from "./under_lease.ts";

/** What the lines about a step are made of. */
export type Told = Pick<Node, "election" | "membership" | "ownership" | "sisters" | "lease">;

/** Longest detail outside the log; with many peers the list of better-ranked ones is long. */
const DETAIL_MAX_CHARS = 300;

/** The detail of a reason: which check fails, which peers rank before us. Empty where the word says everything. */
export function reasonDetail(state: Election): string {
  return plain(detailOf(state), DETAIL_MAX_CHARS);
}

/** The reason of the role with its detail, as its line has them. */
export function explained(state: Election): string {
  const { reason, unhealthyReason } = state;
  const detail = detailOf(state);
  if (detail === "") return reason;
  if (["outranked", "drained", "demoted", "lease-held"].includes(reason)) {
    return `${reason} ${detail}`;
  }
  return `${reason}${reason === "unhealthy" && unhealthyReason !== "" ? ":" : ","} ${detail}`;
}

function detailOf(state: Election): string {
  const { reason, role, missing, unhealthyReason } = state;
  switch (reason) {
    case "outranked":
      return `by ${betterOnes(state)}`;
    case "incomplete":
      return `an instance that holds may be a peer that is missing: ${
        [...missing.keys()].join(", ")
      }`;
    case "lease-held":
      return `by ${state.lease?.owner}`;
    case "unhealthy": {
      const why = unhealthyReason === "" ? "" : `${unhealthyReason}; `;
      return role === "master"
        ? `${why}no live node is healthy`
        : `${why}makes way for ${betterOnes(state)}`;
    }
    case "drained":
    case "demoted": {
      const way = role === "master"
        ? "no other live node can serve"
        : `makes way for ${betterOnes(state)}`;
      return `${asideText(state)}; ${way}`;
    }
    default:
      return "";
  }
}

function betterOnes(state: Election): string {
  return outranking(state).map(named).join(", ");
}

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

/** A peer with its own priority, even if it advertises the last one because it stands back. */
function named(peer: Peer): string {
  const keeps = keepsAddress(peer) ? ", which keeps the address (--move-limit)" : "";
  return `${titleOf(peer)} with priority ${ownPriorityOf(peer)}${keeps}`;
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

// The same where the lease decides, and the lines about the failsafe. lease/step.ts has the lease's own lines.

type LeasedNode = Pick<Node, "election" | "membership" | "lease">;

/** Why the failsafe does not apply to the node; null if it does. */
function refusal({ election, membership, lease }: LeasedNode): string | null {
  if (lease === null) return "it needs no lease";
  return againstFailsafe(lease, { election, peersKnown: allPeersKnown(membership) });
}

/** Whether a node keeps the address although the store of its lease does not answer. */
export function inFailsafe(node: LeasedNode): boolean {
  return refusal(node) === null;
}

/** The failsafe began or ended. */
export function* failsafeChanges(before: LeasedNode, after: LeasedNode): Generator<Report> {
  if (after.lease === null || inFailsafe(before) === inFailsafe(after)) return;
  const why = refusal(after);
  if (why === null) {
    const text = `without the store this node keeps the address, because ${heard(after)}. It ` +
      "gives the address up once a peer is silent, or holds it (--lease-failsafe)";
    yield report("warning", "lease-failsafe", text);
  } else if (after.lease.reachable) {
    yield report("info", "lease-failsafe", `over: ${why}, so a holder needs the lease again`);
  } else {
    const then = after.election.holding === true ? "this node gives the address up, because " : "";
    yield report("warning", "lease-failsafe", `over: ${then}${why}`);
  }
}

function heard({ election }: Pick<Node, "election">): string {
  const { length } = machinesOf(election);
  if (length === 0) return "it has no peers";
  if (length === 1) return "it hears its only peer, which does not hold it";
  const all = length === 2 ? "both peers" : `all ${length} peers`;
  return `it hears ${all}, and no other node holds it`;
}

/** The explanation of a role that the lease decides; empty if there is nothing to add. */
function leaseExplanation(node: LeasedNode): string {
  const { election, lease } = node;
  if (lease === null) return "";
  const left = durationText(lease.settings.ttlMs);
  switch (election.reason) {
    case "lease-held":
      return barring(lease)?.releasedTo === undefined
        ? `waits until that node gives the lease up; unless it is renewed, it expires in ${left} at most`
        : `waits until that node takes the lease, for ${left} at most`;
    case "lease-wanted":
    case "lease-lost":
      return asking(node);
    case "lease-store-lost":
      return withoutStore(node);
    default:
      return "";
  }
}

/** What a node does that should have the lease while nobody else is known to have it. */
function asking({ election, lease }: LeasedNode): string {
  if (!election.cloudReachable) {
    return "does not ask for the lease while it does not reach the cloud";
  }
  if (lease?.sight === null) return "the store has not said yet who has the lease";
  return "nobody has the lease, so this node asks for it";
}

function withoutStore(node: LeasedNode): string {
  if (node.election.holding !== true) {
    return "does not reach the store, without which no node may begin to hold";
  }
  const why = refusal(node);
  return why === null
    ? `keeps the address without the store, because ${heard(node)} (--lease-failsafe)`
    : `gives the address up, because the store does not answer and ${why}`;
}
