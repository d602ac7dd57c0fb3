// What happens in the demo, and what should come of it.
import type { Cluster, ClusterNode } from "../../tests/support/cluster.ts";

/** One event and its expected consequence. */
export interface Act {
  readonly title: string;
  /** Makes it happen. */
  readonly happen: (
    stage: { cluster: Cluster; start: Start; kill: Kill; noticed: () => boolean },
  ) => void;
  /** A line of some watchdog that shows that it was noticed. */
  readonly noticed: RegExp;
  /** Who should hold in the end. */
  readonly holders: readonly string[];
  /** The one of them whose getting the address is measured. */
  readonly heir: string;
  /** Longest time without a live holder. */
  readonly unheldMaxMs: number;
}

/** Starts a node's watchdog. */
export type Start = (node: ClusterNode, priority: number) => void;
/** Ends a node's watchdog. */
export type Kill = (node: ClusterNode, signal: "SIGKILL" | "SIGTERM") => void;

const HTML_MS = 3_000;
/** Longest wait between two attempts at the cloud. */
const RETRY_MS = 6_000;
/** Dead time at `-t 0.2 -r 3`, the change itself, and a machine so busy that each takes seconds. */
const FAILOVER_MS = 600 + 9_400;
/** Longest wait for what should come of an act: mostly a second, on a machine that stands still now and then more. */
export const PATIENT_MS = 60_000;

/** The play. */
export const ACTS: readonly Act[] = [
  {
    title: "election: three nodes start, priorities 10, 20, 30",
    happen: ({ cluster, start }) => cluster.nodes.forEach((each, at) => start(each, 10 * (at + 1))),
    noticed: /role: master \(best\)/,
    holders: ["node-1"],
    heir: "node-1",
    unheldMaxMs: Infinity,
  },
  {
    title: "crash: node-1 is killed (SIGKILL)",
    happen: ({ cluster, kill }) => kill(cluster.node(1), "SIGKILL"),
    noticed: /peer-dead: peer .*\b127\.0\.0\.1\)? /,
    holders: ["node-2"],
    heir: "node-2",
    unheldMaxMs: FAILOVER_MS,
  },
  {
    title: "return: node-1 is started again",
    happen: ({ cluster, start }) => start(cluster.node(1), 10),
    noticed: /role: backup \(outranked by .*127\.0\.0\.1\)? /,
    holders: ["node-1"],
    heir: "node-1",
    unheldMaxMs: 0,
  },
  {
    title: "graceful stop: node-1 is told to stop (SIGTERM)",
    happen: ({ cluster, kill }) => kill(cluster.node(1), "SIGTERM"),
    noticed: /role: master \(best\)/,
    holders: ["node-2"],
    heir: "node-2",
    unheldMaxMs: 0,
  },
  {
    title: "equals: node-1 comes back with the priority of node-2, so both share",
    happen: ({ cluster, start }) => start(cluster.node(1), 20),
    noticed: /role: master \(equal\)/,
    holders: ["node-1", "node-2"],
    heir: "node-1",
    unheldMaxMs: 0,
  },
  {
    title: "cloud fault: HTML answers for 3 s while both holders crash",
    happen: ({ cluster, kill, noticed }) => {
      const untilMs = performance.now() + HTML_MS;
      // On a slow machine the survivor asks late, and should see it, too.
      cluster.server.fault = () => performance.now() < untilMs || !noticed() ? "html" : null;
      kill(cluster.node(1), "SIGKILL");
      kill(cluster.node(2), "SIGKILL");
    },
    noticed: /cloud-error: .*wanted JSON, got text\/html/,
    holders: ["node-3"],
    heir: "node-3",
    unheldMaxMs: HTML_MS + RETRY_MS + FAILOVER_MS,
  },
];
