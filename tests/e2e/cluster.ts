// Three real watchdogs on loopback beside a simulated Exoscale: for the demo and the end-to-end tests.
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import type { SimAddress, SimInstance } from "../support/cloud/model.ts";
import { CloudServer } from "../support/cloud/server.ts";
import { ExoipProcess, type Line } from "./process.ts";

/** The Elastic IP of every cluster that is not given another. */
export const ELASTIC_IP = "198.51.100.50";

/** One node: its machine in the cloud and, while it runs, its process. */
export class ClusterNode {
  process: ExoipProcess | null = null;
  role = "-";
  /** Every line of every process it had. */
  readonly lines: Line[] = [];

  constructor(readonly name: string, readonly instance: SimInstance) {}

  get alive(): boolean {
    return this.process !== null && this.process.code === null;
  }
}

/** Where the cloud and the nodes of a cluster are. */
export interface Place {
  /** Address on which the cloud answers. */
  readonly cloudHostname: string;
  /** Native address of a node, by its number from 1. */
  address(number: number): string;
  /** What the node listens on, for `-l`. */
  listen(number: number): string;
  /** Program and arguments that run a command on the node's machine. */
  wrap(number: number): readonly string[];
}

/** The cluster. */
export class Cluster {
  readonly server: CloudServer;
  readonly address: SimAddress;
  readonly nodes: ClusterNode[];
  readonly #options: { api: "v1" | "v2"; interval: string; group: boolean; bare: boolean };
  readonly #place: Place;
  readonly #port: number;

  constructor(
    {
      api = "v2",
      interval = "0.2",
      group = false,
      bare = false,
      count = 3,
      elasticIp = ELASTIC_IP,
      place,
      tls = true,
    }: {
      api?: "v1" | "v2";
      interval?: string;
      /** Find the peers through a security group instead of a list. */
      group?: boolean;
      /** Tell the nodes nothing but the address and how to reach the simulated cloud. */
      bare?: boolean;
      count?: number;
      elasticIp?: string;
      /** Loopback of this machine unless given. */
      place?: Place;
      /** False for a cloud that speaks plain HTTP. */
      tls?: boolean;
    } = {},
  ) {
    this.#options = { api, interval, group, bare };
    this.#port = freePort();
    this.#place = place ?? loopback(this.#port);
    this.server = new CloudServer(undefined, { hostname: this.#place.cloudHostname, tls });
    this.address = this.server.model.addAddress(elasticIp);
    this.nodes = [];
    for (let number = 1; number <= count; number++) this.grow();
  }

  /** Adds a machine. */
  grow(): ClusterNode {
    const number = this.nodes.length + 1;
    const address = this.#place.address(number);
    const instance = this.server.model.addInstance(number, address, ["edge"]);
    instance.dual = this.address.ip.includes(":");
    const node = new ClusterNode(`node-${number}`, instance);
    this.nodes.push(node);
    return node;
  }

  /** Starts the watchdog of a node. */
  start(
    node: ClusterNode,
    {
      priority = 10,
      elasticIp = this.address.ip,
      args = [],
      peers: inPeerList,
      credentials = true,
      env = {},
      wrap = [],
      onLine = () => {},
    }: {
      /** Null when the arguments, or a file, have it. */
      priority?: number | null;
      /** What the node is told of the Elastic IP. */
      elasticIp?: string;
      args?: readonly string[];
      /** Null when the arguments, or a file, have them; else all nodes. */
      peers?: null;
      /** Whether key and secret are given in the usual way. */
      credentials?: boolean;
      env?: Record<string, string>;
      /** Program and arguments that run the command, on the node's machine. */
      wrap?: readonly string[];
      onLine?: (line: Line) => void;
    } = {},
  ): void {
    const { api, interval, group, bare } = this.#options;
    const peers = this.nodes.map(({ instance }) => instance.address).join(",");
    const number = this.nodes.indexOf(node) + 1;
    node.role = "backup";
    node.process = new ExoipProcess([
      ..."-W -O -xi".split(" "),
      elasticIp,
      ...(credentials ? ["-xk", SIM_KEY] : []),
      ...[...this.server.args(api), "-i", node.instance.id],
      ...["-l", this.#place.listen(number)],
      ...(bare || inPeerList === null ? [] : group ? ["-G", "edge"] : ["-p", peers]),
      ...(bare || priority === null ? [] : ["-P", `${priority}`]),
      ...(bare ? [] : ["-t", interval]),
      ...args,
    ], {
      env: { ...(credentials && { IF_EXOSCALE_API_SECRET: SIM_SECRET }), ...env },
      wrap: [...this.#place.wrap(number), ...wrap],
      onLine: (line) => {
        node.lines.push(line);
        const role = /role: (master|backup)/.exec(line.text)?.[1];
        if (role) node.role = role;
        onLine(line);
      },
    });
  }

  /** Names of the nodes that hold the address in the cloud. */
  get holders(): string[] {
    return this.nodes.filter(({ instance }) => this.address.holders.has(instance.id))
      .map(({ name }) => name);
  }

  /** The port of all nodes. */
  get port(): number {
    return this.#port;
  }

  /** The node of that number, from 1. */
  node(number: number): ClusterNode {
    const node = this.nodes[number - 1];
    if (!node) throw new Error(`no node ${number} in a cluster of ${this.nodes.length}`);
    return node;
  }

  /** Ends everything that was started. */
  async close(): Promise<void> {
    for (const { process } of this.nodes) process?.signal("SIGKILL");
    await Promise.all(this.nodes.map(({ process }) => process?.ended()));
    await this.server.close();
  }
}

/** Nodes on 127.0.0.1, 127.0.0.2, ... */
function loopback(port: number): Place {
  const address = (number: number) => `127.0.0.${number}`;
  const listen = (number: number) => `${address(number)}:${port}`;
  return { cloudHostname: "127.0.0.1", address, listen, wrap: () => [] };
}

/** A UDP port that is free on loopback now. */
function freePort(): number {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  socket.close();
  return port;
}

/** Resolves when the condition holds; throws, with the title, when it does not within the limit. */
export async function until(
  condition: () => boolean,
  { title, withinMs = 30_000 }: { title: string; withinMs?: number },
): Promise<void> {
  const endAtMs = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > endAtMs) throw new Error(`not within ${withinMs} ms: ${title}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
