// A simulated zone with three machines and an unattached Elastic IP, and clients of either API on the first machine.
import { CloudV1 } from "../../../src/exoscale/cloud_v1.ts";
import { type Assignment, CloudV2 } from "../../../src/exoscale/cloud_v2.ts";
import type { ClientOptions } from "../../../src/exoscale/client_v2.ts";
import type { Fetch } from "../../../src/exoscale/http.ts";
import { systemClock } from "../../../src/host/clock.ts";
import { fetchWithAuthorities } from "../../../src/host/fetch.ts";
import type { Transport } from "../../../src/transport/transport.ts";
import type { Clock, Cloud } from "../../../src/world.ts";
import { SIM_KEY, SIM_SECRET } from "./api_v2.ts";
import { settle, VirtualClock } from "../clock.ts";
import { waitedFor } from "../elsewhere.ts";
import { CloudModel, type SimAddress, type SimInstance } from "./model.ts";
import { CLOUD_AUTHORITY } from "../tls/cloud_identity.ts";
import { type Call, CloudServer } from "./server.ts";

/** Which API a client speaks. */
export type Api = "v1" | "v2";
/** Both. */
export const APIS: readonly Api[] = ["v1", "v2"];
/** The Elastic IP of the fixture. */
export const ELASTIC_IP = "198.51.100.50";
/** The security group of its machines. */
export const GROUP = "edge";
/** The signal of a caller that never gives up. */
export const PATIENT: AbortSignal = new AbortController().signal;

/** The program's own transport to the cloud, trusting the simulated one. */
export const cloudFetch: Transport = waitedFor(fetchWithAuthorities([CLOUD_AUTHORITY], {
  clock: systemClock,
  lookUp: (name) => Promise.resolve(name === "localhost" ? ["127.0.0.1"] : []),
  variables: {},
  userAgent: "exoip/test",
}));

/** Name of the class for the API, for test names. */
export function clientName(api: Api): string {
  return api === "v1" ? "CloudV1" : "CloudV2";
}

/** A zone and its server in virtual time; close it with `await using`. */
export class CloudFixture implements AsyncDisposable {
  readonly model: CloudModel;
  readonly server: CloudServer;
  readonly address: SimAddress;
  readonly self: SimInstance;
  readonly peer: SimInstance;
  readonly third: SimInstance;

  /** A clock of its own, unless it shares the time of another zone. */
  constructor(
    readonly clock: VirtualClock = new VirtualClock({ leaps: true, epochMs: Date.now() }),
  ) {
    this.model = new CloudModel(clock);
    this.model.operationMs = 10;
    this.server = new CloudServer(this.model, { clock });
    this.server.latencyMs = 0;
    this.self = this.model.addInstance(1, "203.0.113.11", [GROUP]);
    this.peer = this.model.addInstance(2, "203.0.113.12", [GROUP]);
    this.third = this.model.addInstance(3, "203.0.113.13", [GROUP]);
    this.address = this.model.addAddress(ELASTIC_IP);
  }

  /** A client on the first machine; its peers are the security group. */
  cloud(api: Api, changes: Partial<ClientOptions & Assignment> = {}): Cloud {
    const options = { ...clientOptions(this, api), ...changes };
    const assignment: Assignment = {
      elasticIp: ELASTIC_IP,
      instanceId: this.self.id,
      peers: { kind: "groups", groups: [GROUP] },
      ...changes,
    };
    return api === "v1" ? new CloudV1(options, assignment) : new CloudV2(options, assignment);
  }

  /** Makes exactly these machines hold the Elastic IP. */
  hold(...instances: readonly SimInstance[]): void {
    this.address.holders.clear();
    for (const { id } of instances) this.address.holders.add(id);
  }

  /** Puts machines into an instance pool that assigns these Elastic IPs. */
  pool(poolId: string, machines: readonly SimInstance[], addressIds: string[] = []): void {
    for (const machine of machines) machine.poolId = poolId;
    this.model.pools.set(poolId, addressIds);
  }

  /** Ids of the holders. */
  get holders(): string[] {
    return [...this.address.holders];
  }

  /** The calls so far that change something. */
  get changes(): Call[] {
    return this.server.calls.filter(isChange);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A repeated request is cancelled once the other one has its answer; it ends some turns later.
    await this.clock.idle();
    await settle();
    cloudFetch.close();
    await this.server.close();
    await settle();
  }
}

/** Options of a client with the credentials that the simulated cloud accepts. */
export function clientOptions({ server, clock }: CloudFixture, api: Api): ClientOptions {
  return {
    endpoint: server.endpoint(api),
    apiKey: SIM_KEY,
    secret: SIM_SECRET,
    fetch: cloudFetch,
    clock,
    onProgress() {},
  };
}

/** Whether the call changes something. */
export function isChange({ what }: Call): boolean {
  return /:(attach|detach)$|^(addIpTo|removeIpFrom)Nic$/.test(what);
}

/** Whether the call polls an operation. */
export function isPoll({ what }: Call): boolean {
  return what.startsWith("/operation/") || what === "queryAsyncJobResult";
}

/** Real time, accelerated; `sleptMs` has the length of each sleep. */
export function hurriedClock(rate = 20): Clock & { readonly sleptMs: number[] } {
  const sleptMs: number[] = [];
  return {
    sleptMs,
    nowMs: () => performance.now() * rate,
    wallMs: () => Date.now(),
    sleep(ms, signal) {
      sleptMs.push(ms);
      return systemClock.sleep(ms / rate, signal);
    },
  };
}

/** A `fetch` with local answers. */
export function answering(answer: (url: URL, init: RequestInit) => Response): Fetch {
  return (url, init) => Promise.resolve(answer(url, init));
}
