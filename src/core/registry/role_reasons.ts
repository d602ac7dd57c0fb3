// Why a node is master or backup: the words that log, status and metrics give with a role.

/** What an operator reads about a reason. */
export interface RoleReasonRow {
  readonly severity: "info" | "warning";
  readonly meaning: string;
  /** What to do, or that there is nothing to do. */
  readonly cure: string;
}

/** By word, in the order in which a node meets them. */
export const ROLE_REASONS = {
  "settling": {
    severity: "info",
    meaning: "The node has just started and listens until its hold-off ends.",
    cure: "Nothing: the hold-off ends by itself.",
  },
  "stalled": {
    severity: "warning",
    meaning: "The process slept for more than an interval, so it judges no peer for a hold-off.",
    cure: "Find out what paused the machine: a suspend, a migration, or too little CPU.",
  },
  "best": {
    severity: "info",
    meaning: "This node ranks before every live peer.",
    cure: "Nothing.",
  },
  "equal": {
    severity: "info",
    meaning: "A live peer has the same rank, and both hold the address.",
    cure: "Nothing, if both may hold; otherwise use --exclusive, or different priorities.",
  },
  "alone": {
    severity: "info",
    meaning: "No live peer could hold the address.",
    cure: "Start the other nodes, or find out why they are not heard: nobody would take over.",
  },
  "outranked": {
    severity: "info",
    meaning: "A live peer ranks before this node; the line names it.",
    cure: "Nothing.",
  },
  "deferring": {
    severity: "info",
    meaning: "A worse-ranked node holds and is left alone for now, as --no-preempt and " +
      "--preempt-delay demand, or while it is cut off from the cloud.",
    cure: "Nothing; to move the address now, stop the other node or leave out the option.",
  },
  "unhealthy": {
    severity: "warning",
    meaning: "The health checks fail: a backup makes way for a healthy node, a master has none.",
    cure: "Repair the service; the check-failing line before it says what is wrong.",
  },
  "drained": {
    severity: "info",
    meaning:
      "An operator ran --drain, or a cordon did: this node makes way, and serves only if no other can.",
    cure: "Run exoip --undrain when the work is done, or uncordon the Kubernetes node.",
  },
  "demoted": {
    severity: "info",
    meaning: "An operator ran --demote: this node makes way, and serves only if no other can.",
    cure: "Run exoip --promote or --undrain; the end of the process ends it, too.",
  },
  "cloud-unreachable": {
    severity: "warning",
    meaning: "The node does not reach the cloud, or cannot change anything there.",
    cure: "Look at the cloud-error lines, and run --doctor on this node.",
  },
  "lease-held": {
    severity: "info",
    meaning: "This node should hold the address, but another one has the lease; the line names it.",
    cure: "Nothing: that node gives the lease up, or it expires.",
  },
  "lease-wanted": {
    severity: "info",
    meaning: "This node should hold the address, nobody has the lease, and it asks for it.",
    cure: "Nothing, unless it lasts: then look at the store-error lines.",
  },
  "lease-lost": {
    severity: "warning",
    meaning: "This node had the lease and could not renew it in time, or the store gave it away.",
    cure: "Find out what paused this process or its way to the store; it asks for the lease again.",
  },
  "lease-store-lost": {
    severity: "warning",
    meaning:
      "The store of the lease serves no request; only a holder that hears every peer goes on.",
    cure: "Look at the store-error lines, at the store's members, and at the way to them.",
  },
  "unlisted": {
    severity: "warning",
    meaning: "The list of peers (pool, label, group) lost this node, so the others do not hear it.",
    cure: "Add the instance to the pool, label or group again, or stop the watchdog.",
  },
  "incomplete": {
    severity: "warning",
    meaning: "A peer of -p cannot be placed, and a running instance that holds may be that peer.",
    cure: "Correct -p or the name servers, so that each peer has the address of one instance.",
  },
  "twin": {
    severity: "warning",
    meaning: "Another machine speaks with this instance's id, so neither changes anything.",
    cure: "Give each machine its own id: leave out -i, or correct it.",
  },
  "leaving": {
    severity: "info",
    meaning: "The node was told to stop, and a peer can serve.",
    cure: "Nothing: the node hands over and ends.",
  },
} as const;
ROLE_REASONS satisfies Readonly<Record<string, RoleReasonRow>>;

/** Why a node has its role. */
export type Reason = keyof typeof ROLE_REASONS;
