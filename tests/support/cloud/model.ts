// The simulated Exoscale: machines, Elastic IPs, groups, pools and operations, without a network. Both APIs (v2 and
// CloudStack) and the simulation show this one model.

import { systemClock } from "../../../src/host/clock.ts";
import type { Clock } from "../../../src/world.ts";
import type { IamPolicy } from "../../../src/exoscale/iam_policy.ts";

/** All states of the API's description. Destroyed and expunged machines are gone. */
export type SimState =
  | "expunging"
  | "starting"
  | "destroying"
  | "running"
  | "stopping"
  | "stopped"
  | "migrating"
  | "error"
  | "destroyed";

/** A machine. */
export interface SimInstance {
  readonly id: string;
  readonly nicId: string;
  readonly name: string;
  /** Native address of either family; empty or `0.0.0.0` for a private machine. */
  readonly address: string;
  /** Additional IPv6 address (API v2), empty without one. */
  ipv6: string;
  /** A machine that is being destroyed is still listed. */
  state: SimState;
  /** Whether it has IPv6 besides an IPv4 address. */
  dual: boolean;
  groups: string[];
  poolId: string | null;
  /** Type of its manager. */
  managerType: "instance-pool" | "sks-nodepool";
  /** Labels on API v2, tags on CloudStack. */
  labels: Record<string, string>;
}

/** An Elastic IP with its holders; `secondaryIds` are CloudStack's ids of each hold. */
export interface SimAddress {
  readonly id: string;
  readonly ip: string;
  managed: boolean;
  /** Left out of answers when empty. */
  description: string;
  labels: Record<string, string>;
  readonly holders: Set<string>;
  /** Holders before each of the last changes. */
  past: HolderChange[];
}

/** A private network. */
export interface SimNetwork {
  readonly id: string;
  readonly name: string;
  /** With a DHCP server. */
  managed: boolean;
  /** Addresses by instance id. */
  readonly leases: Map<string, string>;
  /** Ids of the attached instances, with or without a lease. */
  readonly attached: Set<string>;
}

/** A rule of a security group. */
export interface SimRule {
  readonly direction: "ingress" | "egress";
  readonly protocol: "udp" | "tcp" | "icmp";
  readonly ports: readonly [first: number, last: number];
  /** A network in CIDR notation, or the name of a group. */
  readonly network?: string;
  readonly group?: string;
}

/** Asynchronous work. */
export interface SimOperation {
  readonly id: string;
  readonly addressId: string;
  state: "pending" | "success" | "failure";
  reason: string;
}

/** A change of who holds. */
export interface HolderChange {
  readonly atMs: number;
  readonly holders: readonly string[];
}

/** A UUID that shows its kind and number. */
export function simUuid(kind: number, number: number): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
  return `${hex(kind, 8)}-0000-4000-8000-${hex(number, 12)}`;
}

/** The whole zone. */
export class CloudModel {
  readonly zone = "ch-gva-2";
  readonly zoneId = simUuid(9, 1);
  readonly instances = new Map<string, SimInstance>();
  readonly addresses = new Map<string, SimAddress>();
  readonly networks = new Map<string, SimNetwork>();
  /** Group ids by name. */
  readonly groups = new Map<string, string>();
  /** Rules by name of the group. */
  readonly rules = new Map<string, SimRule[]>();
  /** Networks that count as members of a group in rules, by its name (API v2). */
  readonly externalSources = new Map<string, string[]>();
  /** Commands that the CloudStack user may not use. */
  readonly deniedCommands = new Set<string>();
  /** Elastic IP ids that each pool assigns to its members. */
  readonly pools = new Map<string, string[]>();
  /** SKS node pools by their instance pool: instances show the instance pool as their manager. */
  readonly nodepools = new Map<string, string>();
  /** The rights of the key's role on API v2, null for all. */
  role: IamPolicy | null = null;
  /** Called when the role refuses. */
  refused: () => void = () => {};
  /** Whether CloudStack's machines show tags; older versions do not. */
  hasTags = true;
  readonly operations = new Map<string, SimOperation>();
  readonly history: HolderChange[] = [];
  /** Other zones that `GET /zone` lists before this one. */
  readonly otherZones: { readonly name: string; readonly endpoint: string }[] = [];
  /** Duration of attach and detach; with 0 the first answer is the end. */
  operationMs = 50;
  /** The credentials that requests must use from now on, null for the usual ones. */
  credentials: { readonly apiKey: string; readonly secret: string } | null = null;
  /** How long a change takes to show after its operation has succeeded. */
  lagMs = 0;
  /** Whether refusals have the form of RFC 9457 instead of `{message, errors}`. */
  problemDetails = false;
  /** Reason with which the next operations fail, null when they succeed. */
  failure: string | null = null;
  /** Whether failing operations first look pending. */
  failsLate = false;
  /** Whether lists ignore filters, as API v2 does for an unknown filter name. */
  ignoresFilters = false;
  readonly #clock: Clock;
  readonly #ending = new AbortController();
  #count = 0;
  #allocated = 0;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Pending operations stay pending. */
  close(): void {
    this.#ending.abort();
  }

  /** Adds a machine. */
  addInstance(number: number, address: string, groups: string[] = []): SimInstance {
    const instance: SimInstance = {
      id: simUuid(1, number),
      nicId: simUuid(2, number),
      name: `node-${number}`,
      address,
      ipv6: "",
      state: "running",
      dual: false,
      groups,
      poolId: null,
      managerType: "instance-pool",
      labels: {},
    };
    for (const group of groups) {
      if (!this.groups.has(group)) this.groups.set(group, simUuid(4, this.groups.size + 1));
    }
    this.instances.set(instance.id, instance);
    return instance;
  }

  /** Adds an Elastic IP. */
  addAddress(ip: string, { managed = false } = {}): SimAddress {
    const address = {
      id: simUuid(3, ++this.#allocated),
      ip,
      managed,
      description: "",
      labels: {},
      holders: new Set<string>(),
      past: [],
    };
    this.addresses.set(address.id, address);
    return address;
  }

  /** Adds a private network. */
  addNetwork(name: string, { managed = true } = {}): SimNetwork {
    const id = simUuid(8, this.networks.size + 1);
    const network = { id, name, managed, leases: new Map(), attached: new Set<string>() };
    this.networks.set(id, network);
    return network;
  }

  /** Attaches an instance to a private network; a managed one gives it that address. */
  join(network: SimNetwork, instance: SimInstance, address: string): void {
    network.attached.add(instance.id);
    if (network.managed) network.leases.set(instance.id, address);
  }

  /** Releases an Elastic IP; its holders lose it. */
  release({ id }: SimAddress): void {
    this.addresses.delete(id);
    this.history.push({ atMs: this.#clock.nowMs(), holders: [] });
  }

  /** Starts to attach or detach; the change shows when the operation ends. */
  begin(change: "attach" | "detach", address: SimAddress, instanceId: string): SimOperation {
    const operation: SimOperation = {
      id: simUuid(5, ++this.#count),
      addressId: address.id,
      state: "pending",
      reason: this.failure ?? "",
    };
    this.operations.set(operation.id, operation);
    const end = () => {
      operation.state = operation.reason === "" ? "success" : "failure";
      if (operation.state === "success") this.change(change, address, instanceId);
    };
    if (this.operationMs === 0 || (operation.reason !== "" && !this.failsLate)) end();
    else {
      const { signal } = this.#ending;
      void this.#clock.sleep(this.operationMs, signal).then(() => signal.aborted || end());
    }
    return operation;
  }

  /** Changes the holders at once: at the end of an operation, or as an operator's manual change. */
  change(change: "attach" | "detach", address: SimAddress, instanceId: string): void {
    const nowMs = this.#clock.nowMs();
    address.past = address.past.filter(({ atMs }) => atMs > nowMs - this.lagMs);
    address.past.push({ atMs: nowMs, holders: [...address.holders] });
    if (change === "attach") address.holders.add(instanceId);
    else address.holders.delete(instanceId);
    this.history.push({ atMs: nowMs, holders: [...address.holders] });
  }

  /** The holders that answers show. */
  shownHolders({ holders, past }: SimAddress): ReadonlySet<string> {
    const sinceMs = this.#clock.nowMs() - this.lagMs;
    const before = past.find(({ atMs }) => atMs > sinceMs);
    return before ? new Set(before.holders) : holders;
  }
}
