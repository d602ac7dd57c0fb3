// The peers through API v2: one listing of the zone's instances, and the ids of the security groups.
import type { PeerList } from "../world.ts";
import type { ClientV2 } from "./client_v2.ts";
import { CloudError } from "./cloud_error.ts";
import type { SingleFlight } from "./single_flight.ts";
import { discover, labelCommand, type Pool } from "./discovery.ts";
import {
  addressOf,
  type Fields,
  idOf,
  listOf,
  managerIdOf,
  nameIn,
  objectOf,
  requiredIdOf,
  requiredListOf,
  textOf,
} from "./json.ts";
import { type Machine, membersAmong, peersAt, type PeerSource } from "./peer_source.ts";
import {
  needsLeases,
  pathsTo,
  type PrivateNetwork,
  PrivateNetworks,
  privatePaths,
  PUBLIC,
  refuseUnusable,
  withPaths,
} from "./private_networks.ts";
import { scopeOf } from "../core/address_scope.ts";

/** States of a machine that will not come back. */
const GONE = new Set(["destroying", "destroyed", "expunging"]);

/** The instances of the zone. The API silently ignores an unknown filter, so a filtered list only proposes. */
export async function listInstances(
  client: ClientV2,
  signal: AbortSignal,
  query?: Record<string, string>,
): Promise<Fields[]> {
  const list = await client.get("/instance", signal, query);
  return requiredListOf(list, "instances", { title: "GET /instance", key: "id" });
}

/** The part of the configuration that reading the members needs. */
export interface MembersOptions {
  readonly elasticIp: string;
  readonly instanceId: string;
  /** Names or ids of the networks for heartbeats; by default the public addresses. */
  readonly heartbeatNetworks?: readonly string[];
  /** For messages. */
  readonly where: string;
  /** Joins simultaneous requests for the same listing. */
  readonly sharing: SingleFlight<Fields[]>;
}

/** Reads the peers. */
export class MembersV2 {
  readonly #client: ClientV2;
  readonly #options: MembersOptions;
  readonly #networks: PrivateNetworks;
  /** Ids of the groups, empty until they are known. */
  #groupIds: readonly string[] = [];

  constructor(client: ClientV2, options: MembersOptions) {
    this.#client = client;
    this.#options = options;
    this.#networks = new PrivateNetworks(client, options.where);
  }

  /** Our pool, if known, serves discovery alone. */
  async read(
    peers: PeerSource,
    { pool, signal }: { pool: Pool | null; signal: AbortSignal },
  ): Promise<PeerList> {
    const { elasticIp, instanceId: selfId, where } = this.#options;
    if (peers.kind === "static") return await this.#at(peers.addresses, signal);
    const { heartbeatNetworks: wanted = [PUBLIC] } = this.#options;
    const [instances, networks] = await Promise.all([
      this.#list(signal),
      this.#networks.read(wanted, signal),
    ]);
    refuseUnusable(networks, instances.find(({ id }) => id === selfId), selfId);
    const placed = (each: Fields) =>
      needsLeases(wanted) ? withPaths(machineOf(each), { wanted, networks }) : machineOf(each);
    const own = networks.length > 0 ? { own: privatePaths(selfId, networks) } : {};
    if (peers.kind === "groups") {
      const list = await this.#grouped(peers.groups, { instances, placed, signal });
      return { ...list, ...own };
    }
    const machines = instances.map(placed);
    const { endpoint } = this.#client;
    const labelling = (labels: Machine["labels"] & object) =>
      labelCommand(labels, { selfId, endpoint });
    return { ...discover(machines, { elasticIp, selfId, pool, where, labelling }), ...own };
  }

  /**
   * The peers at these addresses. A private address that no instance shows may be a lease in a network of this
   * instance.
   */
  async #at(addresses: readonly string[], signal: AbortSignal): Promise<PeerList> {
    const { instanceId: selfId } = this.#options;
    const instances = await this.#list(signal);
    const machines = instances.map(machineOf);
    const inside = addresses.filter((address) =>
      scopeOf(address)?.isPrivate && !machines.some((each) => each.addresses.includes(address))
    );
    if (inside.length === 0) return peersAt(addresses, { machines, selfId });
    const self = instances.find(({ id }) => id === selfId);
    const ids = listOf(self, "private-networks", "id").map((each) => idOf(each, "id"));
    const networks = await this.#networks.byIds(ids.filter((id) => id !== ""), signal);
    const placed = machines.map((machine) => ({
      ...machine,
      paths: at(machine, inside, networks),
    }));
    const own = privatePaths(selfId, networks);
    return { ...peersAt(addresses, { machines: placed, selfId }), own };
  }

  async #grouped(
    groups: readonly string[],
    { instances, placed, signal }: {
      instances: readonly Fields[];
      placed: (instance: Fields) => Machine;
      signal: AbortSignal;
    },
  ): Promise<PeerList> {
    const { instanceId: selfId } = this.#options;
    const known = this.#groupIds.length > 0;
    if (!known) this.#groupIds = await this.#findGroups(groups, signal);
    const inside = (ids: readonly string[]) =>
      membersAmong(instances.filter((each) => isIn(each, ids)).map(placed), selfId);
    const membership = inside(this.#groupIds);
    const empty = this.#groupIds.some((id) => !instances.some((each) => isIn(each, [id])));
    if (!known || (membership.inPeerList && !empty)) return membership;
    // A group that is empty, or that has lost us, may have been recreated under the same name.
    this.#groupIds = await this.#findGroups(groups, signal);
    return inside(this.#groupIds);
  }

  #list(signal: AbortSignal): Promise<Fields[]> {
    return this.#options.sharing.get(() => listInstances(this.#client, signal), signal);
  }

  async #findGroups(wanted: readonly string[], signal: AbortSignal): Promise<string[]> {
    const list = await this.#client.get("/security-group", signal);
    const groups = requiredListOf(list, "security-groups", {
      title: "GET /security-group",
      key: "id",
    });
    const found = wanted.map((each) => [each, groupId(groups, each)] as const);
    const missing = found.filter(([, id]) => id === "").map(([each]) => JSON.stringify(each));
    if (missing.length === 0) return found.map(([, id]) => id);
    const message = `no security group ${missing.join(", ")} (-G) at ${this.#options.where}`;
    throw new CloudError("no-such-group", message);
  }
}

/** Which of these private addresses the machine has. */
function at(
  { instanceId }: Machine,
  addresses: readonly string[],
  networks: readonly PrivateNetwork[],
): Machine["paths"] & object {
  return addresses.flatMap((address) => pathsTo({ instanceId, address }, networks));
}

function groupId(groups: readonly Fields[], wanted: string): string {
  const found = groups.find((group) => textOf(group, "id") === wanted.toLowerCase()) ??
    groups.find((group) => textOf(group, "name") === wanted);
  return found ? requiredIdOf(found, "id", "GET /security-group") : "";
}

function isIn(instance: Fields, groupIds: readonly string[]): boolean {
  return listOf(instance, "security-groups", "id").some((group) =>
    groupIds.includes(textOf(group, "id"))
  );
}

/** The addresses by which peers know an instance, in canonical form: IPv4, if it has one, before IPv6. */
export function nativeAddressesOf(instance: Fields): string[] {
  const addresses = [addressOf(instance, "public-ip"), addressOf(instance, "ipv6-address")];
  return addresses.flatMap((address) => address ?? []);
}

/** The machine from a list's item, or from an answer about it alone. */
export function machineOf(instance: Fields): Machine {
  const id = idOf(instance, "id");
  const labels = Object.entries(objectOf(instance, "labels") ?? {});
  return {
    instanceId: id,
    wireId: id,
    name: nameIn(instance, "name"),
    addresses: nativeAddressesOf(instance),
    exists: id !== "" && !GONE.has(textOf(instance, "state")),
    poolId: managerIdOf(instance),
    labels: Object.fromEntries(
      labels.flatMap(([key, value]) => typeof value === "string" ? [[key, value]] : []),
    ),
  };
}
