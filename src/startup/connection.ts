// From the configuration to a usable cloud: finds the endpoint, and makes one client per Elastic IP.
import { type Config, nameOf } from "../config/config.ts";
import type { ElasticIpConfig } from "../options/elastic_ips.ts";
import { canonicalIp, isIpv6 } from "../core/ip.ts";
import { resolveAddresses } from "../exoscale/address.ts";
import { type ClientOptions, ClientV2 } from "../exoscale/client_v2.ts";
import { CloudV1 } from "../exoscale/cloud_v1.ts";
import { CloudV2 } from "../exoscale/cloud_v2.ts";
import { SingleFlight } from "../exoscale/single_flight.ts";
import type { Fields } from "../exoscale/json.ts";
import { RateLimiter } from "../exoscale/rate_limiter.ts";
import { Signer } from "../exoscale/signature.ts";
import { anyEndpoint, endpointOf, findEndpoint, lookUpEndpoint } from "../exoscale/zone.ts";
import type { Host } from "../host/host.ts";
import { findZone } from "../host/metadata.ts";
import { retryAtStartup } from "./retry_at_startup.ts";
import type { Cloud, Log } from "../world.ts";

/** Builds the cloud for one Elastic IP. The listener hears of each successful answer, and of the time that it took. */
export type Connect = (elasticIp: string, onProgress: (tookMs: number) => void) => Cloud;

/** What connecting needs besides the configuration. */
export interface ConnectionOptions {
  readonly instanceId: string;
  readonly host: Pick<Host, "fetch" | "clock" | "machine"> & Partial<Pick<Host, "serviceManager">>;
  readonly log: Log;
  /** Ends the wait. */
  readonly signal: AbortSignal;
  /** Shared with other users of the same key. */
  readonly limiter?: RateLimiter;
}

/** A usable cloud. */
export interface Connection {
  readonly connect: Connect;
  /** Signs for all of its clients, and switches to new credentials as soon as it gets them. */
  readonly signer: Signer;
  /** The configured Elastic IPs, with names resolved. */
  readonly elasticIps: readonly ElasticIpConfig[];
}

/** Finds endpoint and Elastic IPs; null when one is not available (which is logged), or when the wait was ended. */
export async function connectionFor(
  config: Config,
  options: ConnectionOptions,
): Promise<Connection | null> {
  const endpoint = await endpointFor(config, options);
  if (endpoint === null) return null;
  const { api, credentials, peers, heartbeatNetworks } = config;
  const { instanceId, host: { fetch, clock } } = options;
  const signer = new Signer(credentials);
  // The rate limit counts by key: all clients share one limiter.
  const limiter = options.limiter ?? new RateLimiter(clock);
  const client = { endpoint, ...credentials, signer, fetch, clock, limiter };
  const elasticIps = await elasticIpsFor(config, client, options);
  if (elasticIps === null) return null;
  const sharing = new SingleFlight<Fields[]>();
  const connect: Connect = (elasticIp, onProgress) => {
    const assignment = { elasticIp, instanceId, peers, heartbeatNetworks, sharing };
    return api === "v1"
      ? new CloudV1({ ...client, onProgress }, assignment)
      : new CloudV2({ ...client, onProgress }, assignment);
  };
  return { connect, signer, elasticIps };
}

/** Resolves Elastic IPs that are not given by address, all in one call. */
async function elasticIpsFor(
  { elasticIps, mode, heartbeatFormat }: Config,
  options: Omit<ClientOptions, "onProgress">,
  { host: { clock, serviceManager }, log, signal }: ConnectionOptions,
): Promise<readonly ElasticIpConfig[] | null> {
  const texts = elasticIps.map(({ elasticIp }) => elasticIp);
  if (texts.every((text) => canonicalIp(text) !== null)) return elasticIps;
  const client = new ClientV2({ ...options, onProgress() {} });
  const trouble = "cannot find the Elastic IP";
  const ask = () => resolveAddresses(texts, client, signal);
  const waiting = { mode, clock, log, signal, ...(serviceManager && { serviceManager }) };
  const found = await retryAtStartup(ask, { ...waiting, event: "address-unknown", trouble });
  const long = found?.find((elasticIp) => heartbeatFormat === "original" && isIpv6(elasticIp));
  if (long) {
    log.write(
      "critical",
      "address-unknown",
      `${nameOf("heartbeat-format")}: plain has no room for ${long}`,
    );
  }
  return long || !found ? null : elasticIps.map((address, index) => {
    const elasticIp = found[index] ?? address.elasticIp;
    const { elasticIp: text } = address;
    if (text !== elasticIp) log.write("info", "address", `${JSON.stringify(text)} is ${elasticIp}`);
    return { ...address, elasticIp };
  });
}

/** The given endpoint, the zone's, or the one where the instance is; the watchdog waits for an answer. */
export async function endpointFor(
  config: Config,
  { instanceId, host, log, signal }: ConnectionOptions,
): Promise<string | null> {
  if (config.endpoint !== null) return config.endpoint;
  const { directory, environment, credentials, mode } = config;
  const zone = config.zone ?? await findZone(host.machine) ?? config.usualZone;
  if (zone !== null && directory === null) return endpointOf(zone, environment);
  const { fetch, clock, serviceManager } = host;
  const asked = { anyEndpoint: directory ?? anyEndpoint(environment), fetch, clock, signal };
  const ask = () =>
    zone === null
      ? findEndpoint(instanceId, { ...asked, ...credentials })
      : lookUpEndpoint(zone, asked);
  const trouble = zone === null
    ? "cannot find the zone of this instance (give it with --zone)"
    : `cannot find the endpoint of the zone ${zone}`;
  const waiting = { mode, clock, log, signal, ...(serviceManager && { serviceManager }) };
  return await retryAtStartup(ask, { ...waiting, event: "zone-unknown", trouble });
}
