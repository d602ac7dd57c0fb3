// What must never happen, watched at every step; the first violation ends the run.
import { deadTimeMs, settling } from "../../src/core/election_state.ts";
import type { Call } from "../../src/core/ownership_state.ts";
import type { NodeEffect } from "../../src/core/node.ts";
import type { Observer, SimCluster, SimNode } from "./cluster.ts";

/** Calls of one node within one second; the client paces the requests that they become. */
const CALLS_PER_SECOND_MAX = 7;

/** A rule was broken. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** Watches the cluster; throws a `Violation` from within the step that breaks a rule. */
export function watchSafety(cluster: SimCluster): void {
  const { timeline, cloud } = cluster;
  const callsOf = new Map<string, { atMs: number; verb: string }[]>();
  const fail = (node: SimNode | null, rule: string) => {
    throw new Violation(`at ${timeline.nowMs.toFixed(0)} ms ${node?.name ?? "cloud"}: ${rule}`);
  };

  const checkCall = (node: SimNode, call: Call) => {
    const { core } = node;
    if (!core) return fail(node, "a call after its end");
    const settlingNow = settling(core.election) && core.election.stops === 0;
    const changes = ["attach", "detach-self", "evict"].includes(call.verb);
    if (changes && settlingNow) fail(node, `${call.verb} during the hold-off`);
    if (call.verb === "evict") {
      const peer = [...core.election.peers.values()].find(({ instanceId }) =>
        instanceId === call.instanceId
      );
      const silentMs = timeline.nowMs - (peer?.heardAtMs ?? -Infinity);
      if (silentMs < deadTimeMs(node.settings)) {
        fail(node, `evicts a peer heard ${silentMs.toFixed(0)} ms ago`);
      }
    }
    const recent = (callsOf.get(node.name) ?? []).filter(({ atMs }) =>
      atMs > timeline.nowMs - 1000
    );
    recent.push({ atMs: timeline.nowMs, verb: call.verb });
    callsOf.set(node.name, recent);
    if (recent.length > CALLS_PER_SECOND_MAX) {
      const verbs = recent.map(({ verb }) => verb).join(", ");
      fail(node, `${recent.length} calls within a second: ${verbs}`);
    }
  };

  const inFlight = new Map<string, Set<number>>();
  const observer: Observer = {
    before(node, event) {
      if (event.kind === "answered" || event.kind === "failed") {
        inFlight.get(`${node.name} ${node.incarnation}`)?.delete(event.id);
      }
    },
    effect(node, effect: NodeEffect) {
      if (!node.core) fail(node, `${effect.kind} after its end`);
      if (effect.kind !== "call") return;
      const key = `${node.name} ${node.incarnation}`;
      const flights = inFlight.get(key) ?? new Set();
      inFlight.set(key, flights.add(effect.id));
      if (flights.size > 3) fail(node, `${flights.size} calls under way at once`);
      checkCall(node, effect.call);
    },
    after(node) {
      const { core } = node;
      if (!core) return;
      const { priority, peers } = core.election;
      if (priority < 0 || priority > 255) fail(node, `priority ${priority}`);
      if (peers.size > cluster.nodes.size) fail(node, `${peers.size} peers`);
    },
  };
  cluster.observers.push(observer);

  cloud.onAccept = (change, instanceId, by) => {
    if (change !== "detach" || by === instanceId) return;
    const nodes = [...cluster.nodes.values()];
    const victim = nodes.find((node) => node.instanceId === instanceId);
    const others = nodes.filter((node) =>
      node !== victim && node.core && cloud.holders.has(node.instanceId)
    );
    if (victim?.core && others.length === 0) {
      fail(victim, "loses the address as its last live holder");
    }
  };
}

/** Who should hold once everything is well: the best live nodes, or the first of them by id if exclusive. */
export function rightfulHolders(cluster: SimCluster): string[] {
  const live = [...cluster.nodes.values()].filter(({ core }) => core !== null);
  const best = Math.min(...live.map(({ core }) => core?.election.priority ?? 256));
  const equals = live.filter(({ core }) => core?.election.priority === best);
  const exclusive = equals.some(({ settings }) => settings.exclusive);
  return (exclusive ? equals.slice(0, 1) : equals).map(({ instanceId }) => instanceId).sort();
}
