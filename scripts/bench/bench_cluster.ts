// Measures whole processes: a cluster on loopback with the simulated cloud, and one more machine without a watchdog.
// That machine only listens, so it receives every heartbeat the moment it is sent.
import { Cluster, type ClusterNode } from "../../tests/support/cluster.ts";
import { pause, until } from "../../tests/support/until.ts";

/** A heartbeat that arrived at the listener. */
export interface Heard {
  readonly atMs: number;
  readonly from: string;
}

/** Time after the start in which a node uses up its requests of the first second. */
const CALM_MS = 1_300;

/** A cluster and its listener. */
export class BenchCluster extends Cluster {
  readonly heard: Heard[] = [];
  readonly intervalMs: number;
  readonly #socket: Deno.DatagramConn;
  readonly #listening: Promise<void>;

  constructor({ intervalMs = 1_000, count = 2 }: { intervalMs?: number; count?: number } = {}) {
    super({ interval: `${intervalMs}ms`, count: count + 1 });
    this.intervalMs = intervalMs;
    this.#socket = Deno.listenDatagram({
      transport: "udp",
      hostname: this.node(count + 1).instance.address,
      port: this.port,
    });
    this.#listening = this.#listen();
  }

  /** Starts one node per priority, the best first, and waits until that one holds and is idle. */
  async settle(
    { priorities = [10, 20], args = () => [] }: {
      priorities?: readonly number[];
      /** Extra arguments for the node with that number. */
      args?: (number: number) => readonly string[];
    } = {},
  ): Promise<this> {
    for (const [index, priority] of priorities.entries()) {
      this.start(this.node(index + 1), { priority, args: args(index + 1) });
    }
    const speaks = ({ instance }: ClusterNode) =>
      this.heard.some(({ from }) => from === instance.address);
    const settled = () =>
      this.holders.join() === "node-1" && this.nodes.slice(0, priorities.length).every(speaks);
    await until(settled, { title: "the first node holds" });
    await pause(CALM_MS);
    return this;
  }

  /** Sends a signal to a node's watchdog; returns the time. */
  tell(number: number, signal: Deno.Signal): number {
    const node = this.node(number);
    if (signal === "SIGKILL" || signal === "SIGTERM") return this.stop(node, signal);
    const atMs = performance.now();
    node.process?.signal(signal);
    return atMs;
  }

  /** When a matching request arrived, at that time or later. */
  async request(what: RegExp, sinceMs: number, withinMs = 40_000): Promise<number> {
    const find = () =>
      this.server.calls.find((call) => call.atMs >= sinceMs && what.test(call.what))?.atMs;
    await until(() => find() !== undefined, { title: `a request ${what}`, withinMs });
    return find() ?? NaN;
  }

  /** When exactly these nodes held, at that time or later. */
  async moved(names: string, withinMs = 40_000): Promise<void> {
    await until(() => this.holders.join() === names, { title: `${names} holds`, withinMs });
  }

  /** Times of a node's heartbeats since then. */
  beats(number: number, sinceMs = 0): number[] {
    const { address } = this.node(number).instance;
    return this.heard.filter(({ from, atMs }) => from === address && atMs >= sinceMs)
      .map(({ atMs }) => atMs);
  }

  /** Longest time between two heartbeats of a node since then. */
  silenceMs(number: number, sinceMs: number): number {
    const beats = [sinceMs, ...this.beats(number, sinceMs), performance.now()];
    return Math.max(...beats.slice(1).map((atMs, index) => atMs - (beats[index] ?? 0)));
  }

  override async close(): Promise<void> {
    this.#socket.close();
    await this.#listening;
    await super.close();
  }

  async #listen(): Promise<void> {
    for await (const [, sender] of this.#socket) {
      this.heard.push({ atMs: performance.now(), from: (sender as Deno.NetAddr).hostname });
    }
  }
}

/** Measures `count` times, with several clusters in parallel: all of them settle first, so that no start disturbs. */
export async function repeat<Result>(
  count: number,
  { cluster, parallel = 5, measure }: {
    cluster: () => Promise<BenchCluster>;
    parallel?: number;
    measure: (cluster: BenchCluster, run: number) => Promise<Result>;
  },
): Promise<Result[]> {
  const results: Result[] = [];
  while (results.length < count) {
    const first = results.length;
    const clusters = await Promise.all(
      Array.from({ length: Math.min(parallel, count - first) }, cluster),
    );
    try {
      results.push(...await Promise.all(clusters.map((each, at) => measure(each, first + at))));
    } finally {
      await Promise.all(clusters.map((each) => each.close()));
    }
  }
  return results;
}
