// The Elastic IP through API v2. Lists show no Elastic IPs, and the API silently ignores unknown filters, so a list
// only proposes holders; `get-instance` decides.
import { isIpv6 } from "../core/ip.ts";
import { ipv6Problem } from "./ipv6.ts";
import type { Clock, Cloud, EvictOptions, Identity, PeerList, Sighting } from "../world.ts";
import { type ChangeOptions, type ClientOptions, ClientV2 } from "./client_v2.ts";
import { CloudError, refuseStale, refuseUnwanted } from "./cloud_error.ts";
import { type Fields, idOf, listOf, managerIdOf, named, nameIn, objectOf, textOf } from "./json.ts";
import type { Pool } from "./discovery.ts";
import { ElasticIpV2 } from "./elastic_ip_v2.ts";
import { SingleFlight } from "./single_flight.ts";
import { listInstances, MembersV2, nativeAddressesOf } from "./members_v2.ts";
import type { PeerSource } from "./peer_source.ts";

/** States of a machine that certainly carries no traffic; a machine in an unknown state may. */
const OFF = new Set(["stopped", "destroying", "destroyed", "expunging"]);

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

  async attach(signal: AbortSignal, wanted?: () => boolean): Promise<void> {
    const { instanceId } = this.#assignment;
    const options = {
      achieved: () => this.inspect(instanceId, signal),
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
    { onlyIfStopped, wanted = () => true }: EvictOptions,
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
    const taken = await this.#detach(instanceId, { before, signal });
    // The reading was old: another node has evicted it, and has reported that.
    return taken ? "taken" : "gone";
  }

  async #detach(
    instanceId: string,
    options: Pick<ChangeOptions, "before" | "signal">,
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
