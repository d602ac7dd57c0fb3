// The promise of a lease: never do two nodes hold in the cloud for longer than the cloud takes to carry out a request
// that was sent in time. It is checked by the holders in the cloud, by the store's own record, and by the network as it
// is; no watchdog is asked.
import { callsOneAtATime, callsRarely } from "./call_rules.ts";
import { owns } from "../../../src/core/lease/state.ts";
import type { Observer, SimCluster } from "./cluster.ts";
import type { SimStore } from "./lease_store.ts";
import { deadTimeOf, holdOffOf } from "./limits.ts";
import type { Machine } from "./machine.ts";

/** Interval of the checks that time alone can break. */
const WATCH_MS = 250;
/** The last look after an attach, and what it takes to act on it: then an owner knows of every late request. */
const LAST_LOOK_MS = 18_000;
/** How long a late request, or an operator's change, waits for the owner's next usual look. */
const USUAL_LOOK = 1.2;
/** Time for a node to notice and to detach, beyond the times of lease and cloud. */
const SLACK_MS = 3_000;

/** What the checks know of the cluster. */
interface Watched {
  readonly cluster: SimCluster;
  readonly store: SimStore;
  readonly ttlMs: number;
  readonly failsafe: boolean;
}

/** Watches a cluster with a lease; the first broken rule stops its time. */
export function watchLease(watched: Watched): void {
  const { cluster } = watched;
  cluster.observers.push(callsOneAtATime(cluster), callsRarely(cluster));
  onlyOwnersAttach(watched);
  cluster.observers.push(believesNoMore(watched));
  const timers = [neverTwoForLong(watched), letsGo(watched)];
  const watch = () => {
    for (const each of timers) each();
    cluster.timeline.at(cluster.timeline.nowMs + WATCH_MS, watch);
  };
  cluster.timeline.at(WATCH_MS, watch);
}

function nameOf({ machines }: SimCluster, id: string): string {
  return [...machines.values()].find(({ instanceId }) => instanceId === id)?.name ?? id;
}

/**
 * Each attach was sent by the owner of that moment, and at that moment nobody else had held for longer than a look may
 * be old. Requests travel for the latency at most, or leave again after a fault.
 */
function onlyOwnersAttach({ cluster, store, ttlMs }: Watched): void {
  const { timeline } = cluster;
  const ownedAtMs = new Map<string, number>();
  const note = () => {
    if (store.owner !== null) ownedAtMs.set(store.owner, timeline.nowMs);
    timeline.at(timeline.nowMs + 1, note);
  };
  timeline.at(0, note);
  for (const cloud of cluster.clouds) {
    cloud.onAccept = (change, instanceId, by) => {
      if (change !== "attach") return;
      const name = nameOf(cluster, by), sentAtMs = timeline.nowMs - cloud.latencyMs;
      const agoMs = sentAtMs - (ownedAtMs.get(by) ?? -Infinity);
      if (agoMs > 2) cluster.fail(name, `attaches ${agoMs.toFixed(0)} ms after it owned the lease`);
      const oldMs = ttlMs + cloud.callMs + SLACK_MS;
      const beside = [...cloud.holders].find((id) =>
        id !== instanceId && cloud.heldSinceMs(id) < timeline.nowMs - oldMs
      );
      if (beside && timeline.nowMs > cloud.handAtMs + oldMs) {
        cluster.fail(name, `attaches beside ${nameOf(cluster, beside)}`);
      }
    };
  }
}

/** No node believes that the lease is its own when the store says otherwise, unless its clock stood still. */
function believesNoMore({ cluster, store }: Watched): Observer {
  return {
    stepped(machine, { lease }) {
      if (!lease?.tenure || machine.suspended || store.allDown) return;
      const atMs = cluster.timeline.nowMs + machine.aheadMs;
      if (store.owner === machine.instanceId || !owns(lease, atMs)) return;
      const owner = store.owner === null ? "nobody" : nameOf(cluster, store.owner);
      cluster.fail(machine.name, `believes to own the lease, which ${owner} owns`);
    },
  };
}

/** Two holders only until the owner, awake and with the cloud, has looked for what came late. */
function neverTwoForLong({ cluster, store }: Watched): () => void {
  const { timeline } = cluster;
  const since = new Map<object, number>();
  return () => {
    for (const cloud of cluster.clouds) {
      const owner = [...cluster.machines.values()].find((m) => m.instanceId === store.owner);
      const able = owner !== undefined && isAwake(owner, timeline.nowMs) && !owner.stopping &&
        cloud.fault(owner.instanceId) === "ok";
      if (cloud.holders.size < 2 || !able) {
        since.set(cloud, timeline.nowMs);
        continue;
      }
      const begin = Math.max(since.get(cloud) ?? 0, cloud.troubledAtMs);
      const byHand = cloud.handAtMs >= begin - SLACK_MS;
      const usualMs = owner.settings.reconcileMs * USUAL_LOOK;
      const boundMs = (byHand ? usualMs : Math.max(LAST_LOOK_MS, usualMs)) + 6 * cloud.callMs +
        SLACK_MS;
      if (timeline.nowMs - begin <= boundMs) continue;
      const names = [...cloud.holders].map((id) => nameOf(cluster, id)).sort().join(" and ");
      cluster.fail("cloud", `${names} have held for ${timeline.nowMs - begin} ms`);
    }
  };
}

function isAwake(machine: Machine, nowMs: number): boolean {
  return machine.agent !== null && nowMs >= machine.frozenUntilMs + SLACK_MS;
}

/**
 * A node without the lease gives the address up in time: once another node owns it, and once the store is lost unless
 * the failsafe holds, that is, unless every peer runs, can be heard, and holds nothing.
 */
function letsGo({ cluster, store, ttlMs, failsafe }: Watched): () => void {
  const { timeline, cloud } = cluster;
  const since = new Map<Machine, number>();
  return () => {
    const { nowMs } = timeline;
    for (const machine of cluster.machines.values()) {
      const { instanceId } = machine;
      const may = !isAwake(machine, nowMs) || !cloud.holders.has(instanceId) ||
        cloud.fault(instanceId) !== "ok" || store.owner === instanceId ||
        !mustLetGo(machine);
      if (may) since.set(machine, nowMs);
      const began = Math.max(since.get(machine) ?? nowMs, cloud.troubledAtMs, cloud.handAtMs);
      const boundMs = ttlMs + 6 * cloud.callMs + holdOffOf(machine.settings) +
        2 * deadTimeOf(machine.settings) + LAST_LOOK_MS;
      if (nowMs - began <= boundMs) continue;
      cluster.fail(machine.name, `still holds ${nowMs - began} ms after it must have let go`);
    }
  };

  function mustLetGo(machine: Machine): boolean {
    const cutOff = store.allDown || ["down", "lost"].includes(store.fault(machine.instanceId));
    // Whoever owns it takes the address away; a node that cannot reach the store need not know.
    if (!cutOff) return store.owner !== null;
    return !failsafe || !hearsAll(machine);
  }

  function hearsAll(machine: Machine): boolean {
    const { cuts, weather, holds } = cluster.network;
    return weather.loss < 0.3 && holds.size === 0 &&
      [...cluster.machines.values()].every((other) =>
        other === machine ||
        (other.agent !== null && timeline.nowMs >= other.frozenUntilMs && other.inPeerList &&
          !cuts.has(`${other.address}>${machine.address}`))
      );
  }
}

/** Time after the bound in which nothing may change any more. */
const CALM_MS = 40_000;

/** After everything is mended: the best node owns the lease and holds alone, nothing moves, and calls are few. */
export async function convergeLeased({ cluster, store, ttlMs }: Watched): Promise<void> {
  const settings = [...cluster.machines.values()].map((machine) => machine.settings);
  const most = (of: (each: Machine["settings"]) => number) => Math.max(...settings.map(of));
  const patienceMs = most(({ preemptDelayMs }) =>
    Number.isFinite(preemptDelayMs) ? preemptDelayMs : 0
  );
  const boundMs = 60_000 + 2 * ttlMs + most(({ reconcileMs }) => reconcileMs) * USUAL_LOOK +
    10 * cluster.cloud.callMs + 2 * most(holdOffOf) + patienceMs;
  await cluster.run(boundMs);
  const problem = () => wrong({ cluster, store });
  const now = problem();
  if (now) cluster.fail("cloud", `${now}, ${boundMs.toFixed(0)} ms after the last fault`);
  const changes = cluster.clouds.map(({ changedAtMs }) => changedAtMs);
  const before = new Map(store.calls), owner = store.owner;
  await cluster.run(CALM_MS);
  const then = problem();
  if (then) cluster.fail("cloud", `${then}, in the calm`);
  if (cluster.clouds.some(({ changedAtMs }, index) => changedAtMs !== changes[index])) {
    cluster.fail("cloud", "the address still moves");
  }
  for (const [id, count] of store.calls) {
    // An owner renews, another node reads; without heartbeats both read and announce themselves, too.
    const kinds = settings.every(({ lease }) => lease?.heartbeats) ? 1 : 3;
    const calls = count - (before.get(id) ?? 0), usual = kinds * CALM_MS / (ttlMs / 3) + 2;
    if (calls > usual) {
      cluster.fail(nameOf(cluster, id), `${calls} calls to the store in ${CALM_MS} ms of calm`);
    }
  }
  if (store.owner !== owner) cluster.fail("store", "the lease still moves");
}

function wrong({ cluster, store }: Pick<Watched, "cluster" | "store">): string | null {
  const running = [...cluster.machines.values()].filter(({ agent }) => agent !== null);
  const healthy = running.filter(({ healthy, aside }) => healthy && aside === null);
  const live = healthy.length > 0 ? healthy : running;
  if (live.length === 0) return null;
  const owner = live.find(({ instanceId }) => instanceId === store.owner);
  if (!owner) return `${store.owner === null ? "nobody" : nameOf(cluster, store.owner)} owns it`;
  for (const { holders } of cluster.clouds) {
    if (holders.size === 1 && holders.has(owner.instanceId)) continue;
    const names = [...holders].map((id) => nameOf(cluster, id)).join("+") || "nobody";
    return `${names} hold, ${owner.name} owns the lease`;
  }
  const patient = live.some(({ settings }) =>
    settings.preemptDelayMs === Infinity || settings.moveLimit !== null
  );
  const best = Math.min(...live.map(({ priority }) => priority));
  const [first] = live.filter(({ priority }) => priority === best);
  return patient || owner === first ? null : `${owner.name} owns it, wanted ${first?.name}`;
}
