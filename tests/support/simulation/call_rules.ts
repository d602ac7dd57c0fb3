// How often, and how many at once, a watchdog may call the cloud.
import type { Observer, SimCluster } from "./cluster.ts";
import type { Machine } from "./machine.ts";
import type { Call } from "../../../src/core/ownership/call.ts";

/** Most calls of one node within a second (plus one per machine); the client paces the requests that they become. */
const CALLS_PER_SECOND_MAX = 8;
/** Most calls of one node within a minute, whatever fails. */
const CALLS_PER_MINUTE_MAX = 120;

/** The purpose of each call: at most one call per purpose may be under way. */
export const PURPOSES: Record<Call["verb"], string> = {
  "prepare": "look",
  "look": "look",
  "inspect": "look",
  "attach": "own hold",
  "detach-self": "own hold",
  "evict": "eviction",
};

/** At most one call under way per machine and purpose, and none after the end. */
export function callsOneAtATime(cluster: SimCluster): Observer {
  const underWay = new Map<string, number>();
  const change = (by: Machine, call: Call, step: 1 | -1) => {
    const purpose = PURPOSES[call.verb];
    const key = `${by.name} ${by.incarnation} ${purpose}`;
    const count = (underWay.get(key) ?? 0) + step;
    underWay.set(key, count);
    if (count > 1) cluster.fail(by.name, `${count} calls for its ${purpose} at once`);
  };
  return {
    called(by, call) {
      if (!by.agent) cluster.fail(by.name, `${call.verb} after its end`);
      change(by, call, 1);
    },
    ended: (by, call) => change(by, call, -1),
    sent: (by) => by.agent || cluster.fail(by.name, "a heartbeat after its end"),
  };
}

/** Limits the rate of calls to the cloud, whatever fails. */
export function callsRarely(cluster: SimCluster): Observer {
  const callsOf = new Map<Machine, { atMs: number; verb: string }[]>();
  return {
    called(by, { verb }) {
      const { nowMs } = cluster.timeline;
      const calls = (callsOf.get(by) ?? []).filter(({ atMs }) => atMs > nowMs - 60_000);
      calls.push({ atMs: nowMs, verb });
      callsOf.set(by, calls);
      const second = calls.filter(({ atMs }) => atMs > nowMs - 1_000);
      const tell = (span: string, each: readonly { verb: string }[]) =>
        cluster.fail(by.name, `${each.length} calls in a ${span}: ${each.map((c) => c.verb)}`);
      if (second.length > CALLS_PER_SECOND_MAX + cluster.machines.size) tell("second", second);
      if (calls.length > CALLS_PER_MINUTE_MAX) tell("minute", calls);
    },
  };
}
