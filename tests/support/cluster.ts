// Three real watchdogs on loopback with a simulated Exoscale: for the demo and the end-to-end tests.
import { BUFFER_BYTES } from "../../src/commands/status.ts";
import { systemClock } from "../../src/host/clock.ts";
import { openSocket } from "../../src/host/udp_socket.ts";
import { InfoClient, STATUS_QUESTION } from "../../src/status/info_client.ts";
import type { PeerView, Snapshot } from "../../src/status/snapshot.ts";
import { SIM_KEY, SIM_SECRET } from "./cloud/api_v2.ts";
import type { SimAddress, SimInstance } from "./cloud/model.ts";
import { CloudServer, type ServerOptions } from "./cloud/server.ts";
import { type Gap, HolderTimeline } from "./holder_timeline.ts";
import { freeUdpPort } from "./ports.ts";
import { ExoipProcess, type Line } from "./process.ts";
import { until } from "./until.ts";

/** The default Elastic IP of a cluster. */
export const ELASTIC_IP = "198.51.100.50";

/** For tests in which a node that a busy machine lets wait must not count as dead: it may wait for 20 intervals. */
export const PATIENT = { deadRatio: 20 } as const;

/** One node: its machine in the cloud and, while it runs, its process. */
export class ClusterNode {
  process: ExoipProcess | null = null;
  role = "-";
  /** Every line of all its processes. */
  readonly lines: Line[] = [];

  constructor(readonly name: string, readonly instance: SimInstance) {}

  get alive(): boolean {
    return this.process !== null && this.process.code === null;
  }
}

/** The addresses of a cluster's cloud and nodes. */
export interface Place {
  /** Address on which the cloud answers. */
  readonly cloudHostname: string;
  /** Native address of a node, by its number from 1. */
  address(number: number): string;
  /** Listen address of a node, for `-l`. */
  listen(number: number): string;
  /** Command prefix that runs a command on the node's machine. */
  wrap(number: number): readonly string[];
}

/** The simulated Exoscale of a cluster: its server, one Elastic IP, and the machines that may hold it. */
export class Zone<Machine extends { readonly name: string; readonly instance: SimInstance }> {
  readonly server: CloudServer;
  readonly address: SimAddress;
  readonly nodes: Machine[] = [];
  readonly timeline: HolderTimeline;

  constructor(
    { elasticIp = ELASTIC_IP, ...options }: ServerOptions & { readonly elasticIp?: string },
  ) {
    this.server = new CloudServer(null, options);
    this.address = this.server.model.addAddress(elasticIp);
    this.timeline = new HolderTimeline(this.server.model.history);
  }

  /** The node of that number, from 1. */
  node(number: number): Machine {
    const node = this.nodes[number - 1];
    if (!node) throw new Error(`no node ${number} in a cluster of ${this.nodes.length}`);
    return node;
  }

  /** Number of a node, from 1. */
  number(node: Machine): number {
    return this.nodes.indexOf(node) + 1;
  }

  /** Names of the nodes that hold the address in the cloud. */
  get holders(): string[] {
    return this.nodes.filter(({ instance }) => this.address.holders.has(instance.id))
      .map(({ name }) => name);
  }

  /** Whether exactly these nodes hold the address. */
  heldBy(...nodes: Machine[]): boolean {
    return this.holders.join() === nodes.map(({ name }) => name).join();
  }

  /** Every span, from the first hold on, in which no living machine held the address. */
  get gaps(): Gap[] {
    return this.timeline.gaps();
  }

  /** Stops the cloud. */
  async close(): Promise<void> {
    await this.server.close();
  }
}

/** The cluster. */
export class Cluster extends Zone<ClusterNode> {
  readonly #options: {
    readonly api: "v1" | "v2";
    readonly interval: string;
    readonly deadRatio: number | null;
    readonly group: boolean;
    readonly bare: boolean;
  };
  readonly #place: Place;
  readonly #port: number;

  constructor(
    {
      api = "v2",
      interval = "0.2",
      deadRatio = null,
      group = false,
      bare = false,
      count = 3,
      elasticIp = ELASTIC_IP,
      place,
      tls = true,
    }: {
      api?: "v1" | "v2";
      interval?: string;
      /** Intervals of silence after which a node counts as dead; null for the program's own choice. */
      deadRatio?: number | null;
      /** Find the peers through a security group instead of a list. */
      group?: boolean;
      /** Give the nodes only the address and the arguments for the simulated cloud. */
      bare?: boolean;
      count?: number;
      elasticIp?: string;
      /** By default, loopback of this machine. */
      place?: Place;
      /** False for a cloud that speaks plain HTTP. */
      tls?: boolean;
    } = {},
  ) {
    const port = freeUdpPort(), where = place ?? loopback(port);
    super({ elasticIp, hostname: where.cloudHostname, tls });
    this.#options = { api, interval, deadRatio, group, bare };
    this.#port = port;
    this.#place = where;
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
      /** Null when the arguments, or a file, give it. */
      priority?: number | null;
      /** The Elastic IP as given to the node. */
      elasticIp?: string;
      args?: readonly string[];
      /** Null when the arguments, or a file, give them; by default all nodes. */
      peers?: null;
      /** Whether key and secret are given in the usual way. */
      credentials?: boolean;
      env?: Record<string, string>;
      /** Command prefix that runs the command on the node's machine. */
      wrap?: readonly string[];
      onLine?: (line: Line) => void;
    } = {},
  ): void {
    const { api, interval, deadRatio, group, bare } = this.#options;
    const peers = this.nodes.map(({ instance }) => instance.address).join(",");
    const number = this.number(node);
    node.role = "backup";
    this.timeline.mark(node.instance.id, "alive");
    node.process = new ExoipProcess([
      ..."-W -O -xi".split(" "),
      elasticIp,
      ...(credentials ? ["-xk", SIM_KEY] : []),
      ...[...this.server.args(api), "-i", node.instance.id],
      ...["-l", this.#place.listen(number)],
      ...(bare || inPeerList === null ? [] : group ? ["-G", "edge"] : ["-p", peers]),
      ...(bare || priority === null ? [] : ["-P", `${priority}`]),
      ...(bare ? [] : ["-t", interval]),
      ...(deadRatio === null ? [] : ["-r", `${deadRatio}`]),
      ...args,
    ], {
      // The nodes share a port and a file system, so they cannot share the usual path.
      env: {
        IF_CONTROL_SOCKET: "none",
        ...(credentials && { IF_EXOSCALE_API_SECRET: SIM_SECRET }),
        ...env,
      },
      wrap: [...this.#place.wrap(number), ...wrap],
      onLine: (line) => {
        node.lines.push(line);
        const role = /role: (master|backup)/.exec(line.text)?.[1];
        if (role) node.role = role;
        onLine(line);
      },
    });
  }

  /** The port of all nodes. */
  get port(): number {
    return this.#port;
  }

  /** Signals a node's process, if it runs, and records when it has ended; returns the time of the signal. */
  stop(node: ClusterNode, signal: "SIGKILL" | "SIGTERM"): number {
    const { process, instance: { id } } = node, atMs = performance.now();
    process?.signal(signal);
    if (signal === "SIGKILL") this.timeline.mark(id, "dead", atMs);
    else process?.ended().then(() => this.timeline.mark(id, "dead"));
    return atMs;
  }

  /**
   * Resolves when those nodes, by default all others that run, have heard from a node that it holds these addresses.
   * One that dies before that is left alone for longer.
   */
  async heardToHold(
    { name, instance }: ClusterNode,
    { by, addresses = [this.address.ip] }: {
      by?: readonly ClusterNode[];
      addresses?: readonly string[];
    } = {},
  ): Promise<void> {
    const others = by ?? this.nodes.filter((node) => node.alive && node.instance !== instance);
    for (const other of others) {
      const knows = async () => {
        const views = (await this.snapshotOf(other))?.addresses ?? [];
        return views.filter(({ elasticIp, peers }) =>
          addresses.includes(elasticIp) &&
          peers.some((peer) => isOf(peer, instance) && peer.holds === true)
        ).length === addresses.length;
      };
      await until(knows, { title: `${other.name} knows that ${name} holds`, everyMs: 100 });
    }
  }

  /**
   * Resolves when all of these nodes, by default all that run, have a role and hear each other. One that is told to stop
   * before it has heard a peer hands over to nobody, and that one is outranked does not say that the other hears it.
   */
  async meet(...nodes: readonly ClusterNode[]): Promise<void> {
    const all = nodes.length > 0 ? nodes : this.nodes.filter(({ alive }) => alive);
    for (const node of all) {
      const others = all.filter((each) => each !== node).map(({ instance }) => instance);
      const hears = async () => {
        const views = (await this.snapshotOf(node))?.addresses ?? [];
        return views.length > 0 &&
          views.every(({ settling, peers }) =>
            !settling &&
            others.every((other) => peers.some((peer) => isOf(peer, other) && peer.alive))
          );
      };
      await until(hears, { title: `${node.name} has a role and hears the others`, everyMs: 100 });
    }
  }

  /** What a node's watchdog answers, null without an answer. */
  async snapshotOf(
    { instance: { address: hostname } }: ClusterNode,
  ): Promise<Snapshot | null> {
    const whom = { clock: systemClock, hostname, port: this.port };
    const client = new InfoClient(openSocket(hostname, 0, BUFFER_BYTES), whom, STATUS_QUESTION);
    return await client.ask(1).finally(() => client.close());
  }

  /** Stops everything that was started. */
  override async close(): Promise<void> {
    for (const { process } of this.nodes) process?.signal("SIGKILL");
    await Promise.all(this.nodes.map(({ process }) => process?.ended()));
    await super.close();
  }
}

/** Whether that is the peer; without heartbeats only its instance says so. */
function isOf({ address, instanceId }: PeerView, instance: SimInstance): boolean {
  return address === instance.address || instanceId === instance.id;
}

/** Nodes on 127.0.0.1, 127.0.0.2, ... */
function loopback(port: number): Place {
  const address = (number: number) => `127.0.0.${number}`;
  const listen = (number: number) => `${address(number)}:${port}`;
  return { cloudHostname: "127.0.0.1", address, listen, wrap: () => [] };
}
