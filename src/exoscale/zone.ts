// The endpoint of API v2, from the zone: given, told by the metadata service, or found by asking every zone for the
// instance.
import { Attempts } from "./attempts.ts";
import { ClientV2 } from "./client_v2.ts";
import { CloudError } from "./cloud_error.ts";
import { endpointProblem, sameDomain, withoutEndSlashes } from "./endpoint.ts";
import { exchange, type Fetch } from "./http.ts";
import { RateLimiter } from "./rate_limiter.ts";
import { refusal } from "./error_response.ts";
import { requiredListOf, textOf } from "./json.ts";
import type { Clock } from "../world.ts";

/** First part of the API's host names, unless configured otherwise. Source: exoscale/cli, the default environment. */
export const DEFAULT_ENVIRONMENT = "api";

/** Most zones that are asked: Exoscale has eight. */
const ZONES_MAX = 64;

/** Whether a text can be the name of a zone. */
export function isZoneName(text: string): boolean {
  return /^[a-z0-9-]{1,63}$/.test(text);
}

/** Whether a text looks like a zone of Exoscale: country, city, number, as every zone so far. */
export function looksLikeZone(text: string): boolean {
  return /^[a-z]{2}-[a-z]{2,4}-\d+$/.test(text);
}

/** Endpoint of a zone. New zones appear over time, so the name is not checked against a list. */
export function endpointOf(zone: string, environment: string = DEFAULT_ENVIRONMENT): string {
  return `https://${environment}-${zone}.exoscale.com/v2`;
}

/** Any zone's endpoint lists all zones. */
export function anyEndpoint(environment: string = DEFAULT_ENVIRONMENT): string {
  return endpointOf("ch-gva-2", environment);
}

/** A zone as listed; either text may be empty, or anything. */
interface Zone {
  readonly name: string;
  readonly endpoint: string;
}

/** How to ask for the list of zones. */
export interface Directory {
  /** Endpoint that lists the zones. */
  readonly anyEndpoint: string;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The endpoint that the list of zones gives for this one. Throws `CloudError`. */
export async function lookUpEndpoint(zone: string, directory: Directory): Promise<string> {
  const zones = await listZones(directory);
  const found = zones.find(({ name }) => name === zone);
  if (found) return endpointIn(found, directory.anyEndpoint);
  const names = zones.map(({ name }) => name).join(", ");
  const message = `${directory.anyEndpoint} has no zone "${zone}", only ${names || "none"}`;
  throw new CloudError("no-such-zone", message);
}

/** Asks all zones for the instance, in parallel: a zone that hangs delays no other. Throws `CloudError`. */
export async function findEndpoint(
  instanceId: string,
  { apiKey, secret, ...directory }: Directory & { apiKey: string; secret: string },
): Promise<string> {
  const { fetch, clock } = directory;
  const zones = await listZones(directory);
  const found = new AbortController(), end = () => found.abort();
  directory.signal.addEventListener("abort", end);
  if (directory.signal.aborted) end();
  const limiter = new RateLimiter(clock);
  const ask = async (zone: Zone) => {
    const endpoint = endpointIn(zone, directory.anyEndpoint);
    const client = new ClientV2({
      endpoint,
      apiKey,
      secret,
      fetch,
      clock,
      onProgress() {},
      limiter,
    });
    await client.get(`/instance/${instanceId}`, found.signal);
    return endpoint;
  };
  try {
    return await Promise.any(zones.map(ask));
  } catch (error) {
    throw noZone(instanceId, error instanceof AggregateError ? error.errors : [error]);
  } finally {
    end();
    directory.signal.removeEventListener("abort", end);
  }
}

/** A zone that fails, or that the key may not see, does not speak for the others. */
function noZone(instanceId: string, errors: readonly unknown[]): unknown {
  const unknown = (error: unknown) => error instanceof CloudError && error.kind === "not-found";
  const message = `no zone knows instance ${instanceId}: check -i, or give --zone`;
  return errors.find((error) => !unknown(error)) ?? new CloudError("no-such-instance", message);
}

async function listZones(
  { anyEndpoint, fetch, clock, signal }: Directory,
): Promise<Zone[]> {
  // Unsigned on purpose: a signed request would depend on the rights of the key's role, which may be narrow.
  const url = new URL(`${anyEndpoint}/zone`);
  const title = "GET /zone";
  const turn = { writes: false, signal };
  const { answer } = await new Attempts(clock, new RateLimiter(clock)).send(
    turn,
    ({ signal, ...how }) => exchange(fetch, { method: "GET", url, title, ...how }, signal),
  );
  if (answer.status >= 300) throw refusal(answer, title, clock.wallMs());
  const zones = requiredListOf(answer.json, "zones", { title, key: "name" }).slice(0, ZONES_MAX)
    .map((zone) => ({ name: textOf(zone, "name"), endpoint: textOf(zone, "api-endpoint") }));
  if (zones.length > 0) return zones;
  // An endpoint that answers has at least its own zone: an empty list says nothing about the wanted one.
  const message = `${title}: ${url} lists no zone at all, wanted at least one`;
  throw new CloudError("unexpected-answer", message);
}

/** The endpoint of a listed zone. An answer must not send signed requests anywhere else. Throws `unexpected-answer`. */
function endpointIn({ name, endpoint: told }: Zone, directory: string): string {
  const asked = new URL(directory);
  const endpoint = URL.parse(told || (isZoneName(name) ? endpointOf(name) : ""));
  const problem = endpoint === null
    ? "is no address"
    : endpointProblem(endpoint, { insecure: false }) ??
      (sameDomain(endpoint, asked) ? null : `is not of the domain of ${asked.hostname}`);
  if (endpoint !== null && problem === null) {
    return endpoint.origin + withoutEndSlashes(endpoint.pathname);
  }
  const message = `GET /zone: the endpoint of ${name || "a zone"} ${problem}, so it is not asked`;
  throw new CloudError("unexpected-answer", message);
}
