// Private networks (API v2): which instance has which address there. An instance does not show its addresses in them;
// the leases of the network do. Source: the API's description of `get-private-network`.
import { isUuid } from "../core/uuid.ts";
import type { OwnPath } from "../world.ts";
import type { ClientV2 } from "./client_v2.ts";
import { CloudError } from "./cloud_error.ts";
import {
  addressOf,
  type Fields,
  idOf,
  listOf,
  requiredIdOf,
  requiredListOf,
  textOf,
} from "./json.ts";
import type { Machine, Path } from "./peer_source.ts";

/** The word for the public addresses, in a list of networks. */
export const PUBLIC = "public";

/** A private network with the addresses of its instances. */
export interface PrivateNetwork {
  readonly id: string;
  readonly name: string;
  /** Whether it has a DHCP server, so that the cloud knows the addresses in it. */
  readonly managed: boolean;
  readonly leases: readonly { readonly ip: string; readonly instanceId: string }[];
}

/** Whether the list names private networks, so that the leases are needed. */
export function needsLeases(networks: readonly string[]): boolean {
  return networks.some((each) => each !== PUBLIC);
}

/** Finds and reads private networks by name or id. Names are looked up once, and again when their id is gone. */
export class PrivateNetworks {
  readonly #client: ClientV2;
  readonly #where: string;
  readonly #ids = new Map<string, string>();

  constructor(client: ClientV2, where: string) {
    this.#client = client;
    this.#where = where;
  }

  /** The networks in the order of the list, without the word for the public addresses. Throws `CloudError`. */
  async read(wanted: readonly string[], signal: AbortSignal): Promise<PrivateNetwork[]> {
    const names = wanted.filter((each) => each !== PUBLIC);
    return await Promise.all(names.map((each) => this.#read(each, signal)));
  }

  /** The networks with these ids. */
  async byIds(ids: readonly string[], signal: AbortSignal): Promise<PrivateNetwork[]> {
    return await Promise.all(ids.map((id) => this.#get(id, signal)));
  }

  async #read(wanted: string, signal: AbortSignal): Promise<PrivateNetwork> {
    const known = isUuid(wanted) ? wanted.toLowerCase() : this.#ids.get(wanted);
    try {
      return await this.#get(known ?? await this.#find(wanted, signal), signal);
    } catch (error) {
      if (!(error instanceof CloudError && error.kind === "not-found")) throw error;
      if (isUuid(wanted) || known === undefined) throw this.#none(wanted);
      // It may have been made again under the same name.
      return await this.#get(await this.#find(wanted, signal), signal);
    }
  }

  async #find(name: string, signal: AbortSignal): Promise<string> {
    const title = "GET /private-network";
    const list = await this.#client.get("/private-network", signal);
    const found = requiredListOf(list, "private-networks", { title, key: "id" })
      .filter((each) => textOf(each, "name") === name);
    const [only, ...more] = found;
    if (only === undefined) throw this.#none(name);
    if (more.length > 0) {
      const ids = found.map((each) => idOf(each, "id")).join(", ");
      const message = `${found.length} private networks are named ${JSON.stringify(name)} at ` +
        `${this.#where}: give --heartbeat-network the id of one of them: ${ids}`;
      throw new CloudError("no-such-network", message);
    }
    const id = requiredIdOf(only, "id", title);
    this.#ids.set(name, id);
    return id;
  }

  async #get(id: string, signal: AbortSignal): Promise<PrivateNetwork> {
    const path = `/private-network/${id}`;
    const network = await this.#client.get(path, signal);
    if (idOf(network, "id").toLowerCase() === id.toLowerCase()) return networkOf(network);
    throw new CloudError("unexpected-answer", `GET ${path}: it is about another network`);
  }

  #none(wanted: string): CloudError {
    const message = `no private network ${JSON.stringify(wanted)} (--heartbeat-network) at ` +
      `${this.#where}: correct it, or make that network and attach all nodes to it`;
    return new CloudError("no-such-network", message);
  }
}

function networkOf(network: Fields): PrivateNetwork {
  const id = idOf(network, "id");
  const leases = listOf(network, "leases").flatMap((lease) => {
    const ip = addressOf(lease, "ip"), instanceId = idOf(lease, "instance-id");
    return ip === null || instanceId === "" ? [] : { ip, instanceId };
  });
  const managed = textOf(network, "start-ip") !== "" || leases.length > 0;
  return { id, name: textOf(network, "name") || id, managed, leases };
}

/** Refuses networks in which this node cannot find its peers. Throws `CloudError`. */
export function refuseUnusable(
  networks: readonly PrivateNetwork[],
  self: Fields | undefined,
  selfId: string,
): void {
  const attached = listOf(self, "private-networks", "id").map(({ id }) => id);
  for (const { id, name, managed } of networks) {
    if (!managed) {
      const message = `the private network ${name} (${id}) has no DHCP server, so the cloud does ` +
        "not know the addresses in it and no peer can be found there: give it a range (exo " +
        `compute private-network update ${id} --start-ip FIRST --end-ip LAST --netmask MASK)`;
      throw new CloudError("no-such-network", message);
    }
    if (self && !attached.includes(id)) {
      const message = `this instance is not in the private network ${name} (${id}): attach it ` +
        `(exo compute instance private-network attach ${selfId} ${id})`;
      throw new CloudError("no-such-network", message);
    }
  }
}

/** The machine as a peer at its address in each of the wanted networks. */
export function withPaths(
  machine: Machine,
  { wanted, networks }: { wanted: readonly string[]; networks: readonly PrivateNetwork[] },
): Machine {
  const [first] = machine.addresses;
  const inside = wanted.includes(PUBLIC) && first !== undefined ? [{ address: first }] : [];
  return { ...machine, paths: [...inside, ...privatePaths(machine.instanceId, networks)] };
}

/** The addresses of an instance in these networks. */
export function privatePaths(instanceId: string, networks: readonly PrivateNetwork[]): OwnPath[] {
  const paths: OwnPath[] = [];
  for (const { name, leases } of networks) {
    const lease = leases.find((each) => each.instanceId === instanceId);
    if (lease) paths.push({ network: name, address: lease.ip });
  }
  return paths;
}

/** The paths of an instance to that address in these networks. */
export function pathsTo(
  { instanceId, address }: { instanceId: string; address: string },
  networks: readonly PrivateNetwork[],
): Path[] {
  return networks.filter(({ leases }) =>
    leases.some((lease) => lease.ip === address && lease.instanceId === instanceId)
  ).map(({ name: network }) => ({ address, network }));
}
