// The Elastic IP through API v2: who holds it, and moving it. Lists show no Elastic IPs, and the API silently ignores
// unknown filters, so a list only proposes holders; `get-instance` decides. The Elastic IP can be released while we
// watch it, and allocated again under another id.
import { isIpv6, sameElasticIp } from "../core/ip.ts";
import { ipv6Problem } from "./ipv6.ts";
import type {
  ChangeLimits,
  Clock,
  Cloud,
  EvictOptions,
  Identity,
  PeerList,
  Sighting,
} from "../world.ts";
import { type ChangeOptions, type ClientOptions, ClientV2 } from "./client_v2.ts";
import { CloudError, type CloudErrorKind, refuseStale, refuseUnwanted } from "./cloud_error.ts";
import {
  elasticIpsOf,
  type Fields,
  idOf,
  listOf,
  managerIdOf,
  named,
  nameIn,
  objectOf,
  requiredIdOf,
  textOf,
} from "./json.ts";
import type { Pool } from "./discovery.ts";
import { SingleFlight } from "./single_flight.ts";
import { listInstances, MembersV2, nativeAddressesOf } from "./members_v2.ts";
import type { PeerSource } from "./peer_source.ts";

/** States of a machine that certainly carries no traffic; a machine in an unknown state may. */
const OFF = new Set(["stopped", "destroying", "destroyed", "expunging"]);

/** Why an existing Elastic IP is not usable for us. */
export const UNUSABLE: readonly CloudErrorKind[] = [
  "address-released",
  "managed-address",
  "pool-address",
];

/** The part of the configuration that this cloud needs. */
export interface Assignment {
  readonly elasticIp: string;
  readonly instanceId: string;
  readonly peers: PeerSource;
  /** Names or ids of the networks for heartbeats; by default the public addresses. */
  readonly heartbeatNetworks?: readonly string[];
  /** Shared with the clouds of other Elastic IPs of the same process; by default its own. */
  readonly sharing?: SingleFlight<Fields[]>;
}

/** API v2. */
export class CloudV2 implements Cloud {
  readonly name: string;
  readonly #client: ClientV2;
  readonly #assignment: Assignment;
  readonly #clock: Clock;
  readonly #members: MembersV2;
  readonly #elasticIp: ElasticIpV2;
  /** Whether we held it when we last asked or changed that. */
  #held = false;
  #pool: Pool | null = null;

  constructor(options: ClientOptions, assignment: Assignment) {
    this.name = `API v2 at ${options.endpoint}`;
    this.#client = new ClientV2(options);
    this.#elasticIp = new ElasticIpV2(assignment.elasticIp, this.#client);
    const { sharing = new SingleFlight() } = assignment;
    this.#members = new MembersV2(this.#client, {
      ...assignment,
      sharing,
      where: this.name,
    });
    this.#assignment = assignment;
    this.#clock = options.clock;
  }

  async prepare(signal: AbortSignal): Promise<Identity> {
    const { instanceId } = this.#assignment;
    const [self, address] = await Promise.all([this.#self(signal), this.#elasticIp.find(signal)]);
    // An instance that holds the address can always be told to give it up.
    if (!this.#holds(self)) refuseWithoutIpv6(self, this.#assignment.elasticIp);
    await this.#refuseManaged(address, self, signal);
    this.#held = this.#holds(self);
    const nativeAddresses = nativeAddressesOf(self);
    const holds = this.#held, name = named(nameIn(self, "name"));
    return { instanceId, ...name, wireId: instanceId, holds, nativeAddresses };
  }

  members(signal: AbortSignal, addresses?: readonly string[]): Promise<PeerList> {
    const peers = addresses ? { kind: "static", addresses } as const : this.#assignment.peers;
    return this.#members.read(peers, { pool: this.#pool, signal });
  }

  async look({ others }: { others: boolean }, signal: AbortSignal): Promise<Sighting> {
    const { instanceId } = this.#assignment;
    const [self, listed] = await Promise.all([
      this.#instance(instanceId, signal),
      others ? listInstances(this.#client, signal, { "ip-address": this.#elasticIp.text }) : null,
    ]);
    const holders = listed?.map((instance) => ({
      instanceId: idOf(instance, "id"),
      ...named(nameIn(instance, "name")),
      off: OFF.has(textOf(instance, "state")),
    }));
    const rest = holders?.filter(({ instanceId: id }) => id !== "" && id !== instanceId) ?? null;
    // An address that vanished may no longer exist, and one that did not exist may be back under another id.
    const doubtful = this.#held || this.#elasticIp.released !== null;
    if (doubtful && !this.#holds(self)) await this.#findAgain(self, signal);
    this.#held = this.#holds(self);
    const { released } = this.#elasticIp;
    const sighting = { holds: this.#held, others: rest };
    if (released === null) return sighting;
    const exists = released.kind !== "address-released";
    return { ...sighting, released: released.message, exists };
  }

  async inspect(instanceId: string, signal: AbortSignal): Promise<boolean> {
    const instance = await absentAs(null, this.#instance(instanceId, signal));
    return instance !== null && this.#holds(instance);
  }

  async attach(signal: AbortSignal, { wanted, lease, accepted }: ChangeLimits = {}): Promise<void> {
    const { instanceId } = this.#assignment;
    const options = {
      achieved: () => this.inspect(instanceId, signal),
      lease,
      accepted,
      signal,
      ...(wanted && { before: () => refuseUnwanted(wanted()) }),
    };
    const attach = (id: string) =>
      this.#client.put(`/elastic-ip/${id}:attach`, bodyFor(instanceId), options);
    const { id } = this.#elasticIp;
    try {
      await attach(id);
    } catch (error) {
      if (!(error instanceof CloudError && error.kind === "not-found")) throw error;
      await this.#findAgain(null, signal);
      if (this.#elasticIp.released !== null) throw this.#elasticIp.released;
      if (this.#elasticIp.id === id) throw error;
      await attach(this.#elasticIp.id);
    }
    this.#held = true;
  }

  async detachSelf(signal: AbortSignal): Promise<void> {
    await this.#detach(this.#assignment.instanceId, { signal });
    this.#held = false;
  }

  async evict(
    instanceId: string,
    { onlyIfStopped, wanted = () => true, lease, accepted }: EvictOptions,
    signal: AbortSignal,
  ): Promise<"taken" | "absent" | "gone" | "running"> {
    const askedAtMs = this.#clock.nowMs();
    // Queued before other reads, like the change that it prepares.
    const asked = this.#instance(instanceId, signal, { urgent: true });
    const instance = await absentAs(null, asked);
    if (instance === null) return "gone";
    if (!this.#holds(instance)) return "absent";
    if (onlyIfStopped && !OFF.has(textOf(instance, "state"))) return "running";
    const before = () => refuseStale({ askedAtMs, nowMs: this.#clock.nowMs(), wanted: wanted() });
    const taken = await this.#detach(instanceId, { before, lease, accepted, signal });
    // The reading was old: another node has evicted it, and has reported that.
    return taken ? "taken" : "gone";
  }

  async #detach(
    instanceId: string,
    options: Omit<ChangeOptions, "achieved">,
  ): Promise<boolean> {
    const path = `/elastic-ip/${this.#elasticIp.id}:detach`;
    const achieved = async () => !await this.inspect(instanceId, options.signal);
    const detached = this.#client.put(path, bodyFor(instanceId), { achieved, ...options });
    return await absentAs(false, detached);
  }

  /** Rejects an answer about another instance. */
  async #instance(
    id: string,
    signal: AbortSignal,
    options: { urgent?: boolean } = {},
  ): Promise<Fields> {
    const instance = await this.#client.get(`/instance/${id}`, signal, {}, options);
    if (idOf(instance, "id").toLowerCase() === id.toLowerCase()) return instance;
    throw new CloudError("unexpected-answer", `GET /instance/${id}: it is about another instance`);
  }

  async #self(signal: AbortSignal): Promise<Fields> {
    const { instanceId } = this.#assignment;
    const self = await absentAs(null, this.#instance(instanceId, signal));
    if (self) return self;
    const message = `instance ${instanceId} does not exist at ${this.name}: check -i and the zone`;
    throw new CloudError("no-such-instance", message);
  }

  /** Rejects an address that a watchdog must not move. */
  async #findAgain(self: Fields | null, signal: AbortSignal): Promise<void> {
    const usable = (address: Fields) => this.#refuseManaged(address, self ?? {}, signal);
    await this.#elasticIp.findAgain(usable, signal);
  }

  /** A watchdog would fight the cloud over an address that the cloud itself moves or hands out. */
  async #refuseManaged(address: Fields, self: Fields, signal: AbortSignal): Promise<void> {
    const { elasticIp } = this.#assignment;
    if (objectOf(address, "healthcheck")) {
      const message = `${elasticIp} is a managed Elastic IP: it has a health check, and Exoscale ` +
        "itself moves its traffic; exoip needs a manual one";
      throw new CloudError("managed-address", message);
    }
    const poolId = managerIdOf(self);
    if (poolId === null) return;
    this.#pool = { id: poolId, name: this.#pool?.name ?? "" };
    if (textOf(self.manager, "type") !== "instance-pool") return;
    const pool = await this.#readPool(poolId, signal);
    this.#pool = { id: poolId, name: textOf(pool, "name") };
    if (listOf(pool, "elastic-ips", "id").some(({ id }) => id === this.#elasticIp.id)) {
      const message = `the instance pool ${textOf(pool, "name")} attaches ${elasticIp} to every ` +
        `member itself: take its Elastic IPs off it (exo api reset-instance-pool-field ${poolId} ` +
        "elastic-ips)";
      throw new CloudError("pool-address", message);
    }
  }

  /** A role that may not read pools, or a pool that is gone, is no reason to stop. */
  async #readPool(id: string, signal: AbortSignal): Promise<Fields | null> {
    try {
      return await this.#client.get(`/instance-pool/${id}`, signal);
    } catch (error) {
      if (error instanceof CloudError && ["forbidden", "not-found"].includes(error.kind)) {
        return null;
      }
      throw error;
    }
  }

  #holds(instance: Fields): boolean {
    return this.#elasticIp.isHeldBy(instance);
  }
}

/** Refuses an instance that has no IPv6; an answer that does not say so is no reason to refuse. */
function refuseWithoutIpv6(self: Fields, elasticIp: string): void {
  const problem = ipv6Problem(textOf(self, "public-ip-assignment"), idOf(self, "id"));
  if (isIpv6(elasticIp) && problem !== null) {
    throw new CloudError("no-ipv6", `this instance cannot have ${elasticIp}: ${problem}`);
  }
}

function bodyFor(instanceId: string) {
  return { instance: { id: instanceId } };
}

/** The promise's value, or the substitute when the cloud says that the resource does not exist. */
async function absentAs<T, S>(substitute: S, promise: Promise<T>): Promise<T | S> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof CloudError && error.kind === "not-found") return substitute;
    throw error;
  }
}

/** Precedes the reason why an Elastic IP that vanished and exists again is not used. */
const BACK = "the Elastic IP vanished and exists again, but not for us: ";

/** One Elastic IP, by its address. */
class ElasticIpV2 {
  readonly #elasticIp: string;
  readonly #client: ClientV2;
  /** As last listed by the cloud. */
  #listed: Fields = {};
  #id = "";
  #released: CloudError | null = null;

  constructor(elasticIp: string, client: ClientV2) {
    this.#elasticIp = elasticIp;
    this.#client = client;
  }

  /** Empty before it was found. */
  get id(): string {
    return this.#id;
  }

  /** As the cloud writes it; its filter compares this text. */
  get text(): string {
    return textOf(this.#listed, "ip") || this.#elasticIp;
  }

  /** Why no node can hold it any more; null while it can be held. */
  get released(): CloudError | null {
    return this.#released;
  }

  /** Finds it. Throws `no-such-address`, and what the client throws. */
  async find(signal: AbortSignal): Promise<Fields> {
    const addresses = await this.#list(signal);
    const found = addresses.find((address) => this.#isOurs(address));
    if (found) return this.#adopt(found);
    const known = addresses.map((address) => textOf(address, "ip")).join(", ") || "none";
    const where = `API v2 at ${this.#client.endpoint}`;
    const message = `no Elastic IP ${this.#elasticIp} (-xi) in this zone (${where}), found: ` +
      known;
    throw new CloudError("no-such-address", message);
  }

  /** Whether it exists, perhaps under another id, and `usable` does not throw. Throws when neither can be told. */
  async findAgain(
    usable: (address: Fields) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const addresses = await this.#list(signal);
    const found = addresses.find((address) => this.#isOurs(address));
    try {
      if (!found) throw releasedError(this.#elasticIp, this.#listed, addresses);
      await usable(this.#adopt(found));
      this.#released = null;
    } catch (error) {
      if (!(error instanceof CloudError && UNUSABLE.includes(error.kind))) throw error;
      const { kind, message } = error;
      this.#released = kind === "address-released"
        ? error
        : new CloudError(kind, `${BACK}${message.replace(` [${kind}]`, "")}`);
    }
  }

  /** Whether that instance holds it: by id, and by address where the cloud adds it. */
  isHeldBy(instance: Fields): boolean {
    const held = listOf(instance, "elastic-ips", "id");
    const found = held.find(({ id }) => id === this.#id) ??
      held.find((each) => this.#isOurs(each) && idOf(each, "id") !== "");
    if (found) this.#id = idOf(found, "id") || this.#id;
    return found !== undefined;
  }

  async #list(signal: AbortSignal): Promise<Fields[]> {
    const list = await this.#client.get("/elastic-ip", signal);
    return elasticIpsOf(list);
  }

  #isOurs(address: unknown): boolean {
    return sameElasticIp(textOf(address, "ip"), this.#elasticIp);
  }

  #adopt(address: Fields): Fields {
    this.#id = requiredIdOf(address, "id", "GET /elastic-ip");
    this.#listed = address;
    return address;
  }
}

/** The advice, with the Elastic IP that may have replaced it. */
function releasedError(
  elasticIp: string,
  before: Fields,
  addresses: readonly Fields[],
): CloudError {
  const heir = addresses.find((address) => hasSameName(address, before));
  const cure = heir
    ? `${textOf(heir, "ip")} has its description or labels now: if that one replaces it, restart ` +
      "exoip on all nodes with it as -xi (IF_ADDRESS)"
    : "Exoscale's API lets nobody choose an address, so this one most likely does not come back; " +
      "give all nodes another one with -xi (IF_ADDRESS) and restart them";
  const message = `the Elastic IP ${elasticIp} does not exist any more, it was released: ${cure}`;
  return new CloudError("address-released", message);
}

function hasSameName(one: Fields, other: Fields): boolean {
  const [labels, wanted] = [one, other].map((each) => JSON.stringify(each.labels ?? {}));
  const description = textOf(other, "description");
  return (description !== "" && textOf(one, "description") === description) ||
    (wanted !== "{}" && labels === wanted);
}
