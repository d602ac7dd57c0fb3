// The promise of a lease, by the requests that the cloud carries out and the record that the store has: never do two
// nodes hold, except for as long as it takes to find an attach that was sent in time and carried out late. No watchdog
// is asked.
//
// A request expires with the lease of its sender, who does not give the lease up before that. So the cloud begins with
// nothing while somebody else owns the lease: only what it begins in time and carries out later can meet another holder.
import type { ChangeRequest, Fault, SimCloud } from "./cloud.ts";
import type { SimCluster } from "./cluster.ts";
import type { SimStore, StoreFault } from "./lease_store.ts";
import { holdOffOf } from "./limits.ts";
import type { Machine } from "./machine.ts";

/** Interval of the check that time alone can break. */
const WATCH_MS = 250;
/** From when on after its attach, or after it got the lease, an owner looks only as often as any node. */
const LAST_LOOK_MS = 18_000;
/** Two looks of an owner in that time are apart by no more than this. */
const LOOKS_APART_MS = 5_500;
/** Longest wait of a node after the cloud has troubled it: a call that hangs, and the one after it. */
const RECOVERY_MS = 20_000;
/** Between a renewal, a look and an eviction. */
const SLACK_MS = 1_500;
/** How much later than its interval a usual look may be. */
const RECONCILE_SPREAD = 1.1;
/** A sender without an answer keeps the lease for operations that take no longer than this. */
const LONGEST_OPERATION_MS = 5_000;
/** How often it is noted which nodes are in trouble. */
const TROUBLE_MS = 100;
/** Faults of the cloud under which a sender knows that it may have changed something. */
const KNOWN_FAULTS: readonly Fault[] = ["ok", "late", "lost"];

/** What the rules need to know of the cluster. */
export interface Watched {
  readonly cluster: SimCluster;
  readonly store: SimStore;
  readonly ttlMs: number;
  readonly failsafe: boolean;
}

/** An instance's hold. */
interface Hold {
  readonly sinceMs: number;
  /** What made it. */
  readonly request: ChangeRequest;
  /** Why there may be another one beside it, as far as is known by then: null if nothing explains that. */
  readonly excuse: () => "hand" | "late" | null;
}

type Holds = ReadonlyMap<string, Hold>;

/** The name of an instance. */
export function nameOf({ machines }: SimCluster, id: string): string {
  return [...machines.values()].find(({ instanceId }) => instanceId === id)?.name ?? id;
}

/** Whether the store answers a node whose way to it has that fault. */
export function serves(fault: StoreFault): boolean {
  return fault === "ok" || fault === "silent" || fault === "behind";
}

/** Watches from now on. */
export function watchPromise(watched: Watched): void {
  const { cluster, store } = watched;
  const owners: { atMs: number; owner: string | null }[] = [{ atMs: -Infinity, owner: null }];
  store.onOwner = (owner) => owners.push({ atMs: cluster.timeline.nowMs, owner });
  const ownerAt = (ms: number) => owners.findLast(({ atMs }) => atMs <= ms)?.owner ?? null;
  for (const cloud of cluster.clouds) watchCloud(watched, { cloud, ownerAt });
}

function watchCloud(
  watched: Watched,
  { cloud, ownerAt }: { cloud: SimCloud; ownerAt: (ms: number) => string | null },
): void {
  const { cluster } = watched;
  const history: { atMs: number; holds: Holds }[] = [{ atMs: -Infinity, holds: new Map() }];
  const holdsAt = (ms: number) => history.findLast(({ atMs }) => atMs <= ms)?.holds ?? new Map();
  let holds: Holds = new Map();
  const nameOfId = (id: string) => nameOf(cluster, id);
  const troubledAtMs = watchTrouble(watched, cloud);

  const excuseOf = ({ by, sentAtMs }: ChangeRequest): Hold["excuse"] => {
    if (by === null) return () => "hand";
    const { nowMs } = cluster.timeline, shownAtMs = nowMs + cloud.staleMs;
    const kept = ownerAt(nowMs) === by,
      mayBeLate = kept || troubledAtMs(by) >= sentAtMs ||
        cloud.operationMs > LONGEST_OPERATION_MS;
    return () => ownerAt(shownAtMs) !== by && mayBeLate ? "late" : null;
  };

  /** Rule 1: what changes the holders was sent by the owner of the lease, or gives up one's own hold. */
  const sentByOwner = (request: ChangeRequest) => {
    const { change, instanceId, by, sentAtMs } = request;
    if (by === null || (change === "detach" && instanceId === by)) return;
    const owner = ownerAt(sentAtMs);
    if (owner === by) return;
    const what = change === "attach" ? "attach" : `take it from ${nameOfId(instanceId)}`;
    const whose = owner === null ? "nobody" : nameOfId(owner);
    cluster.fail(nameOfId(by), `asked to ${what} while ${whose} owned the lease`);
  };

  /** Rule 2: the cloud begins with no change of a node while another one owns the lease. */
  const begunForOwner = (request: ChangeRequest) => {
    const { change, instanceId, by, acceptedAtMs } = request;
    if (by === null || (change === "detach" && instanceId === by)) return;
    const owner = ownerAt(acceptedAtMs);
    if (owner === by || owner === null) return;
    cluster.fail(nameOfId(by), `its ${change} was begun while ${nameOfId(owner)} owned the lease`);
  };

  /** Rule 3: when an attach was sent, nobody else held, except by a late request. */
  const sentAfterBreaking = (request: ChangeRequest) => {
    const { instanceId, by, sentAtMs } = request;
    if (by === null) return;
    for (const [id, { excuse }] of holdsAt(sentAtMs)) {
      if (id === instanceId || excuse() !== null) continue;
      cluster.fail(nameOfId(by), `asked to attach while ${nameOfId(id)} held`);
    }
  };

  /** Rule 4: two hold only because of a late request. */
  const alone = () => {
    if (holds.size < 2 || [...holds.values()].some(({ excuse }) => excuse() !== null)) return;
    cluster.fail(
      "cloud",
      `${[...holds.keys()].map(nameOfId).join(" and ")} hold, and none is late`,
    );
  };

  cloud.onCarryOut = (request) => {
    const { change, instanceId } = request, atMs = cluster.timeline.nowMs;
    sentByOwner(request);
    begunForOwner(request);
    if (change === "attach") sentAfterBreaking(request);
    const next = new Map(holds);
    if (change === "detach") next.delete(instanceId);
    else if (!next.has(instanceId)) {
      next.set(instanceId, { sinceMs: atMs, request, excuse: excuseOf(request) });
    }
    holds = next;
    history.push({ atMs, holds });
    if (change === "attach") alone();
  };
  notForLong(watched, { cloud, holdsNow: () => holds });
}

/**
 * When a node last could not keep the lease until the cloud had carried out what it sent: its process ended or stood
 * still, or it lost the store or the cloud.
 */
function watchTrouble(
  { cluster: { timeline, machines }, store }: Watched,
  cloud: SimCloud,
): (instanceId: string) => number {
  const lastAtMs = new Map<string, number>();
  const note = () => {
    for (const { instanceId, agent, stopping, startedAtMs, frozenUntilMs } of machines.values()) {
      const helpless = agent === null || stopping || store.allDown ||
        !serves(store.fault(instanceId)) || !KNOWN_FAULTS.includes(cloud.fault(instanceId));
      const before = lastAtMs.get(instanceId) ?? -Infinity;
      const sinceMs = Math.max(before, startedAtMs, Math.min(frozenUntilMs, timeline.nowMs));
      lastAtMs.set(instanceId, helpless ? timeline.nowMs : sinceMs);
    }
  };
  const watch = () => {
    note();
    timeline.at(timeline.nowMs + TROUBLE_MS, watch);
  };
  timeline.at(0, watch);
  return (instanceId) => {
    note();
    return lastAtMs.get(instanceId) ?? -Infinity;
  };
}

/** Rule 5: an owner that can act ends a second hold after its next look. */
function notForLong(
  { cluster, store, ttlMs }: Watched,
  { cloud, holdsNow }: { cloud: SimCloud; holdsNow: () => Holds },
): void {
  const { timeline } = cluster;
  let twoSinceMs = 0, sinceMs = 0, ownerSinceMs = 0, troubledAtMs = -Infinity;
  let owner: Machine | undefined;
  const watch = () => {
    const { nowMs } = timeline, holds = holdsNow();
    const before = owner;
    owner = [...cluster.machines.values()].find(({ instanceId }) => instanceId === store.owner);
    if (!owner || cloud.fault(owner.instanceId) !== "ok" || cloud.released) troubledAtMs = nowMs;
    if (owner !== before) ownerSinceMs = nowMs;
    if (holds.size < 2) twoSinceMs = nowMs;
    if (holds.size < 2 || owner !== before || !canAct(owner)) sinceMs = nowMs;
    if (owner && sinceMs < nowMs) {
      const beganMs = Math.max(sinceMs, troubledAtMs + RECOVERY_MS);
      const { reconcileMs } = owner.settings;
      const own = holds.get(owner.instanceId);
      const aged = own ? twoSinceMs - Math.max(own.sinceMs, ownerSinceMs) : 0;
      const others = [...holds].filter(([id]) => id !== owner?.instanceId).map(([, each]) => each);
      const usual = aged > LAST_LOOK_MS || others.some(({ excuse }) => excuse() === "hand") ||
        own?.excuse() === "hand";
      const gapMs = usual ? reconcileMs * RECONCILE_SPREAD : LOOKS_APART_MS;
      const boundMs = gapMs + ttlMs / 3 + (2 + 4 * others.length) * cloud.callMs + SLACK_MS;
      if (nowMs - beganMs > boundMs) {
        const names = [...holds.keys()].map((id) => nameOf(cluster, id)).sort().join(" and ");
        cluster.fail("cloud", `${names} have held for ${nowMs - sinceMs} ms`);
      }
    }
    timeline.at(nowMs + WATCH_MS, watch);
  };
  timeline.at(WATCH_MS, watch);

  function canAct(machine: Machine | undefined): machine is Machine {
    if (!machine || machine.agent === null || machine.stopping || store.allDown) return false;
    const { frozenUntilMs, startedAtMs, settings } = machine;
    const listensUntilMs = Math.max(frozenUntilMs, startedAtMs) + holdOffOf(settings);
    return timeline.nowMs >= listensUntilMs + ttlMs / 3 && serves(store.fault(machine.instanceId));
  }
}
