// What a reader wants to see of a cluster: roles with their reasons, who holds, and what was evicted.
import type { SimCluster } from "./cluster.ts";

/** Events of the core that a trace shows beside roles and holders. */
const SHOWN = new Set([
  "evicted",
  "hold-vanished",
  "holder-unheard",
  "cloud-lost",
  "cloud-back",
  "peer-joined",
  "peer-left",
  "one-way",
]);

/** Writes roles, holders and what else an operator would want to know. */
export function follow(cluster: SimCluster, tell: (line: string) => void): void {
  const { timeline, cloud } = cluster;
  const nameOf = (id: string) =>
    [...cluster.nodes.values()].find(({ instanceId }) => instanceId === id)?.name ?? id;
  const note = (who: string, what: string) => {
    const names = what.replace(/0{7}1-0000-4000-8000-[0-9a-f]{12}/g, (id) => nameOf(id));
    tell(`${(timeline.nowMs / 1000).toFixed(2)}s ${who} ${names}`);
  };
  const roles = new Map<string, string>();
  cluster.observers.push({
    before() {},
    effect(node, effect) {
      if (effect.kind === "exit") note(node.name, `exit ${effect.code}`);
      if (effect.kind === "report" && SHOWN.has(effect.event)) note(node.name, effect.event);
      if (effect.kind === "call" && effect.call.verb === "evict") {
        note(node.name, effect.call.onlyIfStopped ? "is it off?" : "evict?");
      }
    },
    after({ name, core }) {
      const role = core ? `${core.election.role} ${core.election.reason}` : "";
      if (role && role !== roles.get(name)) note(name, role);
      roles.set(name, role);
    },
  });
  cloud.onChanged = () =>
    note("cloud", [...cloud.holders].map(nameOf).sort().join("+") || "nobody");
}
