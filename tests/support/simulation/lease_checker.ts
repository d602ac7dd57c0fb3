// What a lease demands besides its promise (lease_promise.ts): a node without it lets go in time, and once all is mended
// the best node owns it and holds. By the holders in the cloud, the store's own record, and the network as it is.
import { callsOneAtATime, callsRarely } from "./call_rules.ts";
import { owns } from "../../../src/core/lease/state.ts";
import type { SimCloud } from "./cloud.ts";
import type { Observer } from "./cluster.ts";
import { nameOf, serves, type Watched, watchPromise } from "./lease_promise.ts";
import { deadTimeOf, deceivedMsOf, holdOffOf } from "./limits.ts";
import type { Machine } from "./machine.ts";

/** Interval of the checks that time alone can break. */
const WATCH_MS = 250;
/** How long a late request, or an operator's change, waits for the owner's next usual look. */
const USUAL_LOOK = 1.2;
/** Time for a node to notice and to detach, beyond the times of lease and cloud. */
const SLACK_MS = 3_000;
/** Longest wait of a node after the cloud has troubled it: a call that hangs, and the one after it. */
const RECOVERY_MS = 20_000;

/** Watches a cluster with a lease; the first broken rule stops its time. */
export function watchLease(watched: Watched): void {
  const { cluster } = watched;
  cluster.observers.push(callsOneAtATime(cluster), callsRarely(cluster));
  watchPromise(watched);
  cluster.observers.push(believesNoMore(watched));
  const timer = letsGo(watched);
  const watch = () => {
    timer();
    cluster.timeline.at(cluster.timeline.nowMs + WATCH_MS, watch);
  };
  cluster.timeline.at(WATCH_MS, watch);
}

/** No node believes that the lease is its own when the store says otherwise, unless its clock stood still meanwhile. */
function believesNoMore({ cluster, store }: Watched): Observer {
  return {
    stepped(machine, { lease }) {
      if (!lease?.tenure || store.allDown) return;
      if (machine.aheadAt(lease.tenure.renewedAtMs) !== machine.aheadMs) return;
      const atMs = cluster.timeline.nowMs + machine.aheadMs;
      if (store.owner === machine.instanceId || !owns(lease, atMs)) return;
      const owner = store.owner === null ? "nobody" : nameOf(cluster, store.owner);
      cluster.fail(machine.name, `believes to own the lease, which ${owner} owns`);
    },
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
  const { timeline } = cluster;
  const rules = cluster.clouds.flatMap((cloud) =>
    [owned, cutOff].map((rule) => ({ cloud, rule, since: new Map<Machine, number>() }))
  );
  const troubled = new Map<SimCloud, Map<Machine, number>>();
  return () => {
    const { nowMs } = timeline;
    for (const { cloud, rule, since } of rules) {
      const trouble = troubled.get(cloud) ?? new Map<Machine, number>();
      troubled.set(cloud, trouble);
      for (const machine of cluster.machines.values()) {
        const { instanceId, settings } = machine;
        if (cloud.fault(instanceId) !== "ok" || cloud.released) trouble.set(machine, nowMs);
        const inMs = rule(machine);
        const may = inMs === null || !isAwake(machine, nowMs) || !cloud.holders.has(instanceId) ||
          store.owner === instanceId;
        if (may) since.set(machine, nowMs);
        const beganMs = Math.max(
          since.get(machine) ?? nowMs,
          (trouble.get(machine) ?? -Infinity) + RECOVERY_MS,
          // Only the next look shows what an operator has done.
          cloud.handAtMs + settings.reconcileMs * USUAL_LOOK,
        );
        const boundMs = (inMs ?? 0) + 4 * cloud.callMs + SLACK_MS;
        if (nowMs - beganMs <= boundMs) continue;
        cluster.fail(machine.name, `still holds ${nowMs - beganMs} ms after it must have let go`);
      }
    }
  };

  /** Another node owns it, which the next reading shows at the latest. */
  function owned({ instanceId }: Machine): number | null {
    const answered = !store.allDown && serves(store.fault(instanceId));
    return answered && store.owner !== null ? ttlMs / 3 : null;
  }

  function cutOff(machine: Machine): number | null {
    const lost = store.allDown ||
      ["down", "fails", "lost"].includes(store.fault(machine.instanceId));
    if (!lost || (failsafe && hearsAll(machine))) return null;
    const { settings } = machine;
    return ttlMs * 2 / 3 + deadTimeOf(settings) +
      (cluster.options.signed ? deceivedMsOf(settings) : 0);
  }

  function hearsAll(machine: Machine): boolean {
    const { cuts } = cluster.network;
    const { inPeerList, addresses } = machine;
    const hears = (other: Machine) =>
      other.addresses.some((from, network) => !cuts.has(`${from}>${addresses[network]}`));
    return inPeerList && [...cluster.machines.values()].every((other) =>
      other === machine ||
      (other.agent !== null && timeline.nowMs >= other.frozenUntilMs && hears(other))
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
