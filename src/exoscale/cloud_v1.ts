// The Elastic IP through CloudStack (API v1): a secondary address on the machine's default NIC. Listings show it, so
// one reading tells who holds.
import type {
  ChangeLimits,
  Clock,
  Cloud,
  EvictOptions,
  Identity,
  PeerList,
  Sighting,
} from "../world.ts";
import type { ChangeOptions, ClientOptions } from "./client_v2.ts";
import { ClientV1 } from "./client_v1.ts";
import { CloudError, refuseStale, refuseUnwanted } from "./cloud_error.ts";
import type { Assignment } from "./cloud_v2.ts";
import {
  addressOf,
  type Fields,
  idOf,
  listOf,
  named,
  nameIn,
  requiredIdOf,
  shown,
  textOf,
} from "./json.ts";
import { isUuid } from "../core/uuid.ts";
import { discover, tagCommand } from "./discovery.ts";
import { type Machine, membersAmong, peersAt } from "./peer_source.ts";

/** States of a machine that certainly carries no traffic; a machine in an unknown state may. */
const OFF = new Set(["Stopped", "Shutdowned", "Destroyed", "Expunging"]);
const GONE = new Set(["Destroyed", "Expunging"]);
/** Most addresses that are asked about one by one. */
const ASKED_MAX = 16;

/** API v1. */
export class CloudV1 implements Cloud {
  readonly name: string;
  readonly #client: ClientV1;
  readonly #assignment: Assignment;
  readonly #clock: Clock;
  #zoneId = "";
  #nicId = "";

  constructor(options: ClientOptions, assignment: Assignment) {
    this.name = `API v1 at ${options.endpoint}`;
    this.#client = new ClientV1(options);
    this.#assignment = assignment;
    this.#clock = options.clock;
  }

  async prepare(signal: AbortSignal): Promise<Identity> {
    const { instanceId } = this.#assignment;
    const self = await this.#machine(instanceId, signal);
    const nic = self && defaultNic(self);
    if (!self || !nic) {
      const message = `instance ${instanceId} with a default NIC does not exist at ${this.name}`;
      throw new CloudError("no-such-instance", `${message}: check -i`);
    }
    this.#zoneId = idOf(self, "zoneid");
    const nicId = textOf(nic, "id");
    if (!isUuid(nicId)) {
      const message = `the id of the default NIC is ${shown(nicId)}, wanted a UUID (${this.name})`;
      throw new CloudError("unexpected-answer", message);
    }
    this.#nicId = nicId;
    const nativeAddresses = machineOf(self).addresses;
    const holds = this.#hold(self) !== null;
    return { instanceId, ...named(nameOf(self)), wireId: this.#nicId, holds, nativeAddresses };
  }

  async members(signal: AbortSignal, named?: readonly string[]): Promise<PeerList> {
    const { elasticIp, instanceId: selfId } = this.#assignment;
    const peers = named ? { kind: "static", addresses: named } as const : this.#assignment.peers;
    const zoneid = this.#zoneId;
    if (peers.kind === "static") {
      const { addresses } = peers;
      // A name may have hundreds of addresses: one listing then costs less than a question about each.
      const queries = addresses.length > ASKED_MAX
        ? [{}]
        : addresses.map((ipaddress) => ({ ipaddress }));
      const machines = new Map<string, Machine>();
      for (const query of queries) {
        for (const found of await this.#client.machines({ ...query, zoneid }, signal)) {
          const machine = machineOf(found);
          machines.set(machine.instanceId, machine);
        }
      }
      return peersAt(addresses, { machines: [...machines.values()], selfId });
    }
    const zone = await this.#client.machines({ zoneid }, signal);
    if (peers.kind === "discovery") {
      const labelling = (labels: Machine["labels"] & object) => tagCommand(labels, { selfId });
      const around = { elasticIp, selfId, pool: null, where: this.name, labelling };
      return discover(zone.map(machineOf), around);
    }
    const members = zone.filter((machine) =>
      listOf(machine, "securitygroup").some((group) =>
        peers.groups.includes(textOf(group, "name")) || peers.groups.includes(textOf(group, "id"))
      )
    );
    return membersAmong(members.map(machineOf), selfId);
  }

  async look({ others }: { others: boolean }, signal: AbortSignal): Promise<Sighting> {
    const { instanceId } = this.#assignment;
    const listed = others ? await this.#client.machines({ zoneid: this.#zoneId }, signal) : [];
    const self = listed.find((machine) => textOf(machine, "id") === instanceId) ??
      await this.#self(signal);
    this.#checkNic(self);
    const holders = listed.filter((machine) => this.#hold(machine) !== null);
    const rest = holders.map((machine) => ({
      instanceId: idOf(machine, "id"),
      ...named(nameOf(machine)),
      off: OFF.has(textOf(machine, "state")),
    })).filter(({ instanceId: id }) => id !== "" && id !== instanceId);
    return { holds: this.#hold(self) !== null, others: others ? rest : null };
  }

  async inspect(instanceId: string, signal: AbortSignal): Promise<boolean> {
    const machine = await this.#machine(instanceId, signal);
    return machine !== null && this.#hold(machine) !== null;
  }

  async attach(signal: AbortSignal, { wanted, lease, accepted }: ChangeLimits = {}): Promise<void> {
    const parameters = { nicid: this.#nicId, ipaddress: this.#assignment.elasticIp };
    const achieved = () => this.inspect(this.#assignment.instanceId, signal);
    const before = wanted && (() => refuseUnwanted(wanted()));
    await this.#client.job("addIpToNic", parameters, {
      achieved,
      lease,
      accepted,
      signal,
      ...(before && { before }),
    });
  }

  async detachSelf(signal: AbortSignal): Promise<void> {
    const hold = this.#hold(await this.#self(signal));
    if (hold !== null) await this.#release(hold, this.#assignment.instanceId, { signal });
  }

  async evict(
    instanceId: string,
    { onlyIfStopped, wanted = () => true, lease, accepted }: EvictOptions,
    signal: AbortSignal,
  ): Promise<"taken" | "absent" | "gone" | "running"> {
    const askedAtMs = this.#clock.nowMs();
    const machine = await this.#machine(instanceId, signal);
    if (!machine) return "gone";
    const hold = this.#hold(machine);
    if (!hold) return "absent";
    if (onlyIfStopped && !OFF.has(textOf(machine, "state"))) return "running";
    const before = () => refuseStale({ askedAtMs, nowMs: this.#clock.nowMs(), wanted: wanted() });
    await this.#release(hold, instanceId, { before, lease, accepted, signal });
    return "taken";
  }

  async #release(
    hold: string,
    instanceId: string,
    options: Omit<ChangeOptions, "achieved">,
  ): Promise<void> {
    const achieved = async () => !await this.inspect(instanceId, options.signal);
    await this.#client.job("removeIpFromNic", { id: hold }, { achieved, ...options });
  }

  async #self(signal: AbortSignal): Promise<Fields> {
    const self = await this.#machine(this.#assignment.instanceId, signal);
    if (self) return self;
    throw new CloudError("not-found", `instance ${this.#assignment.instanceId} is not listed`);
  }

  async #machine(id: string, signal: AbortSignal): Promise<Fields | null> {
    const machines = await this.#client.machines({ id }, signal);
    return machines.find((machine) => textOf(machine, "id") === id) ?? null;
  }

  /** The attach goes to the NIC that was the default one at the start. Source: exoip engine.go, UpdateNic. */
  #checkNic(self: Fields): void {
    const nic = defaultNic(self);
    if (nic && textOf(nic, "id") === this.#nicId) return;
    const now = nic ? textOf(nic, "id") : "none";
    throw new CloudError("nic-changed", `default NIC was ${this.#nicId}, is ${now}: restart exoip`);
  }

  /** Id of the secondary address that is our Elastic IP on the machine's default NIC; null without it. */
  #hold(machine: Fields): string | null {
    const addresses = listOf(defaultNic(machine), "secondaryip", "ipaddress");
    const { elasticIp } = this.#assignment;
    const own = addresses.find((address) => textOf(address, "ipaddress") === elasticIp);
    return own ? requiredIdOf(own, "id", `${elasticIp} on a NIC`) : null;
  }
}

function defaultNic(machine: Fields): Fields | undefined {
  return listOf(machine, "nic", "id").find(({ isdefault }) =>
    isdefault === true || isdefault === "true"
  );
}

function machineOf(machine: Fields): Machine {
  const nic = defaultNic(machine);
  return {
    instanceId: idOf(machine, "id"),
    wireId: idOf(nic, "id"),
    name: nameOf(machine),
    addresses: [addressOf(nic, "ipaddress")].flatMap((address) => address ?? []),
    exists: idOf(machine, "id") !== "" && !GONE.has(textOf(machine, "state")),
    poolId: null,
    labels: machine.tags === undefined ? null : tagsOf(machine),
  };
}

function nameOf(machine: Fields): string {
  return nameIn(machine, "displayname") || nameIn(machine, "name");
}

function tagsOf(machine: Fields): Record<string, string> {
  const tags = listOf(machine, "tags", "key").map((
    tag,
  ) => [textOf(tag, "key"), textOf(tag, "value")]);
  return Object.fromEntries(tags);
}
