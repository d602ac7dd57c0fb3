// The trace of a cluster for a reader: roles with their reasons, holders, and evictions.
import type { SimCluster } from "./cluster.ts";

/** Lines of the log that a trace shows besides roles and holders. */
const SHOWN = new Set([
  "evicted",
  "hold-vanished",
  "holder-unheard",
  "holder-unknown",
  "cloud-lost",
  "cloud-back",
  "peer-joined",
  "peer-left",
  "one-way",
  "path-back",
  "path-silent",
  "lease-acquired",
  "lease-lost",
  "lease-released",
  "store-lost",
  "store-back",
]);

/** Writes roles, holders and other lines for an operator. */
export function follow(cluster: SimCluster, tell: (line: string) => void): void {
  const { timeline } = cluster;
  const nameOf = (id: string) =>
    [...cluster.machines.values()].find(({ instanceId }) => instanceId === id)?.name ?? id;
  const note = (who: string, what: string) =>
    tell(`${(timeline.nowMs / 1000).toFixed(2)}s ${who} ${what}`);
  const roles = new Map<string, string>();
  const role = (name: string, text: string) => {
    if (text !== roles.get(name)) note(name, text);
    roles.set(name, text);
  };
  cluster.observers.push({
    exited({ name }, code) {
      note(name, `exit ${code}`);
      roles.delete(name);
    },
    said({ name, core }, { event, text }) {
      if (SHOWN.has(event)) note(name, event);
      // For a whole loop, only its log shows the role.
      const [, whole, reason] = /^(\w+) \(([\w-]+)/.exec(event === "role" && !core ? text : "") ??
        [];
      if (whole) role(name, `${whole} ${reason}`);
    },
    called({ name }, call) {
      if (call.verb === "evict") note(name, call.onlyIfStopped ? "is it off?" : "evict?");
    },
    stepped({ name, agent }, { election }) {
      if (agent) role(name, `${election.role} ${election.reason}`);
    },
  });
  for (const [index, each] of cluster.clouds.entries()) {
    const name = index === 0 ? "cloud" : `cloud ${index + 1}`;
    each.onChanged = () => note(name, [...each.holders].map(nameOf).sort().join("+") || "nobody");
  }
}
