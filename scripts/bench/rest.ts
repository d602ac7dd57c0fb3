// The cost of an idle node, with few and with many peers, and how fast it starts.
import { pause, until } from "../../tests/support/until.ts";
import { exoipCommand } from "../../tests/support/process.ts";
import { BenchCluster } from "./bench_cluster.ts";
import { startPeerLoad } from "./peer_load.ts";
import type { Case, Figure, Size } from "./figure.ts";
import { cpuPercent, memoryMiB } from "./proc.ts";

const WATCHED_MS = 30_000;
/** By then the first garbage collections are over. */
const WARM_MS = 3_000;

interface Rest {
  readonly cpu: number;
  readonly rss: number;
  readonly pss: number;
}

/** Two watchdogs among that many peers each; the other peers only send. */
async function rest(
  { peers, intervalMs = 1_000, spanMs }: { peers: number; intervalMs?: number; spanMs: number },
): Promise<Rest[]> {
  const cluster = new BenchCluster({ count: peers, intervalMs });
  const load = await startPeerLoad(cluster, { from: 3, to: peers + 1 });
  try {
    await cluster.settle();
    await pause(WARM_MS);
    return await Promise.all([1, 2].map(async (number) => {
      const pid = cluster.node(number).process?.pid ?? 0;
      const cpu = await cpuPercent(pid, () => pause(spanMs));
      return { cpu, ...memoryMiB(pid) };
    }));
  } finally {
    load.close();
    await cluster.close();
  }
}

async function resting(size: Size): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const peers of [3, 50, 200]) {
    const nodes = await rest({ peers, spanMs: size.spanMs(WATCHED_MS) });
    const few = peers === 3;
    figures.push({
      title: `idle, \`-t 1\`, ${peers} peers: CPU of one core`,
      unit: "%",
      ...(few && { most: 0.5, original: "0.13", keepalived: "0.019" }),
      values: nodes.map(({ cpu }) => cpu),
    }, {
      title: `– resident memory (RSS)`,
      unit: "MiB",
      ...(few && { most: 60, original: "5.8", keepalived: "13" }),
      values: nodes.map(({ rss }) => rss),
    });
    if (few) {
      figures.push({
        title: "– of it, shared pages divided (PSS)",
        unit: "MiB",
        keepalived: "4.5",
        values: nodes.map(({ pss }) => pss),
      });
    }
  }
  const busy = await rest({ peers: 3, intervalMs: 10, spanMs: size.spanMs(WATCHED_MS / 2) });
  figures.push({
    title: "idle, `-t 0.01`, 3 peers: CPU of one core",
    unit: "%",
    original: "cannot",
    keepalived: "1.15 / 0.33",
    values: busy.map(({ cpu }) => cpu),
  });
  return figures;
}

/** From the start of the process to its first heartbeat, and the number of requests before it was ready. */
async function starting(size: Size): Promise<Figure[]> {
  const runs: { beatMs: number; readyMs: number; calls: number }[] = [];
  for (let run = 0; run < size.runs(10); run++) {
    const cluster = new BenchCluster({ intervalMs: 200, count: 1 });
    try {
      const startedAtMs = performance.now();
      cluster.start(cluster.node(1), { priority: 10 });
      await until(() => cluster.heard.length > 0, { title: "a heartbeat" });
      await cluster.moved("node-1");
      const { calls } = cluster.server;
      const attach = calls.findIndex(({ what }) => what.endsWith(":attach"));
      const readyAtMs = calls[attach - 1]?.atMs ?? NaN;
      runs.push({
        beatMs: (cluster.heard[0]?.atMs ?? NaN) - startedAtMs,
        readyMs: readyAtMs - startedAtMs,
        calls: attach,
      });
    } finally {
      await cluster.close();
    }
  }
  return [
    {
      title: "start to first heartbeat",
      unit: "ms",
      most: 150,
      original: "47 (4 API calls)",
      keepalived: "40 to ready",
      values: runs.map(({ beatMs }) => beatMs),
    },
    {
      title: "– to the last API call before it may act",
      unit: "ms",
      values: runs.map(({ readyMs }) => readyMs),
    },
    { title: "– API calls until then", unit: "calls", values: runs.map(({ calls }) => calls) },
  ];
}

/** Size on disk, if a binary is measured. */
async function size(): Promise<Figure[]> {
  const [program, rest] = exoipCommand();
  if (rest.length > 0) return [];
  const { size } = await Deno.stat(program);
  return [{
    title: "size of the binary",
    unit: "MiB",
    keepalived: "0.85, and 44 libraries",
    values: [size / 2 ** 20],
  }];
}

/** The idle cost. */
export const restCase: Case = {
  name: "rest",
  run: async (runs) => [...await resting(runs), ...await starting(runs), ...await size()],
};
