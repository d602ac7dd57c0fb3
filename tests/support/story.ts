// What happened in a cluster, for the reader of a failure.
import type { Cluster } from "./cluster.ts";
import type { Line } from "./process.ts";

/** All that the cloud and the nodes have told, in order, with what the test itself tells. */
export function story(
  cluster: Cluster,
  startedAtMs: number,
  told: readonly Line[] = [],
): string {
  const name = (id: string) => cluster.nodes.find(({ instance }) => instance.id === id)?.name ?? id;
  const events = [
    ...told,
    ...cluster.server.model.history.map(({ atMs, holders }) => ({
      atMs,
      text: `cloud: ${holders.map(name).join("+") || "nobody"}`,
    })),
    ...cluster.nodes.flatMap((node) =>
      node.lines.map(({ atMs, text }) => ({ atMs, text: `${node.name}: ${text}` }))
    ),
  ].sort((a, b) => a.atMs - b.atMs);
  return events.map(({ atMs, text }) => `${((atMs - startedAtMs) / 1000).toFixed(2)} s ${text}`)
    .join("\n");
}
