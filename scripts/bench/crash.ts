// Kills the master (SIGKILL) at every phase of its interval, and measures how soon the next one acts.
import { BenchCluster, repeat } from "./bench_cluster.ts";
import { pause } from "../../tests/support/until.ts";
import type { Case, Figure, Question, Size } from "./figure.ts";

const DEAD_RATIO = 3;

interface Crash {
  /** From the kill to the attach request, which is the first request of a takeover. */
  readonly actedMs: number;
  /** From the end of the dead time to the attach request. */
  readonly lateMs: number;
  /** From the end of the attach to the request that evicts the dead master. */
  readonly relievedMs: number;
}

async function crash(intervalMs: number, runs: number, parallel: number): Promise<Crash[]> {
  return await repeat(runs, {
    parallel,
    cluster: () => new BenchCluster({ intervalMs }).settle(),
    measure: async (cluster, run) => {
      await pause(intervalMs * (run + 0.5) / runs);
      const killedAtMs = cluster.tell(1, "SIGKILL");
      const actedAtMs = await cluster.request(/:attach$/, killedAtMs);
      const relievedAtMs = await cluster.request(/:detach$/, killedAtMs);
      const attached = cluster.server.model.history.find(({ atMs }) => atMs >= actedAtMs);
      const lastAtMs = cluster.beats(1).findLast((atMs) => atMs < actedAtMs) ?? NaN;
      return {
        actedMs: actedAtMs - killedAtMs,
        lateMs: actedAtMs - (lastAtMs + DEAD_RATIO * intervalMs),
        relievedMs: relievedAtMs - (attached?.atMs ?? NaN),
      };
    },
  });
}

function figures(crashes: readonly Crash[], acted: Question): Figure[] {
  return [
    { ...acted, values: crashes.map(({ actedMs }) => actedMs) },
    {
      title: "– after last heartbeat + interval × ratio",
      unit: "ms",
      limit: "0",
      most: 15,
      values: crashes.map(({ lateMs }) => lateMs),
    },
  ];
}

async function crashes(size: Size): Promise<Figure[]> {
  const slow = await crash(1_000, size.runs(10), 5);
  const fast = await crash(100, size.runs(12), 3);
  const fastest = await crash(10, size.runs(12), 2);
  return [
    ...figures(slow, {
      title: "crash, `-t 1 -r 3`: SIGKILL to first API call",
      unit: "ms",
      limit: "2000–3000 by phase",
      most: 2_515,
      original: "2970 [2510–3480]",
      keepalived: "3170 to hook",
    }),
    {
      title: "– dead node's hold: request to remove it after the address was attached",
      unit: "ms",
      limit: "0; seen by polling",
      original: "2000; never if it fails",
      values: slow.map(({ relievedMs }) => relievedMs),
    },
    ...figures(fast, {
      title: "crash, `-t 0.1`: SIGKILL to first API call",
      unit: "ms",
      limit: "200–300 by phase",
      most: 260,
      original: "cannot",
      keepalived: "345 to hook",
    }),
    ...figures(fastest, {
      title: "crash, `-t 0.01`: SIGKILL to first API call",
      unit: "ms",
      limit: "20–30 by phase",
      most: 45,
      original: "cannot",
      keepalived: "52 to hook",
    }),
  ];
}

/** Failover after a crash, at three intervals. */
export const crashCase: Case = { name: "crash", run: crashes };
