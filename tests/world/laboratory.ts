// One small world: nodes, each a machine of its own, that know the cloud by its name only; name servers of our own; and
// a front end that speaks TLS before the simulated cloud.
//
//   node N ── cloud 198.18.x.y ──┬── bridge ──┬── front 192.0.2.0/24, 2001:db8:a::/64 (haproxy)
//                                │            └── our own namespace: name servers, proxies, simulated cloud
//   (and `lan` between nodes, as in tests/netns/network.ts)
import { etcOf, ip } from "../netns/ip.ts";
import { Network } from "../netns/network.ts";
import { type ClusterOptions, NetworkCluster } from "../netns/network_cluster.ts";
import type { ClusterNode } from "../support/cluster.ts";
import { Authority } from "../support/tls/authority.ts";
import { API_NAME, Front } from "./front.ts";
import { NameServer, type Zone } from "./name_server.ts";
import { Packets } from "./packets.ts";
import { Gate } from "./pool.ts";
import { Proxy } from "./proxy.ts";

/** Addresses of the front end, which has all of its network. */
export const API = "192.0.2.10", SECOND = "192.0.2.20", API_IPV6 = "2001:db8:a::10";
/** The cloud's endpoint for the nodes. */
export const ENDPOINT = `https://${API_NAME}/v2`;

/** Numbers on the cloud's bridge; nodes have the low ones. */
const FRONT_NUMBER = 29, FIRST_NAME_SERVER_NUMBER = 28, FIRST_PROXY_NUMBER = 15, UNUSED_NUMBER = 14;
/** Global addresses: without one, IPv6 is not preferred. */
const LINK_IPV6 = "2001:db8:1::";

/** Differences from the default laboratory. */
export interface Setup {
  /** Nodes of the cluster, by default 2. */
  readonly nodes?: number;
  /** Additional machines, after the nodes, for other programs. */
  readonly probes?: number;
  readonly zone?: Zone;
  /** Name servers in resolv.conf, by default 2. */
  readonly nameServers?: number;
  /** Lines of resolv.conf after those of the name servers. */
  readonly resolv?: readonly string[];
  /** How long the front end keeps an idle connection open. */
  readonly idleMs?: number;
  /** Every machine has its own proxy, called `proxy-N.example`, and is configured to use it. */
  readonly proxies?: boolean;
  /** Nodes know each other by name: `node-N.example`. */
  readonly peersByName?: boolean;
}

/** Creating a laboratory takes a hundred commands. */
const BUILDING = new Gate(2);

/** The default zone. */
export const USUAL_ZONE: Zone = { [API_NAME]: { a: [API] } };

/** The parts of a laboratory. */
type Fragments = Pick<
  Laboratory,
  | "network"
  | "machines"
  | "cluster"
  | "nameServers"
  | "usualZone"
  | "proxies"
  | "front"
  | "packets"
  | "authority"
>;

/** A cluster whose nodes know the cloud by name. */
class WorldCluster extends NetworkCluster {
  args: readonly string[] = [];
  /** The value of `-p`, null for the addresses of all nodes. */
  peerNames: string | null = null;
  envOf: (machine: number) => Record<string, string> = () => ({});

  static of(network: Network, options: ClusterOptions): WorldCluster {
    return new WorldCluster(network, options);
  }

  override start(node: ClusterNode, options: Parameters<NetworkCluster["start"]>[1]): void {
    const { peerNames } = this;
    const args = [...options?.args ?? [], ...this.args];
    super.start(node, {
      ...options,
      ...(peerNames !== null && { peers: null }),
      args: peerNames === null ? args : [...args, "-p", peerNames],
      env: { ...options?.env, ...this.envOf(this.number(node)) },
    });
  }
}

/** The laboratory; close it with `await using`. */
export class Laboratory implements AsyncDisposable {
  readonly cluster: WorldCluster;
  readonly nameServers: readonly NameServer[];
  readonly front: Front;
  readonly packets: Packets;
  readonly authority: Authority;
  /** Machines that can call the cloud: nodes, then probes. */
  readonly machines: readonly number[];
  readonly network: Network;
  /** The proxies by machine. */
  readonly proxies: ReadonlyMap<number, Proxy>;
  /** The content of name servers without a fault. */
  readonly usualZone: Zone;
  readonly #stack: AsyncDisposableStack;

  private constructor(parts: Fragments, stack: AsyncDisposableStack) {
    this.network = parts.network;
    this.machines = parts.machines;
    this.cluster = parts.cluster;
    this.nameServers = parts.nameServers;
    this.usualZone = parts.usualZone;
    this.proxies = parts.proxies;
    this.front = parts.front;
    this.packets = parts.packets;
    this.authority = parts.authority;
    this.#stack = stack;
  }

  /** Creates everything; no node runs yet. Only few are created at a time, to leave processor time to the others. */
  static create(setup: Setup = {}): Promise<Laboratory> {
    return BUILDING.through(() => Laboratory.#create(setup));
  }

  static async #create(setup: Setup): Promise<Laboratory> {
    await using stack = new AsyncDisposableStack();
    const { nodes = 2, probes = 0, idleMs } = setup;
    const authority = stack.use(await Authority.create());
    const network = await Network.create(nodes + probes);
    stack.defer(() => network.close());
    const machines = Array.from({ length: nodes + probes }, (_, index) => index + 1);
    const namespace = await network.addCloudMachine("front", FRONT_NUMBER);
    await route(network, { namespace, machines });
    const cluster = WorldCluster.of(network, { count: nodes, interval: "0.5" });
    stack.defer(() => cluster.close());
    const proxies = await startProxies(network, { machines: setup.proxies ? machines : [], stack });
    const entries = [...proxies.values()].map(({ name, address }) => [name, { a: [address] }]);
    const named = setup.peersByName
      ? cluster.nodes.map((_, index) =>
        [`node-${index + 1}.example`, { a: [network.address(index + 1)] }] as const
      )
      : [];
    if (named.length > 0) cluster.peerNames = named.map(([name]) => name).join();
    const usualZone = {
      ...setup.zone ?? USUAL_ZONE,
      ...Object.fromEntries([...entries, ...named]),
    };
    const { nameServers: count = 2 } = setup;
    const nameServers = await startNameServers(network, { count, zone: usualZone, stack });
    const address = network.cloudClient(FRONT_NUMBER);
    const cloud = new URL(cluster.server.endpoint("v2"));
    // The kernel accepts connections that nothing takes.
    const listener = Deno.listen({ hostname: network.cloudHostname, port: 0 });
    stack.defer(() => listener.close());
    const place = { namespace, address, cloud, unanswering: listener.addr, authority };
    const front = await Front.create({ ...place, ...(idleMs !== undefined && { idleMs }) });
    stack.defer(() => front.close());
    const packets = await Packets.create(namespace);
    const made = { network, machines, cluster, nameServers, usualZone, proxies, front };
    const lab = new Laboratory({ ...made, packets, authority }, stack.move());
    try {
      await lab.resolvers(nameServers.map((server) => server.address), setup.resolv);
      await lab.hosts([]);
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
    cluster.args = lab.args;
    cluster.envOf = (machine) => lab.envOf(machine);
    return lab;
  }

  /** A process's arguments for the cloud. */
  get args(): string[] {
    return ["-xe", ENDPOINT, "--ca-file", this.authority.caFile];
  }

  /** Writes the resolv.conf of every machine. */
  async resolvers(addresses: readonly string[], more: readonly string[] = []): Promise<void> {
    const lines = [...addresses.map((address) => `nameserver ${address}`), ...more];
    await this.#write("resolv.conf", lines);
  }

  /** Writes the hosts file of every machine. */
  async hosts(lines: readonly string[]): Promise<void> {
    await this.#write("hosts", ["127.0.0.1 localhost", ...lines]);
  }

  /** Overwrites a file of /etc in place: running processes have it mounted. */
  async #write(name: string, lines: readonly string[]): Promise<void> {
    for (const machine of this.machines) {
      const folder = etcOf(this.network.namespace(machine));
      await Deno.mkdir(folder, { recursive: true });
      await Deno.writeTextFile(`${folder}/${name}`, lines.join("\n") + "\n");
    }
  }

  /** Adds or removes the machines' route to the front end. */
  async routed(state: "add" | "delete"): Promise<void> {
    for (const machine of this.machines) {
      const gateway = this.network.cloudClient(FRONT_NUMBER);
      const route = `route ${state} 192.0.2.0/24 via ${gateway} dev cloud`;
      await ip(this.network.namespace(machine), route);
    }
  }

  /** Environment of the processes on a machine. */
  envOf(machine: number): Record<string, string> {
    const proxy = this.proxies.get(machine);
    return proxy === undefined ? {} : { HTTPS_PROXY: proxy.url };
  }

  /** Sets the content of the name servers. */
  set zone(zone: Zone) {
    for (const server of this.nameServers) server.zone = zone;
  }

  /** An address of the front end that the test itself can reach. */
  get frontAddress(): string {
    return this.network.cloudClient(FRONT_NUMBER);
  }

  /** An unused address on the bridge. */
  get unusedAddress(): string {
    return this.network.cloudClient(UNUSED_NUMBER);
  }

  /** The machine with that source address. */
  machineOf(from: string): number | undefined {
    return this.machines.find((machine) =>
      from === this.network.cloudClient(machine) || from === this.proxies.get(machine)?.address ||
      from === `${LINK_IPV6}${machine}`
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

async function startProxies(
  network: Network,
  { machines, stack }: { machines: readonly number[]; stack: AsyncDisposableStack },
): Promise<Map<number, Proxy>> {
  const proxies = new Map<number, Proxy>();
  const target = network.cloudClient(FRONT_NUMBER);
  for (const machine of machines) {
    const address = await network.addCloudAddress(FIRST_PROXY_NUMBER + machine);
    const proxy = new Proxy({ name: `proxy-${machine}.example`, address, target });
    stack.defer(() => proxy.stop());
    await proxy.start();
    proxies.set(machine, proxy);
  }
  return proxies;
}

async function startNameServers(
  network: Network,
  { count, zone, stack }: { count: number; zone: Zone; stack: AsyncDisposableStack },
): Promise<NameServer[]> {
  const servers: NameServer[] = [];
  for (let index = 0; index < count; index++) {
    const address = await network.addCloudAddress(FIRST_NAME_SERVER_NUMBER - index);
    const server = new NameServer(address, zone);
    stack.defer(() => server.close());
    servers.push(server);
  }
  return servers;
}

/** The front end owns every address of its networks, and the machines have a route to them. */
async function route(
  network: Network,
  { namespace, machines }: { namespace: string; machines: readonly number[] },
): Promise<void> {
  await ip(
    namespace,
    `address add ${LINK_IPV6}${FRONT_NUMBER}/64 dev cloud nodad`,
    "route add local 192.0.2.0/24 dev lo",
    "route add local 2001:db8:a::/64 dev lo",
  );
  // Fixed neighbour entries: IPv6 takes time to find neighbours.
  const neighbour = (number: number, hardware: string) =>
    `neighbour replace ${LINK_IPV6}${number} lladdr ${hardware} dev cloud nud permanent`;
  const front = await hardwareOf(namespace);
  for (const machine of machines) {
    await ip(namespace, neighbour(machine, await hardwareOf(network.namespace(machine))));
    await ip(
      network.namespace(machine),
      `address add ${LINK_IPV6}${machine}/64 dev cloud nodad`,
      neighbour(FRONT_NUMBER, front),
      `route add 192.0.2.0/24 via ${network.cloudClient(FRONT_NUMBER)} dev cloud`,
      `route add 2001:db8:a::/64 via ${LINK_IPV6}${FRONT_NUMBER} dev cloud`,
    );
  }
}

async function hardwareOf(namespace: string): Promise<string> {
  const shown = await ip(namespace, "link show dev cloud");
  return /(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/.exec(shown)?.[0] ?? "";
}
