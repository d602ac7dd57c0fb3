// A cluster with separate machines as nodes: they can lose power and be cut off, and the test knows when no living
// machine held the address.
import { messageOf } from "../../src/core/message_of.ts";
import type { Snapshot } from "../../src/status/snapshot.ts";
import { Cluster, type ClusterNode } from "../support/cluster.ts";
import { exoipCommand } from "../support/process.ts";
import { pause, until } from "../support/until.ts";
import type { Call } from "../support/cloud/server.ts";
import { story } from "../support/story.ts";
import { Network } from "./network.ts";

/** Options of a cluster. */
export interface ClusterOptions {
  readonly count?: number;
  readonly interval?: string;
  /** Intervals of silence after which a node counts as dead, see PATIENT in tests/support/cluster.ts. */
  readonly deadRatio?: number;
  /** Elastic IP and heartbeats are IPv6. */
  readonly ipv6?: boolean;
  /** The value of `-l`, if not the default. */
  readonly listen?: string;
  /** False for a cloud that speaks plain HTTP. */
  readonly tls?: boolean;
}

/** Longest wait for events that take seconds: the test machine may be busy. */
export const LONG_MS = 60_000;

/** The last reason for a node's role, such as `best` or `outranked`; empty without one. */
export function roleOf(node: ClusterNode | undefined): string {
  const line = node?.process?.lines.findLast(({ text }) => /role: (master|backup) /.test(text));
  return /role: \w+ \(([\w-]+)/.exec(line?.text ?? "")?.[1] ?? "";
}

/** Waits until that is the reason: a process that a busy machine has paused says `stalled` for a moment. */
export async function hasRole(node: ClusterNode, reason: string): Promise<void> {
  const title = `${node.name} is ${reason}`;
  await until(() => roleOf(node) === reason, { title, withinMs: LONG_MS });
}

/** The cluster in its network. */
export class NetworkCluster extends Cluster {
  readonly network: Network;
  readonly #interval: string;

  protected constructor(
    network: Network,
    { count = 2, interval = "0.2", deadRatio, ipv6 = false, tls = true }: ClusterOptions,
  ) {
    super({
      count,
      interval,
      ...(deadRatio !== undefined && { deadRatio }),
      place: network,
      tls,
      ...(ipv6 && { elasticIp: "2001:db8:0:1:2::1" }),
    });
    this.network = network;
    this.#interval = interval;
  }

  /** Creates the network, then the cluster in it, without running anything. */
  static async create(options: ClusterOptions): Promise<NetworkCluster> {
    const { count = 2, ipv6 = false, listen } = options;
    const network = await Network.create(count, { ipv6, listen });
    try {
      return new NetworkCluster(network, options);
    } catch (error) {
      await network.close();
      throw error;
    }
  }

  /** Starts every node, the first one with the best priority, and waits until all have their roles. */
  async settle(
    { args = [], equal = false }: { args?: readonly string[]; equal?: boolean } = {},
  ): Promise<void> {
    for (const [index, node] of this.nodes.entries()) {
      this.start(node, { priority: equal ? 10 : 10 * (index + 1), args });
    }
    const [first, ...others] = this.nodes;
    const holders = equal ? this.nodes : this.nodes.slice(0, 1);
    await until(
      () =>
        this.heldBy(...holders) && roleOf(first) === (equal ? "equal" : "best") &&
        others.every((node) => roleOf(node) === (equal ? "equal" : "outranked")),
      { title: "the cluster settles", withinMs: LONG_MS },
    );
    // Until the others have heard who holds, and for a while, they evict a dead peer more slowly.
    await this.meet();
    for (const holder of holders) await this.heardToHold(holder);
    await pause(4_000 * Number(this.#interval));
  }

  /** Starts a node that reads the cloud as often as allowed, so that no test waits half a minute for that. */
  override start(node: ClusterNode, options: Parameters<Cluster["start"]>[1]): void {
    super.start(node, { ...options, args: ["--reconcile-interval", "5", ...options?.args ?? []] });
  }

  /** Asked on its own machine. */
  override async snapshotOf(node: ClusterNode): Promise<Snapshot | null> {
    const [program, first] = exoipCommand();
    const question = [program, ...first, "--status", "--json", "-l", this.network.listen()];
    const [command = "", ...args] = [...this.network.wrap(this.number(node)), ...question];
    const { stdout } = await new Deno.Command(command, { args, stderr: "null" }).output();
    const text = new TextDecoder().decode(stdout);
    const answer = text.startsWith("{") ? JSON.parse(text) : {};
    return "addresses" in answer ? answer : null;
  }

  /** From now on the machine serves nothing, or serves again. */
  mark(node: ClusterNode, fate: "dead" | "alive"): void {
    this.timeline.mark(node.instance.id, fate);
  }

  /** The machine loses power: its kernel cannot send anything more. */
  async powerOff(node: ClusterNode): Promise<void> {
    this.mark(node, "dead");
    await this.network.cables(this.number(node), "down");
    node.process?.signal("SIGKILL");
    node.instance.state = "stopped";
  }

  /** The machine boots; the test starts its programs. */
  async powerOn(node: ClusterNode): Promise<void> {
    node.instance.state = "running";
    await this.network.cables(this.number(node), "up");
    this.mark(node, "alive");
  }

  /** The process ends silently, and nothing restarts it. */
  crash(node: ClusterNode): void {
    this.stop(node, "SIGKILL");
  }

  /** Names of the nodes whose process was started and has ended. */
  get ended(): string[] {
    return this.nodes.filter(({ process }) => process && process.code !== null)
      .map(({ name }) => name);
  }

  /** The span of that length with the most calls of the node that reached the cloud. */
  busiest(node: ClusterNode, spanMs: number): readonly Call[] {
    const from = this.network.cloudClient(this.number(node));
    const calls = this.server.calls.filter((call) => call.from === from);
    const spans = calls.map((first) =>
      calls.filter(({ atMs }) => atMs >= first.atMs && atMs < first.atMs + spanMs)
    );
    return spans.reduce((most, each) => each.length > most.length ? each : most, []);
  }

  override async close(): Promise<void> {
    try {
      await super.close();
    } finally {
      await this.network.close();
    }
  }
}

/** Runs the test in a cluster and removes everything; a failure prints the cluster's whole story. */
export async function withCluster(
  options: ClusterOptions,
  body: (cluster: NetworkCluster) => Promise<void>,
): Promise<void> {
  const cluster = await NetworkCluster.create(options);
  const startedAtMs = performance.now();
  try {
    await body(cluster);
  } catch (cause) {
    const message = messageOf(cause);
    throw new Error(`${message}\n${story(cluster, startedAtMs)}`, { cause });
  } finally {
    await cluster.close();
  }
}
