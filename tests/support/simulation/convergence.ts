// Liveness: the state that must be reached within a stated bound once everything is mended, and that nothing changes
// afterwards.
import { REPEAT_MAX_MS } from "../../../src/exoscale/attempts.ts";
import type { Observer, SimCluster } from "./cluster.ts";
import type { SimCloud } from "./cloud.ts";
import type { Machine } from "./machine.ts";
import { deadTimeOf, deceivedMsOf, holdOffOf, lifeOf } from "./limits.ts";

/** Time after the bound in which nothing may change any more. */
const CALM_MS = 40_000;
/** Longest time until a pending operation is given up; longer than a node takes to leave. */
const AFTERWARDS_MAX_MS = 60_000;
/** A dead peer with the original's format may have had a hold: wait this long. */
const DOUBT_MS = 30_000;
/** The extra readings after a change end this long after it. */
const NEAR_LOOKS_MS = 15_000;
/** The reconcile interval varies by up to this factor. */
const RECONCILE_SPREAD = 1.1;

/**
 * The time from the last fault until all is as it should be: `dead time + hold-off + reconcile + 3 calls`. It starts
 * after any call that was under way, or any wait that the cloud imposed, when the fault ended.
 */
export function boundMs(cluster: SimCluster): number {
  const settings = [...cluster.machines.values()].map((machine) => machine.settings);
  const hasOriginalSuccessor = [...cluster.machines.values()].some(({ plain }) => plain);
  const most = (of: (each: Machine["settings"]) => number) => Math.max(...settings.map(of));
  const deceivedMs = cluster.options.signed ? most(deceivedMsOf) : 0;
  // A peer whose heartbeats were forged must be heard for longer before anything is given up to it.
  const doubtedMs = cluster.attacker.forged > 0 ? most((each) => lifeOf(each, Infinity)) : 0;
  return deceivedMs + doubtedMs + REPEAT_MAX_MS + most(deadTimeOf) + most(holdOffOf) +
    3 * cluster.cloud.callMs +
    most(({ reconcileMs }) => reconcileMs) * RECONCILE_SPREAD +
    (hasOriginalSuccessor ? DOUBT_MS : 0) +
    most(({ preemptDelayMs }) => Number.isFinite(preemptDelayMs) ? preemptDelayMs : 0);
}

/** Lets the bound pass, and then some time in which nothing may happen. */
export async function converge(cluster: SimCluster): Promise<void> {
  // Leftovers of a fault belong to it: a pending operation, a node that leaves without having detached.
  const afterwards = () => cluster.callsUnderWay > 0 || someoneLeaves(cluster);
  for (let ms = 0; ms < AFTERWARDS_MAX_MS && afterwards(); ms += 1_000) {
    await cluster.run(1_000);
  }
  const bound = boundMs(cluster);
  await cluster.run(bound);
  const asItShould = () => {
    for (const cloud of cluster.clouds) {
      const wrong = wrongHolders(cluster, cloud);
      if (wrong) cluster.fail("cloud", `${wrong}, ${bound.toFixed(0)} ms after the last fault`);
    }
  };
  asItShould();
  const { onChanged } = cluster.cloud;
  cluster.observers.push(watchCalm(cluster));
  await cluster.run(CALM_MS);
  asItShould();
  // Time may go on, and changes are allowed again.
  cluster.observers.pop();
  cluster.cloud.onChanged = onChanged;
}

function someoneLeaves({ machines }: SimCluster): boolean {
  return [...machines.values()].some(({ agent, stopping }) => agent !== null && stopping);
}

/** No changes, and no calls except the usual readings. */
function watchCalm(cluster: SimCluster): Observer {
  const looks = new Map<Machine, number>();
  const startMs = cluster.timeline.nowMs;
  const { onChanged } = cluster.cloud;
  cluster.cloud.onChanged = () => {
    onChanged();
    cluster.fail("cloud", "the address still moves");
  };
  return {
    called(by, { verb }) {
      if (verb !== "look") cluster.fail(by.name, `still calls ${verb}`);
      const sinceMs = Math.max(startMs, cluster.cloud.changedAtMs);
      if (cluster.timeline.nowMs < sinceMs + NEAR_LOOKS_MS) return;
      const count = (looks.get(by) ?? 0) + 1;
      looks.set(by, count);
      const usual = 1 + Math.floor(CALM_MS / by.settings.reconcileMs);
      if (count > usual) cluster.fail(by.name, `${count} looks in ${CALM_MS} ms of calm`);
    },
  };
}

/** The actual and the expected holders, null when they are equal. */
function wrongHolders({ machines }: SimCluster, cloud: SimCloud): string | null {
  const running = [...machines.values()].filter(({ agent }) => agent !== null);
  const healthy = running.filter(({ healthy, aside }) => healthy && aside === null);
  // An unhealthy or drained server is better than none.
  const live = healthy.length > 0 ? healthy : running;
  const nameOf = (id: string) =>
    [...machines.values()].find(({ instanceId }) => instanceId === id)?.name ?? id;
  const holders = [...cloud.holders].map(nameOf).sort().join("+") || "nobody";
  if (live.length === 0) return null;
  // Unhealthy nodes with the original's format cannot say so, so each may hold.
  if (healthy.length === 0 && live.some(({ plain }) => plain)) {
    return cloud.holders.size > 0 ? null : "nobody holds, though all are unhealthy";
  }
  const best = Math.min(...live.map(({ priority }) => priority));
  const patient = live.some(({ settings }) =>
    settings.preemptDelayMs === Infinity || settings.moveLimit !== null
  );
  const ranks = patient ? [...new Set(live.map(({ priority }) => priority))] : [best];
  const candidates = ranks.map((rank) => {
    const equals = live.filter(({ priority }) => priority === rank);
    const exclusive = equals.some(({ settings }) => settings.exclusive);
    return exclusive && !patient ? equals.slice(0, 1) : equals;
  });
  // Without preemption, or once the address has moved often enough, any node that came to hold keeps the address, alone or with some of its equals.
  const right = patient
    ? candidates.some((equals) => equals.some(({ name }) => holders.split("+").includes(name)))
    : candidates[0]?.map(({ name }) => name).sort().join("+") === holders;
  if (right) return null;
  const wanted = candidates.map((equals) => equals.map(({ name }) => name).sort().join("+"));
  return `${holders} hold, wanted ${wanted.join(" or ")}`;
}
