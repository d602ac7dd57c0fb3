// What the history remembers: each change of a node's state; and which combinations of states are an outage.

/**
 * A node's state for one Elastic IP, as this node knows it. `holds`: it has the address; `holds-unheard`: the cloud
 * shows the address there, but no heartbeat comes from it; `alive`: it is heard and does not hold; `silent`: it is not
 * heard; `unknown`: nothing says whether it holds; `absent`: it is not in the list of peers.
 */
export const NODE_STATES = [
  "holds",
  "holds-unheard",
  "alive",
  "silent",
  "unknown",
  "absent",
] as const;
/** One of them. */
export type NodeState = typeof NODE_STATES[number];

/** A node's state with its reason. */
export interface Standing {
  readonly state: NodeState;
  /** A word. This node: the reason of its role, or what keeps it from attaching. A peer: what its heartbeats said. */
  readonly why: string;
  /** Equal for holders that may share the address; null where that is not known. */
  readonly rank: string | null;
}

/** The state of a node before anything is known of it. */
export const ABSENT: Standing = { state: "absent", why: "", rank: null };

/** The key of this node among the nodes. */
export const SELF = "self";

/** Who a node is. */
export interface NodeInfo {
  /** Null for this node, and for an instance that is no peer. */
  readonly address: string | null;
  readonly instanceId: string | null;
}

/** A node's state changed. Times are of the monotonic clock. */
export interface Change extends Standing {
  readonly kind: "node";
  /** When this node noticed. */
  readonly atMs: number;
  /** Since when it is so: a silent peer is silent since its last heartbeat. */
  readonly sinceMs: number;
  readonly node: string;
  readonly info: NodeInfo;
}

/** The watchdog began or ended. */
export interface Bound {
  readonly kind: "start" | "stop";
  readonly atMs: number;
}

/** One remembered fact. */
export type Entry = Change | Bound;

/** What the states of all nodes amount to. */
export type Holding =
  /** One node holds. */
  | "held"
  /** No node is known to hold. */
  | "outage"
  /** Several hold that should not. */
  | "two-holders"
  /** Several of equal rank hold, as they may. */
  | "sharing"
  /** Nothing says who holds. */
  | "unknown"
  | "not-running";

/** Whether several hold because they have equal ranks. */
function sharing(holders: readonly Standing[]): boolean {
  const [first] = holders;
  return holders.every(({ state, rank }) => state === "holds" && rank !== null) &&
    holders.every(({ rank }) => rank === first?.rank);
}

/**
 * What these states amount to after `before`. A node that knows nothing for a moment neither begins nor ends an outage.
 * A silent peer that the cloud shows as holder serves nobody, as far as this node can know.
 */
export function holdingOf(nodes: Iterable<Standing>, before: Holding): Holding {
  const shown: Standing[] = [];
  let heard = 0, unknown = false;
  for (const node of nodes) {
    if (node.state === "holds" || node.state === "holds-unheard") shown.push(node);
    if (node.state === "holds" || node.why === STRANGER) heard += 1;
    if (node.state === "unknown") unknown = true;
  }
  if (heard > 0) return shown.length < 2 ? "held" : sharing(shown) ? "sharing" : "two-holders";
  return unknown && before !== "outage" ? "unknown" : "outage";
}

/** Why of an instance that holds and is no peer. */
export const STRANGER = "stranger";
