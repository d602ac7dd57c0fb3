// From the configuration to a cloud that can be asked: which endpoint, and one client for each Elastic IP.
import type { Config } from "./config.ts";
import { asCloudError } from "./exoscale/cloud_error.ts";
import { CloudV1 } from "./exoscale/cloud_v1.ts";
import { CloudV2 } from "./exoscale/cloud_v2.ts";
import { Pace } from "./exoscale/pace.ts";
import { endpointOf, findEndpoint } from "./exoscale/zone.ts";
import type { Host } from "./host.ts";
import { findZone } from "./host/metadata.ts";
import { StartPatience } from "./start_patience.ts";
import type { Cloud, Log } from "./world.ts";

/** Builds the cloud for one Elastic IP; each good answer, and how long it took, goes to the listener. */
export type Connect = (elasticIp: string, onProgress: (tookMs: number) => void) => Cloud;

/** What connecting needs besides the configuration. */
export interface ConnectionOptions {
  readonly instanceId: string;
  readonly host: Pick<Host, "fetch" | "clock" | "machine">;
  readonly log: Log;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  /** Shared with others who use the same key. */
  readonly pace?: Pace;
}

/** Finds the endpoint; null when there is none, which the log has told, or when the waiting was ended. */
export async function connectionFor(
  config: Config,
  options: ConnectionOptions,
): Promise<Connect | null> {
  const endpoint = await endpointFor(config, options);
  if (endpoint === null) return null;
  const { api, credentials, peers } = config;
  const { instanceId, host: { fetch, clock } } = options;
  // The rate limit counts by key: all clients share one pace.
  const pace = options.pace ?? new Pace(clock);
  return (elasticIp, onProgress) => {
    const client = { endpoint, ...credentials, fetch, clock, onProgress, pace };
    const assignment = { elasticIp, instanceId, peers };
    return api === "v1" ? new CloudV1(client, assignment) : new CloudV2(client, assignment);
  };
}

/** The endpoint given, that of the zone, or the one where the instance is; the watchdog waits for an answer. */
export async function endpointFor(
  config: Config,
  { instanceId, host, log, signal }: ConnectionOptions,
): Promise<string | null> {
  if (config.endpoint !== null) return config.endpoint;
  const zone = config.zone ?? await findZone(host.machine) ?? config.usualZone;
  if (zone !== null) return endpointOf(zone);
  const patience = new StartPatience();
  for (let waitMs = 1_000; !signal.aborted; waitMs = Math.min(waitMs * 2, 10_000)) {
    try {
      const { fetch, clock } = host;
      return await findEndpoint(instanceId, { ...config.credentials, fetch, clock, signal });
    } catch (cause) {
      const error = asCloudError(cause);
      const text = `cannot find the zone of this instance (give it with --zone): ${error.message}`;
      const ends = patience.endsWith(error, host.clock.nowMs());
      const final = ends || config.mode !== "watchdog";
      log.write(final ? "critical" : "warning", "no-zone", text);
      if (final) return null;
      await host.clock.sleep(waitMs, signal);
    }
  }
  return null;
}
