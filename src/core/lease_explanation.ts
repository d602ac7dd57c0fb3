// What the operator is told about the lease, apart from the events of the lease itself: the explanation that ends the
// line of a role, and the failsafe.
import { durationText } from "./age.ts";
import { barring } from "./lease/state.ts";
import { allPeersKnown } from "./membership.ts";
import type { Node } from "./node_state.ts";
import { type Report, report } from "./registry/report.ts";
import { againstFailsafe } from "./under_lease.ts";
import { machinesOf } from "./election/machines.ts";

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
export function leaseExplanation(node: LeasedNode): string {
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
