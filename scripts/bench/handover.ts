// Planned changes: a stop, a signal, a restart. Users should not notice them.
import { BenchCluster, repeat } from "./bench_cluster.ts";
import { pause } from "../../tests/support/until.ts";
import type { Case, Figure, Size } from "./figure.ts";

/** Long enough to see a hold reappear or go. */
const AFTERMATH_MS = 2_000;
/** Within the dead time of 3 s. */
const RESTART_MS = 1_000;

async function stop(size: Size): Promise<Figure[]> {
  const runs = await repeat(size.runs(10), {
    cluster: () => new BenchCluster().settle(),
    measure: async (cluster, run) => {
      await pause(100 * run);
      const toldAtMs = cluster.tell(1, "SIGTERM");
      const attachAtMs = await cluster.request(/:attach$/, toldAtMs);
      await cluster.node(1).process?.ended();
      const endedMs = performance.now() - toldAtMs;
      await pause(AFTERMATH_MS);
      return {
        unheldMs: cluster.timeline.withoutMs(toldAtMs),
        attachMs: attachAtMs - toldAtMs,
        endedMs,
      };
    },
  });
  return [
    {
      title: "SIGTERM: time in which nobody holds",
      unit: "ms",
      limit: "0",
      most: 0,
      of: "worst",
      original: "2900",
      keepalived: "620",
      values: runs.map(({ unheldMs }) => unheldMs),
    },
    {
      title: "SIGTERM to the successor's attach request",
      unit: "ms",
      limit: "0",
      most: 30,
      original: "3400",
      keepalived: "623",
      values: runs.map(({ attachMs }) => attachMs),
    },
    {
      title: "SIGTERM to the end of the process, all detached",
      unit: "ms",
      limit: "2 operations of 50",
      values: runs.map(({ endedMs }) => endedMs),
    },
  ];
}

async function promote(size: Size): Promise<Figure[]> {
  const runs = await repeat(size.runs(10), {
    cluster: () => new BenchCluster().settle({ priorities: [10, 11] }),
    measure: async (cluster, run) => {
      await pause(100 * run);
      const toldAtMs = cluster.tell(2, "SIGUSR1");
      cluster.tell(1, "SIGUSR2");
      const attachAtMs = await cluster.request(/:attach$/, toldAtMs);
      await cluster.moved("node-2");
      await pause(AFTERMATH_MS);
      return { unheldMs: cluster.timeline.withoutMs(toldAtMs), attachMs: attachAtMs - toldAtMs };
    },
  });
  return [
    {
      title: "signal promotion: time to the attach request",
      unit: "ms",
      limit: "0",
      most: 30,
      original: "1100–1800",
      values: runs.map(({ attachMs }) => attachMs),
    },
    {
      title: "signal promotion: time in which nobody holds",
      unit: "ms",
      limit: "0",
      most: 0,
      of: "worst",
      original: "700",
      values: runs.map(({ unheldMs }) => unheldMs),
    },
  ];
}

async function restart(size: Size): Promise<Figure[]> {
  const runs = await repeat(size.runs(5), {
    cluster: () => new BenchCluster().settle(),
    measure: async (cluster, run) => {
      await pause(200 * run);
      const killedAtMs = cluster.tell(1, "SIGKILL");
      await pause(RESTART_MS);
      cluster.start(cluster.node(1), { priority: 10 });
      await pause(RESTART_MS + 5_000);
      return cluster.server.model.history.filter(({ atMs }) => atMs > killedAtMs).length;
    },
  });
  return [{
    title: "restart of the master within the dead time",
    unit: "changes",
    limit: "0",
    most: 0,
    of: "worst",
    original: "3100 ms without holder",
    keepalived: "moves",
    values: runs,
  }];
}

/** Stop, promotion and restart. */
export const handoverCase: Case = {
  name: "handover",
  run: async (size) => [...await stop(size), ...await promote(size), ...await restart(size)],
};
