// Machines as network namespaces of the kernel. Each has two interfaces:
//
//   node 1 ── lan ──┐                          lan   203.0.113.N
//   node 2 ── lan ──┴─ bridge                  cloud 198.18.x.y, with an interface of our namespace, where the
//      └───── cloud ── bridge ── CloudServer         simulated cloud listens
//
// so that a partition between nodes does not cut them off from the cloud, unless that is what a test wants. Both
// bridges are in a namespace of their own: the firewall of the machine has no say between them.
import type { Place } from "../support/cluster.ts";
import {
  interfaceName,
  ip,
  namespaceName,
  removeInterfaces,
  removeNamespace,
  sweep,
} from "./ip.ts";

/** Port of all nodes: every machine has its own. */
const PORT = 12345;
/** Most nodes in the 32 addresses of a cloud network, besides the cloud itself. */
const NODES_MAX = 29;

/** A network of some nodes. */
export class Network implements Place {
  readonly cloudHostname: string;
  readonly #tag: string;
  readonly #count: number;
  /** Heartbeats travel over IPv6. */
  readonly #ipv6: boolean;
  /** Index of our interface to the cloud. */
  readonly #index: number;
  /** The value of `-l`, if not the default. */
  readonly #listen: string | undefined;

  private constructor(
    tag: string,
    { count, index, ipv6, listen }: {
      count: number;
      index: number;
      ipv6: boolean;
      listen?: string | undefined;
    },
  ) {
    this.#tag = tag;
    this.#count = count;
    this.#ipv6 = ipv6;
    this.#index = index;
    this.#listen = listen;
    this.cloudHostname = cloudAddress(index, 0);
  }

  /** Creates the namespaces; removes them if one of them fails. */
  static async create(
    count: number,
    { ipv6 = false, listen }: { ipv6?: boolean; listen?: string | undefined } = {},
  ): Promise<Network> {
    if (count > NODES_MAX) throw new Error(`${count} nodes do not fit, at most ${NODES_MAX} do`);
    await sweep();
    const tag = crypto.getRandomValues(new Uint8Array(3)).toHex();
    const port = interfaceName(tag);
    await ip(null, `link add ${port} type veth peer name us-${tag}`);
    const index = Number(await Deno.readTextFile(`/sys/class/net/${port}/ifindex`));
    const network = new Network(tag, { count, index, ipv6, listen });
    try {
      await network.#build();
    } catch (error) {
      await network.close();
      throw error;
    }
    return network;
  }

  async #build(): Promise<void> {
    const port = interfaceName(this.#tag);
    await ip(null, `netns add ${this.#hub}`);
    await ip(null, `link set us-${this.#tag} netns ${this.#hub} name us`);
    await ip(null, `link set ${port} up`, `address add ${this.cloudHostname}/27 dev ${port}`);
    const bridges = ["lan", "cloud"].flatMap((
      name,
    ) => [`link add ${name} type bridge`, `link set ${name} up`]);
    await ip(this.#hub, ...bridges, "link set us master cloud up");
    for (const number of this.#numbers) {
      const name = this.namespace(number);
      await ip(null, `netns add ${name}`);
      await ip(
        this.#hub,
        `link add cloud-${number} type veth peer name cloud netns ${name}`,
        `link set cloud-${number} master cloud up`,
        `link add node-${number} type veth peer name lan netns ${name}`,
        `link set node-${number} master lan up`,
      );
      await ip(
        name,
        "link set lo up",
        `link set lan address ${hardwareAddress(number)} up`,
        `address add ${ipv4(number)}/24 dev lan`,
        ...(this.#ipv6 ? [`address add ${ipv6(number)}/64 dev lan nodad`] : []),
        "link set cloud up",
        `address add ${this.cloudClient(number)}/27 dev cloud`,
        // The rules of block() must precede the one that delivers to this machine.
        "rule add pref 10 lookup local",
        "rule delete pref 0",
        ...this.#neighbours(number),
      );
    }
  }

  /** Fixed neighbour entries: a one-way block must not break address resolution in the other direction. */
  #neighbours(number: number): string[] {
    return this.#numbers.filter((other) => other !== number).map((other) =>
      `neighbour replace ${ipv4(other)} lladdr ${hardwareAddress(other)} dev lan nud permanent`
    );
  }

  address(number: number): string {
    return this.#ipv6 ? ipv6(number) : ipv4(number);
  }

  listen(): string {
    return this.#listen ?? (this.#ipv6 ? `[::]:${PORT}` : `:${PORT}`);
  }

  wrap(number: number): readonly string[] {
    return ["ip", "netns", "exec", this.namespace(number)];
  }

  /** Address from which a node calls the cloud, by its number; other machines there are numbered from the top down. */
  cloudClient(number: number): string {
    return cloudAddress(this.#index, number);
  }

  /** A machine on the cloud side, with only that address. Resolves to its namespace. */
  async addCloudMachine(part: string, number: number): Promise<string> {
    const name = namespaceName(this.#tag, part), port = `cloud-${number}`;
    const address = this.cloudClient(number), hardware = hardwareAddress(number, "cloud");
    await ip(null, `netns add ${name}`);
    await ip(
      this.#hub,
      `link add ${port} type veth peer name cloud netns ${name}`,
      `link set ${port} master cloud up`,
    );
    await ip(
      name,
      "link set lo up",
      `link set cloud address ${hardware} up`,
      `address add ${address}/27 dev cloud`,
    );
    await this.#know(address, hardware);
    return name;
  }

  /** Another address of ours on the cloud side, on which the test itself can serve. */
  async addCloudAddress(number: number): Promise<string> {
    const address = this.cloudClient(number), port = interfaceName(this.#tag);
    await ip(null, `address add ${address}/27 dev ${port}`);
    await this.#know(address, (await Deno.readTextFile(`/sys/class/net/${port}/address`)).trim());
    return address;
  }

  /** A fixed neighbour entry for an address on the cloud side, as for a router: it is never reported as unreachable. */
  async #know(address: string, hardware: string): Promise<void> {
    for (const number of this.#numbers) {
      const neighbour = `${address} lladdr ${hardware} dev cloud nud permanent`;
      await ip(this.namespace(number), `neighbour replace ${neighbour}`);
    }
  }

  /** Loses all packets between a node and the cloud, or ends that; the node's interface stays up. */
  async cloudCable(number: number, state: "out" | "in"): Promise<void> {
    await ip(
      this.#hub,
      `link set cloud-${number} ${state === "out" ? "nomaster" : "master cloud"}`,
    );
  }

  /** Namespace of the bridge between the nodes. */
  get hub(): string {
    return this.#hub;
  }

  /** Adds an interface on that bridge to a node, with that address of a /24 network. */
  async addInterface(
    number: number,
    { name, address }: { name: string; address: string },
  ): Promise<void> {
    const namespace = this.namespace(number);
    await ip(
      this.#hub,
      `link add ${name}-${number} type veth peer name ${name} netns ${namespace}`,
    );
    await ip(this.#hub, `link set ${name}-${number} master lan up`);
    await ip(namespace, `link set ${name} up`, `address add ${address}/24 dev ${name}`);
  }

  /** Changes a parameter of a node's kernel. */
  async sysctl(number: number, setting: string): Promise<void> {
    const [name = "", value] = setting.split("=");
    await this.run(number, `tee /proc/sys/${name.replaceAll(".", "/")}`, value);
  }

  /** Runs a command on a node's machine. Throws its error message. */
  async run(number: number, line: string, input = ""): Promise<string> {
    const [command = "", ...args] = [...this.wrap(number), ...line.split(" ")];
    const pipes = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
    const child = new Deno.Command(command, { args, ...pipes }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
    const { success, stdout, stderr } = await child.output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
    if (!success) throw new Error(`${line}: ${text(stderr)}`);
    return text(stdout);
  }

  /** Namespace of a node. */
  namespace(number: number): string {
    return namespaceName(this.#tag, `${number}`);
  }

  /** Silently drops packets from one node to another, over IPv4. */
  async block(from: number, to: number): Promise<void> {
    await ip(this.namespace(to), `rule add pref 5 iif lan from ${ipv4(from)} blackhole`);
  }

  /** Ends a `block`. */
  async unblock(from: number, to: number): Promise<void> {
    await ip(this.namespace(to), `rule delete pref 5 iif lan from ${ipv4(from)} blackhole`);
  }

  /** Silently drops the cloud's packets to a node. */
  async blockCloud(number: number): Promise<void> {
    await ip(
      this.namespace(number),
      `rule add pref 5 iif cloud from ${this.cloudHostname} blackhole`,
    );
  }

  /** Ends a `blockCloud`. */
  async unblockCloud(number: number): Promise<void> {
    await ip(
      this.namespace(number),
      `rule delete pref 5 iif cloud from ${this.cloudHostname} blackhole`,
    );
  }

  /** Unplugs both cables of a node, or plugs them in again. */
  async cables(number: number, state: "up" | "down"): Promise<void> {
    await ip(this.namespace(number), `link set lan ${state}`, `link set cloud ${state}`);
    // The kernel forgets the neighbours of an interface that goes down.
    if (state === "up") await ip(this.namespace(number), ...this.#neighbours(number));
  }

  /** Removes everything, even after a partial creation. */
  async close(): Promise<void> {
    const inPeerList = await ip(null, "netns list");
    const names = inPeerList.split("\n").map((line) => line.split(" ")[0] ?? "");
    const ours = names.filter((name) => name.startsWith(namespaceName(this.#tag, "")));
    for (const name of ours) await removeNamespace(name);
    await removeInterfaces(this.#tag);
  }

  get #hub(): string {
    return namespaceName(this.#tag, "hub");
  }

  get #numbers(): number[] {
    return Array.from({ length: this.#count }, (_, index) => index + 1);
  }
}

function ipv4(number: number): string {
  return `203.0.113.${number}`;
}

function ipv6(number: number): string {
  return `fd00:203::${number.toString(16)}`;
}

/** A benchmark address (RFC 2544), in a block of 32 that no other live network uses. */
function cloudAddress(interfaceIndex: number, number: number): string {
  const value = interfaceIndex % 4096 * 32 + 1 + number;
  return `198.${18 + (value >> 16)}.${(value >> 8) & 255}.${value & 255}`;
}

function hardwareAddress(number: number, side: "lan" | "cloud" = "lan"): string {
  return `02:00:00:00:${side === "lan" ? "00" : "01"}:${number.toString(16).padStart(2, "0")}`;
}
