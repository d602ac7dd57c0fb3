// Faults around the nodes: a network that splits and heals, and a cloud that hangs.
import { BenchCluster, repeat } from "./bench_cluster.ts";
import { pause } from "../../tests/support/until.ts";
import type { Case, Figure, Size } from "./figure.ts";
import { Relay } from "./relay.ts";

const SPLIT_MS = 15_000;
const HANG_MS = 20_000;
const HEALED_MS = 4_000;
const HOLDERS = /^node-1(,node-2)?$/;

async function split(size: Size): Promise<Figure[]> {
  const runs = await repeat(size.runs(4), {
    cluster: async () => {
      const cluster = new BenchCluster();
      const relay = new Relay(cluster);
      await cluster.settle({ args: (number) => ["-l", relay.listenOf(number)] });
      relays.set(cluster, relay);
      return cluster;
    },
    measure: async (cluster, run) => {
      const relay = relays.get(cluster);
      await pause(200 * run);
      const splitAtMs = performance.now();
      if (relay) relay.open = false;
      await pause(size.spanMs(SPLIT_MS));
      const healedAtMs = performance.now();
      if (relay) relay.open = true;
      await cluster.moved("node-1");
      const singleMs = performance.now() - healedAtMs;
      await pause(HEALED_MS);
      await relay?.close();
      if (!HOLDERS.test(cluster.holders.join())) throw new Error(`held by ${cluster.holders}`);
      return { unheldMs: cluster.timeline.withoutMs(splitAtMs), singleMs };
    },
  });
  return [
    {
      title: "15 s partition, then heal: time without holder",
      unit: "ms",
      limit: "0",
      most: 0,
      of: "worst",
      original: "277000",
      keepalived: "0 (two owners)",
      values: runs.map(({ unheldMs }) => unheldMs),
    },
    {
      title: "– heal to a single holder",
      unit: "ms",
      limit: "0–1000 by phase, and an operation",
      keepalived: "375 [368–379]",
      values: runs.map(({ singleMs }) => singleMs),
    },
  ];
}

const relays = new WeakMap<BenchCluster, Relay>();

async function hang(size: Size): Promise<Figure[]> {
  const runs = await repeat(size.runs(5), {
    cluster: () => new BenchCluster().settle(),
    measure: async (cluster, run) => {
      await pause(200 * run);
      const killedAtMs = cluster.tell(1, "SIGKILL");
      const backAtMs = killedAtMs + HANG_MS;
      cluster.server.fault = () => performance.now() < backAtMs ? "hang" : null;
      const moved = cluster.moved("node-2");
      await pause(HANG_MS);
      await moved;
      return {
        recoveredMs: performance.now() - backAtMs,
        silenceMs: cluster.silenceMs(2, killedAtMs),
      };
    },
  });
  return [
    {
      title: "cloud hangs 20 s during failover: recovery after it is back",
      unit: "ms",
      limit: "3 operations of 50",
      most: 5_000,
      of: "worst",
      original: "45000",
      values: runs.map(({ recoveredMs }) => recoveredMs),
    },
    {
      title: "– longest heartbeat silence",
      unit: "ms",
      limit: "1000",
      most: 1_050,
      of: "worst",
      original: "62000",
      values: runs.map(({ silenceMs }) => silenceMs),
    },
  ];
}

/** Network partition and hanging cloud. */
export const faultCase: Case = {
  name: "faults",
  run: async (size) => [...await split(size), ...await hang(size)],
};
