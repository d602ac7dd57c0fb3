// What must come true once everything is mended, within a stated bound, and that nothing moves after it.
import { REPEAT_MAX_MS } from "../../../src/exoscale/attempts.ts";
import type { Observer, SimCluster } from "./cluster.ts";
import type { Machine } from "./machine.ts";
import { deadTimeOf, deceivedMsOf, holdOffOf, lifeOf } from "./limits.ts";

/** Time after the bound in which nothing may move any more. */
const CALM_MS = 40_000;
/** Longest time that an operation pends before it is given up, and more than a node takes to leave. */
const AFTERWARDS_MAX_MS = 60_000;
/** Whether a dead peer that speaks the original's format had a hold is not known: it is given this long. */
const DOUBT_MS = 30_000;
/** The looks after a change are over this long after it. */
const NEAR_LOOKS_MS = 15_000;
/** Reconcile looks are spread by up to this share. */
const RECONCILE_SPREAD = 1.1;

/**
 * The time from the last fault until all is as it should be: `dead time + hold-off + reconcile + 3 calls`, after the
 * call that was under way or the wait that the cloud imposed when the fault ended.
 */
export function boundMs(cluster: SimCluster): number {
  const settings = [...cluster.machines.values()].map((machine) => machine.settings);
  const hasOriginalSuccessor = [...cluster.machines.values()].some(({ plain }) => plain);
  const most = (of: (each: Machine["settings"]) => number) => Math.max(...settings.map(of));
  const deceivedMs = cluster.options.signed ? most(deceivedMsOf) : 0;
  // A peer that others have spoken for must be heard for longer until something is given up to it.
  const doubtedMs = cluster.attacker.forged > 0 ? most((each) => lifeOf(each, Infinity)) : 0;
  return deceivedMs + doubtedMs + REPEAT_MAX_MS + most(deadTimeOf) + most(holdOffOf) +
    3 * cluster.cloud.callMs +
    most(({ reconcileMs }) => reconcileMs) * RECONCILE_SPREAD +
    (hasOriginalSuccessor ? DOUBT_MS : 0) +
    most(({ preemptDelayMs }) => Number.isFinite(preemptDelayMs) ? preemptDelayMs : 0);
}

/** Lets the bound pass and then some time in which nothing may happen. */
export async function converge(cluster: SimCluster): Promise<void> {
  // What a fault has left under way is part of it: an operation that pends, a node that goes without having detached.
  const afterwards = () => cluster.callsUnderWay > 0 || someoneLeaves(cluster);
  for (let ms = 0; ms < AFTERWARDS_MAX_MS && afterwards(); ms += 1_000) {
    await cluster.run(1_000);
  }
  const bound = boundMs(cluster);
  await cluster.run(bound);
  const asItShould = () => {
    const wrong = wrongHolders(cluster);
    if (wrong) cluster.fail("cloud", `${wrong}, ${bound.toFixed(0)} ms after the last fault`);
  };
  asItShould();
  const { onChanged } = cluster.cloud;
  cluster.observers.push(watchCalm(cluster));
  await cluster.run(CALM_MS);
  asItShould();
  // Time may go on, and things move again.
  cluster.observers.pop();
  cluster.cloud.onChanged = onChanged;
}

function someoneLeaves({ machines }: SimCluster): boolean {
  return [...machines.values()].some(({ agent, stopping }) => agent !== null && stopping);
}

/** Nothing is changed, and nothing asked but the usual looks. */
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

/** Who holds and who should, null when they are the same. */
function wrongHolders({ machines, cloud }: SimCluster): string | null {
  const running = [...machines.values()].filter(({ agent }) => agent !== null);
  const well = running.filter(({ healthy }) => healthy);
  // Better a sick server than none.
  const live = well.length > 0 ? well : running;
  const nameOf = (id: string) =>
    [...machines.values()].find(({ instanceId }) => instanceId === id)?.name ?? id;
  const holders = [...cloud.holders].map(nameOf).sort().join("+") || "nobody";
  if (live.length === 0) return null;
  // Sick ones that speak the original's format cannot tell, so each may hold.
  if (well.length === 0 && live.some(({ plain }) => plain)) {
    return cloud.holders.size > 0 ? null : "nobody holds, though all are sick alike";
  }
  const best = Math.min(...live.map(({ priority }) => priority));
  const patient = live.some(({ settings }) => settings.preemptDelayMs === Infinity);
  const ranks = patient ? [...new Set(live.map(({ priority }) => priority))] : [best];
  const candidates = ranks.map((rank) => {
    const equals = live.filter(({ priority }) => priority === rank);
    const exclusive = equals.some(({ settings }) => settings.exclusive);
    return exclusive && !patient ? equals.slice(0, 1) : equals;
  });
  // Without preemption whoever came to hold keeps it, alone or with some of its equals.
  const right = patient
    ? candidates.some((equals) => equals.some(({ name }) => holders.split("+").includes(name)))
    : candidates[0]?.map(({ name }) => name).sort().join("+") === holders;
  if (right) return null;
  const wanted = candidates.map((equals) => equals.map(({ name }) => name).sort().join("+"));
  return `${holders} hold, wanted ${wanted.join(" or ")}`;
}
