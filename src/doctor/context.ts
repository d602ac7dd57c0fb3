// Facts that several checks need, found out once: which instance this is, where the cloud is, who the peers are.
import type { Config } from "../config/config.ts";
import type { ElasticIpConfig } from "../options/elastic_ips.ts";
import { type Connect, connectionFor, endpointFor } from "../startup/connection.ts";
import { messageOf } from "../core/message_of.ts";
import { isUuid } from "../core/uuid.ts";
import { Attempts } from "../exoscale/attempts.ts";
import { ClientV1 } from "../exoscale/client_v1.ts";
import { ClientV2 } from "../exoscale/client_v2.ts";
import { asCloudError, CloudError } from "../exoscale/cloud_error.ts";
import type { Fetch } from "../exoscale/http.ts";
import { RateLimiter } from "../exoscale/rate_limiter.ts";
import type { Host } from "../host/host.ts";
import { findInstanceId, type Machine } from "../host/metadata.ts";
import { PATIENT_MS } from "../peers/look_ups.ts";
import { PeerNames } from "../peers/peer_names.ts";
import type { Cloud, PeerList } from "../world.ts";
import { NotKnown } from "./result.ts";
import type { PortState } from "./port.ts";
import { type Inventory, type InventoryItem, once } from "./inventory.ts";
import { inventoryV1 } from "./inventory_v1.ts";
import { inventoryV2 } from "./inventory_v2.ts";
import { takePort } from "./port.ts";

/** The instance ids that this machine reports, by source. */
export interface Claims {
  readonly given: string | null;
  readonly metadata: string | null;
  /** The source: the metadata service, or a file. */
  readonly by: string;
  /** The system UUID. */
  readonly system: string | null;
  /** Product name of the machine, empty when it cannot be read. */
  readonly product: string;
  /** Why nothing is known; empty if something is. */
  readonly trouble: string;
}

/** The `Date` of an answer, and when it came. */
export interface DatedAnswer {
  readonly serverMs: number;
  readonly wallMs: number;
}

/** A usable cloud. */
export interface Reach {
  readonly endpoint: string;
  readonly inventory: Inventory;
  readonly connect: Connect;
  /** The configured Elastic IPs, with names resolved. */
  readonly elasticIps: readonly ElasticIpConfig[];
}

const SYSTEM_UUID = "/sys/class/dmi/id/product_uuid", PRODUCT = "/sys/class/dmi/id/product_name";
const READ_MS = 2_000;

/** The known facts; each is looked up when the first check needs it. */
export class Context {
  readonly config: Config;
  readonly host: Host;
  /** From the first answer that had one. */
  dated: DatedAnswer | null = null;
  readonly claims: (signal: AbortSignal) => Promise<Claims>;
  readonly endpoint: (signal: AbortSignal) => Promise<string>;
  readonly reach: (signal: AbortSignal) => Promise<Reach>;
  readonly port: () => Promise<PortState>;
  /** The peers of `-p`, resolved; null without any. */
  readonly names: (signal: AbortSignal) => Promise<PeerNames | null>;
  /** Makes requests as the watchdog does: a request that hangs is repeated beside the first. */
  readonly attempts: Attempts;
  readonly #limiter: RateLimiter;
  #port: Promise<PortState> | null = null;
  readonly #memberships = new Map<string, Promise<PeerList>>();

  constructor(config: Config, host: Host) {
    this.config = config;
    this.host = host;
    this.#limiter = new RateLimiter(host.clock);
    this.attempts = new Attempts(host.clock, this.#limiter);
    this.claims = once(() => this.#findClaims());
    this.endpoint = once((signal) => this.#findEndpoint(signal));
    this.reach = once((signal) => this.#connect(signal));
    this.names = once((signal) => this.#lookUp(signal));
    this.port = () => this.#port ??= takePort(this);
  }

  /** A `fetch` that notes the cloud's time. */
  get fetch(): Fetch {
    const { fetch, clock } = this.host;
    const dated = async (...request: Parameters<Fetch>) => {
      const answer = await fetch(...request);
      const serverMs = Date.parse(answer.headers.get("date") ?? "");
      if (!Number.isNaN(serverMs)) this.dated ??= { serverMs, wallMs: clock.wallMs() };
      return answer;
    };
    const { routeTo, asksToLeave } = fetch;
    return Object.assign(dated, {
      ...(routeTo && { routeTo }),
      ...(asksToLeave !== undefined && { asksToLeave }),
    });
  }

  /** Releases the port, if it was taken. */
  async close(): Promise<void> {
    const port = await this.#port;
    if (port?.kind === "free") await port.socket.close();
  }

  /** The instance id in use. */
  async instanceId(signal: AbortSignal): Promise<string> {
    const { given, metadata, system } = await this.claims(signal);
    const id = given ?? metadata ?? system;
    if (id === null) throw new NotKnown("the instance's id, see identity");
    return id;
  }

  /** This machine as the cloud shows it. */
  async self(signal: AbortSignal): Promise<InventoryItem> {
    const { inventory } = await this.reach(signal);
    return await known(inventory.machine(await this.instanceId(signal), signal), "this instance");
  }

  /** A client for one Elastic IP. */
  async cloud(elasticIp: string, signal: AbortSignal): Promise<Cloud> {
    const { connect } = await this.reach(signal);
    return connect(elasticIp, () => {});
  }

  /** The peers for one Elastic IP. Throws what the cloud throws. */
  async membership(elasticIp: string, signal: AbortSignal): Promise<PeerList> {
    const asked = this.#memberships.get(elasticIp) ?? this.#findMembers(elasticIp, signal);
    this.#memberships.set(elasticIp, asked);
    return await asked;
  }

  /** The Elastic IPs by address, including those that the configuration gives by name. */
  async elasticIps(signal: AbortSignal): Promise<string[]> {
    return (await this.reach(signal)).elasticIps.map(({ elasticIp }) => elasticIp);
  }

  async #findMembers(elasticIp: string, signal: AbortSignal): Promise<PeerList> {
    const cloud = await this.cloud(elasticIp, signal);
    try {
      // This finds zone and pool, which the search for members needs.
      await cloud.prepare(signal);
    } catch (cause) {
      // Another check covers whether the address may be moved.
      if (!["managed-address", "pool-address", "no-ipv6"].includes(asCloudError(cause).kind)) {
        throw cause;
      }
    }
    const names = await this.names(signal);
    const read = (addresses?: readonly string[]) => cloud.members(signal, addresses);
    return await (names ? names.members(read) : read());
  }

  async #lookUp(signal: AbortSignal): Promise<PeerNames | null> {
    const { config: { peers, listen: { hostname } }, host } = this;
    if (peers.kind !== "static") return null;
    const names = new PeerNames(peers.addresses, { host, hostname, log: { write() {} } });
    await names.start(signal, PATIENT_MS);
    return names;
  }

  async #findClaims(): Promise<Claims> {
    const { machine } = this.host;
    let trouble = "";
    let by = "the metadata service";
    const listening = withoutSystemUuid(machine, (path) => by = path);
    const metadata = await findInstanceId(listening).catch((error) => {
      trouble = messageOf(error);
      return null;
    });
    const uuid = (await read(machine, SYSTEM_UUID)).toLowerCase();
    const product = await read(machine, PRODUCT);
    const system = isUuid(uuid) ? uuid : null;
    return { given: this.config.instanceId, metadata, by, system, product, trouble };
  }

  async #findEndpoint(signal: AbortSignal): Promise<string> {
    // Only an endpoint that has to be found needs the instance.
    const { endpoint, zone } = this.config;
    const instanceId = endpoint !== null || zone !== null ? "" : await this.instanceId(signal);
    const said: string[] = [];
    const log = { write: (_: string, __: string, text: string) => void said.push(text) };
    const host = { ...this.host, fetch: this.fetch };
    // The one-shot modes do not wait for a silent cloud.
    const config = { ...this.config, mode: "associate" as const };
    const found = await endpointFor(config, { instanceId, host, log, signal });
    if (found === null) throw new CloudError("no-such-instance", said.at(-1) ?? "given up");
    return found;
  }

  async #connect(signal: AbortSignal): Promise<Reach> {
    const endpoint = await known(this.endpoint(signal), "the endpoint");
    const instanceId = await this.instanceId(signal);
    const { host: { clock }, fetch } = this;
    const { api, credentials } = this.config;
    const said: string[] = [];
    const log = { write: (_: string, __: string, text: string) => void said.push(text) };
    const limiter = this.#limiter;
    // The one-shot modes do not wait for a silent cloud.
    const config = { ...this.config, endpoint, mode: "associate" as const };
    const host = { ...this.host, fetch };
    const options = { instanceId, host, log, signal, limiter };
    const connection = await connectionFor(config, options);
    if (connection === null) throw new CloudError("no-such-address", said.at(-1) ?? "given up");
    const client = { endpoint, ...credentials, fetch, clock, onProgress() {}, limiter };
    const inventory = api === "v1"
      ? inventoryV1(new ClientV1(client), endpoint)
      : inventoryV2(new ClientV2(client));
    const { connect, elasticIps } = connection;
    return { endpoint, inventory, elasticIps, connect };
  }
}

/** The promise's value; if the cloud does not give it, another check covers that. */
export async function known<T>(promise: Promise<T>, what: string): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof NotKnown) throw error;
    throw new NotKnown(what, { cause: error });
  }
}

async function read(machine: Machine, path: string): Promise<string> {
  const signal = AbortSignal.timeout(READ_MS);
  return await machine.readTextFile(machine.root + path, { signal }).then(
    (text) => text.trim(),
    () => "",
  );
}

/** Shows whether the network, a file or the firmware tells the id. */
function withoutSystemUuid(machine: Machine, told: (path: string) => void): Machine {
  const secret = machine.root + SYSTEM_UUID;
  const noted = async (path: string, text: Promise<string>): Promise<string> => {
    await text;
    const bare = path.slice(machine.root.length);
    if (/instance|cidata/.test(bare)) told(bare);
    return text;
  };
  const { readStart } = machine;
  return {
    ...machine,
    ...(readStart && { readStart: (path, max) => noted(path, readStart(path, max)) }),
    readTextFile: (path, options) =>
      path === secret
        ? Promise.reject(new Error("looked at apart"))
        : noted(path, machine.readTextFile(path, options)),
  };
}
