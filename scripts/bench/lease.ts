// What a lease costs: the time without a holder when one dies or hands over, the calls to the store at rest, and the
// CPU and memory of a node, with heartbeats and without. The store is a real etcd on loopback.
import { simUuid } from "../../tests/support/cloud/model.ts";
import { Etcd, etcdMissing } from "../../tests/support/etcd.ts";
import { pause } from "../../tests/support/until.ts";
import { BenchCluster, repeat } from "./bench_cluster.ts";
import { CountingRelay } from "./counting_relay.ts";
import type { Case, Figure, Size } from "./figure.ts";
import { startPeerLoad } from "./peer_load.ts";
import { cpuPercent, memoryMiB } from "./proc.ts";

const WATCHED_MS = 30_000, MINUTE_MS = 60_000;
/** By then the first garbage collections are over. */
const WARM_MS = 3_000;
/** Long enough for the looks after a move. */
const AFTERMATH_MS = 4_000;
/** The watchdogs, in their order. */
const ROLES = ["the holder", "another node"];
/** Longer than any measurement: what is written with it stays. */
const KEPT_S = 3_600;

function leaseArgs(endpoint: string, ttlS: number): string[] {
  return ["--lease", `etcd:${endpoint}`, "--lease-ttl", `${ttlS}`];
}

/** Kills the holder at different moments between two renewals. */
async function crash(ttlS: number, size: Size): Promise<Figure[]> {
  const runs = size.runs(10);
  await using etcd = await Etcd.start();
  const cases = await repeat(runs, {
    // One lease at a time: all clusters have the same Elastic IP.
    parallel: 1,
    cluster: () => new BenchCluster().settle({ args: () => leaseArgs(etcd.endpoints[0]!, ttlS) }),
    measure: async (cluster, run) => {
      await pause(ttlS * 1_000 / 3 * (run + 0.5) / runs);
      const killedAtMs = cluster.tell(1, "SIGKILL");
      await cluster.moved("node-2");
      return cluster.timeline.withoutMs(killedAtMs);
    },
  });
  return [{
    title: `crash with a lease of ${ttlS} s: time in which nobody holds`,
    unit: "ms",
    limit: `${Math.round(ttlS * 2_000 / 3)}–${ttlS * 1_000} by phase, and the calls`,
    values: cases,
  }];
}

/** The holder is told to stop, and comes back. */
async function move(size: Size): Promise<Figure[]> {
  await using etcd = await Etcd.start();
  const args = leaseArgs(etcd.endpoints[0]!, 10);
  const runs = await repeat(size.runs(10), {
    parallel: 1,
    cluster: () => new BenchCluster().settle({ args: () => args }),
    measure: async (cluster) => {
      await pause(AFTERMATH_MS);
      const stoppedAtMs = cluster.tell(1, "SIGTERM");
      await cluster.moved("node-2");
      const thereMs = cluster.timeline.withoutMs(stoppedAtMs);
      await cluster.node(1).process?.ended();
      await pause(AFTERMATH_MS);
      const backAtMs = performance.now();
      cluster.start(cluster.node(1), { priority: 10, args });
      await cluster.moved("node-1");
      return { thereMs, backMs: cluster.timeline.withoutMs(backAtMs) };
    },
  });
  return [
    {
      title: "SIGTERM with a lease: time in which nobody holds",
      unit: "ms",
      limit: "2 operations of 50, 2 looks",
      values: runs.map(({ thereMs }) => thereMs),
    },
    {
      title: "– the better node comes back",
      unit: "ms",
      limit: "2 operations of 50, 2 looks",
      values: runs.map(({ backMs }) => backMs),
    },
  ];
}

interface Rest {
  readonly cpu: number;
  readonly rss: number;
  /** Requests to the store within a minute. */
  readonly requests: number;
}

/** Two watchdogs, the holder first, among that many nodes; the others send heartbeats, or stand in the store. */
async function rest(
  { nodes, heartbeats, spanMs }: { nodes: number; heartbeats: boolean; spanMs: number },
): Promise<readonly Rest[]> {
  await using etcd = await Etcd.start();
  const relays = [1, 2].map(() => new CountingRelay(etcd.endpoints[0]!));
  const cluster = new BenchCluster({ count: nodes });
  const load = heartbeats
    ? await startPeerLoad(cluster, { from: 3, to: nodes + 1 })
    : await standIn(etcd, nodes);
  const leaseOf = (number: number) => leaseArgs(relays[number - 1]!.endpoint, 10);
  try {
    if (heartbeats) await cluster.settle({ args: leaseOf });
    else {
      for (const [at, priority] of [10, 20].entries()) {
        const args = [...leaseOf(at + 1), "--heartbeats", "none"];
        cluster.start(cluster.node(at + 1), { priority, args, peers: null });
      }
      await cluster.moved("node-1");
    }
    await pause(WARM_MS);
    return await Promise.all(relays.map(async (relay, at) => {
      const pid = cluster.node(at + 1).process?.pid ?? 0;
      const before = relay.count, beganMs = performance.now();
      const cpu = await cpuPercent(pid, () => pause(spanMs));
      const requests = (relay.count - before) / (performance.now() - beganMs) * MINUTE_MS;
      return { cpu, rss: memoryMiB(pid).rss, requests };
    }));
  } finally {
    load.close();
    await cluster.close();
    for (const relay of relays) relay.close();
  }
}

/** Candidates of nodes that do not run, from the third on. */
async function standIn(etcd: Etcd, nodes: number): Promise<{ close(): void }> {
  const [, id = ""] = /lease (\S+) granted/.exec(
    await etcd.ctl("lease", "grant", `${KEPT_S}`),
  ) ?? [];
  const says = {
    ...{ priority: 100, holds: false, leaving: false, unable: false, unhealthy: false },
    ...{ ownPriority: 100, intervalMs: 1_000 },
  };
  for (let number = 3; number <= nodes; number++) {
    const instanceId = simUuid(9, number);
    const key = `/exoip/198.51.100.50/candidates/${instanceId}`;
    await etcd.ctl("put", key, JSON.stringify({ instanceId, says }), `--lease=${id}`);
  }
  return { close() {} };
}

async function resting(size: Size): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const heartbeats of [true, false]) {
    const how = heartbeats ? "with heartbeats" : "`--heartbeats none`";
    for (const nodes of [3, 50, 200]) {
      const costs = await rest({ nodes, heartbeats, spanMs: size.spanMs(WATCHED_MS) });
      figures.push(
        {
          title: `idle with a lease of 10 s, ${how}, ${nodes} nodes: CPU of one core`,
          unit: "%",
          values: costs.map(({ cpu }) => cpu),
        },
        { title: "– resident memory (RSS)", unit: "MiB", values: costs.map(({ rss }) => rss) },
        ...ROLES.map((role, at) => ({
          title: `– requests to etcd per minute, ${role}`,
          unit: "calls" as const,
          values: costs.slice(at, at + 1).map(({ requests }) => requests),
        })),
      );
    }
  }
  return figures;
}

/** The cost of a lease. */
export const leaseCase: Case = {
  name: "lease",
  async run(size) {
    const missing = etcdMissing();
    if (missing !== null) {
      console.log(`lease: skipped, ${missing}`);
      return [];
    }
    return [
      ...await crash(5, size),
      ...await crash(10, size),
      ...await move(size),
      ...await resting(size),
    ];
  },
};
