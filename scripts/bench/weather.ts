// What goes wrong around the nodes: a network that splits and heals, and a cloud that hangs.
import { Arena, pause, repeat } from "./bench_cluster.ts";
import type { Case, Figure, Size } from "./figure.ts";
import { Relay } from "./relay.ts";

const SPLIT_MS = 15_000;
const HANG_MS = 20_000;
const HEALED_MS = 4_000;
const HOLDERS = /^node-1(,node-2)?$/;

async function split(size: Size): Promise<Figure[]> {
  const runs = await repeat(size.runs(4), {
    arena: async () => {
      const arena = new Arena();
      const relay = new Relay(arena);
      await arena.settle({ args: (number) => ["-l", relay.listenOf(number)] });
      relays.set(arena, relay);
      return arena;
    },
    measure: async (arena, run) => {
      const relay = relays.get(arena);
      await pause(200 * run);
      const splitAtMs = performance.now();
      if (relay) relay.open = false;
      await pause(size.spanMs(SPLIT_MS));
      const healedAtMs = performance.now();
      if (relay) relay.open = true;
      await arena.moved("node-1");
      const singleMs = performance.now() - healedAtMs;
      await pause(HEALED_MS);
      await relay?.close();
      if (!HOLDERS.test(arena.holders.join())) throw new Error(`held by ${arena.holders}`);
      return { unheldMs: arena.unheldMs(splitAtMs), singleMs };
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

const relays = new WeakMap<Arena, Relay>();

async function hang(size: Size): Promise<Figure[]> {
  const runs = await repeat(size.runs(5), {
    arena: () => new Arena().settle(),
    measure: async (arena, run) => {
      await pause(200 * run);
      const killedAtMs = arena.tell(1, "SIGKILL");
      const backAtMs = killedAtMs + HANG_MS;
      arena.server.fault = () => performance.now() < backAtMs ? "hang" : null;
      const moved = arena.moved("node-2");
      await pause(HANG_MS);
      await moved;
      return {
        recoveredMs: performance.now() - backAtMs,
        silenceMs: arena.silenceMs(2, killedAtMs),
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

/** Partition and hang. */
export const weatherCase: Case = {
  name: "weather",
  run: async (size) => [...await split(size), ...await hang(size)],
};
