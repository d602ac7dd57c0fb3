// The rules for Elastic IPs that move together, checked from outside by what the clouds say who holds.
import { EXCUSED_MS } from "./checkers.ts";
import type { SimCloud } from "./cloud.ts";
import type { Observer, SimCluster } from "./cluster.ts";
import { deadTimeOf, deceivedMsOf, holdOffOf } from "./limits.ts";
import type { Machine } from "./machine.ts";

const WATCH_MS = 100;
/** Between a reading and the answer to it. */
const SLACK_MS = 5_000;
/** Until a node must have seen that an address is back that was released: it looks every ten seconds. */
const BACK_SEEN_MS = 10_000 + SLACK_MS;
/** Longest time that the addresses of a group have different holders, beside the times of the settings. */
const APART_MS = 30_000;

/** Watches a group from now on. */
export function watchGroup(cluster: SimCluster): void {
  neverApartForLong(cluster);
  givesUpOnlyTogether(cluster);
  cluster.observers.push(saysOnlyWhatItHolds(cluster));
}

/** A node says that it holds only if, since its start, it has had every address of the group that exists. */
function saysOnlyWhatItHolds(cluster: SimCluster): Observer {
  const released = new Set<SimCloud>();
  return {
    stepped(machine, { said }) {
      const { instanceId, startedAtMs } = machine;
      for (const cloud of cluster.clouds) {
        if (cloud.released) released.add(cloud);
        if (!said.holds || released.has(cloud)) continue;
        const knownMs = startedAtMs - cloud.staleMs - SLACK_MS;
        if (cloud.heldAtMs(instanceId) >= knownMs) continue;
        cluster.fail(machine.name, "says that it holds the group, and never had a part of it");
      }
    },
  };
}

/** While cloud, network and machines are well, the addresses soon have the same live holders. */
function neverApartForLong(cluster: SimCluster): void {
  const { timeline, clouds, machines, network } = cluster;
  let calmSinceMs = 0, changedAtMs = 0;
  const watch = () => {
    const { nowMs } = timeline;
    const live = [...machines.values()].filter(({ agent }) => agent !== null);
    const holders = clouds.filter(({ released }) => !released)
      .map((cloud) => live.filter(({ instanceId }) => cloud.holders.has(instanceId)));
    const sets = new Set(holders.map((each) => each.map(({ name }) => name).join("+")));
    if (sets.size <= 1) calmSinceMs = nowMs;
    const disturbed = network.cuts.size > 0 || network.holds.size > 0 ||
      network.conditions.loss > 0 || cluster.hidden.size > 0 ||
      live.some((machine) => machine.stopping || !machine.inPeerList);
    const events = live.map((each) => Math.max(each.startedAtMs, each.frozenUntilMs));
    const [cloud] = clouds;
    changedAtMs = Math.max(changedAtMs, ...events, cloud?.troubledAtMs ?? 0, cloud?.handAtMs ?? 0);
    if (disturbed) changedAtMs = nowMs;
    const sinceMs = Math.max(calmSinceMs, changedAtMs);
    if (nowMs > sinceMs + boundMs(live, cluster)) {
      const text = [...sets].map((names) => names || "nobody").join(" and ");
      cluster.fail("cloud", `the addresses of a group are apart: ${text}`);
    }
    timeline.at(nowMs + WATCH_MS, watch);
  };
  timeline.at(WATCH_MS, watch);
}

function boundMs(live: readonly Machine[], cluster: SimCluster): number {
  const most = (of: (each: Machine["settings"]) => number) =>
    Math.max(0, ...live.map(({ settings }) => of(settings)));
  return most(deadTimeOf) + most(holdOffOf) + 1.1 * most(({ reconcileMs }) => reconcileMs) +
    3 * cluster.cloud.callMs + APART_MS + (cluster.options.signed ? most(deceivedMsOf) : 0);
}

/**
 * Make before break, for the group: a node that is not told to leave gives an address up only if some other machine has
 * every address that it holds, as far as it can know: one that was released is back unseen until the next look. A
 * doubtful cloud excuses it: what it showed a moment ago may be over. So does another node that gave up to this one
 * during the call: an operator's word can reach both in the same moment.
 */
function givesUpOnlyTogether(cluster: SimCluster): void {
  const { timeline, clouds, machines } = cluster;
  for (const cloud of clouds) {
    const { onAccept } = cloud;
    let gaveUpAtMs = -Infinity;
    cloud.onAccept = (change, instanceId, by) => {
      onAccept(change, instanceId, by);
      if (change !== "detach" || instanceId !== by) return;
      const crossed = timeline.nowMs < gaveUpAtMs + cloud.callMs;
      gaveUpAtMs = timeline.nowMs;
      if (crossed) return;
      const machine = [...machines.values()].find((each) => each.instanceId === by);
      if (!machine || machine.stopping || !machine.agent) return;
      const disturbedAtMs = Math.max(cloud.troubledAtMs, cloud.handAtMs);
      if (timeline.nowMs < disturbedAtMs + EXCUSED_MS) return;
      const held = clouds.filter(({ holders, released, backAtMs }) =>
        !released && holders.has(by) && timeline.nowMs >= backAtMs + BACK_SEEN_MS
      );
      const alone = held.find(({ holders }) => holders.size < 2);
      if (alone) cluster.fail(machine.name, "gives up a part of its group that no one else holds");
    };
  }
}
