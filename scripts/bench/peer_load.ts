// Dozens of peers without a process each: one worker that sends their heartbeats and reads none.
import { ELASTIC_IP } from "../../tests/support/cluster.ts";
import type { BenchCluster } from "./bench_cluster.ts";

/** Priority of each peer: never master. */
const PRIORITY = 200;

/** The worker's orders. */
export interface Part {
  readonly speakers: readonly { readonly address: string; readonly id: string }[];
  readonly listeners: readonly string[];
  readonly elasticIp: string;
  readonly priority: number;
  readonly port: number;
  readonly intervalMs: number;
}

/** Makes the nodes with these numbers send to the first two until closed. */
export async function startPeerLoad(
  cluster: BenchCluster,
  { from, to }: { from: number; to: number },
): Promise<{ close(): void }> {
  const worker = new Worker(new URL("./peer_load_worker.ts", import.meta.url), { type: "module" });
  const part: Part = {
    speakers: cluster.nodes.slice(from - 1, to).map(({ instance }) => instance),
    listeners: [cluster.node(1).instance.address, cluster.node(2).instance.address],
    elasticIp: ELASTIC_IP,
    priority: PRIORITY,
    port: cluster.port,
    intervalMs: cluster.intervalMs,
  };
  const singing = new Promise<void>((resolve, reject) => {
    worker.onmessage = () => resolve();
    worker.onerror = ({ message }) => reject(new Error(message));
  });
  worker.postMessage(part);
  await singing;
  return { close: () => worker.terminate() };
}
