// The address of API v2: from the zone, which is given, told by the metadata service, or found by asking
// every zone for the instance.
import { ClientV2 } from "./client_v2.ts";
import { CloudError } from "./cloud_error.ts";
import { endpointProblem, sameDomain } from "./endpoint.ts";
import { exchange, type Fetch } from "./http.ts";
import { Pace } from "./pace.ts";
import { refusal } from "./refusal.ts";
import { type Fields, requiredListOf, textOf } from "./json.ts";
import type { Clock } from "../world.ts";

/** Any zone's endpoint lists all zones. */
export const ANY_ENDPOINT = "https://api-ch-gva-2.exoscale.com/v2";

/** More zones than this are not asked: Exoscale has eight. */
const ZONES_MAX = 64;

/** Whether a text can be the name of a zone. */
export function isZoneName(text: string): boolean {
  return /^[a-z0-9-]{1,63}$/.test(text);
}

/** Endpoint of a zone. New zones appear over time, so the name is not checked against a list. */
export function endpointOf(zone: string): string {
  return `https://api-${zone}.exoscale.com/v2`;
}

/** Asks each zone for the instance. Throws `CloudError`. */
export async function findEndpoint(
  instanceId: string,
  { apiKey, secret, fetch, clock, signal, anyEndpoint = ANY_ENDPOINT }: {
    apiKey: string;
    secret: string;
    fetch: Fetch;
    clock: Clock;
    signal: AbortSignal;
    anyEndpoint?: string;
  },
): Promise<string> {
  // Public and unsigned on purpose: a signed request would be judged by the key's role, which may be narrow.
  const url = new URL(`${anyEndpoint}/zone`);
  const title = "GET /zone";
  const answer = await exchange(fetch, { method: "GET", url, title }, signal);
  if (answer.status >= 300) throw refusal(answer, title, clock.wallMs());
  const zones = requiredListOf(answer.json, "zones", title).slice(0, ZONES_MAX);
  const pace = new Pace(clock);
  let trouble: unknown = null;
  for (const zone of zones) {
    try {
      const endpoint = endpointIn(zone, url);
      const client = new ClientV2({
        endpoint,
        apiKey,
        secret,
        fetch,
        clock,
        onProgress() {},
        pace,
      });
      await client.get(`/instance/${instanceId}`, signal);
      return endpoint;
    } catch (error) {
      // A zone that fails, or that the key may not see, does not speak for the others.
      if (!(error instanceof CloudError && error.kind === "not-found")) trouble ??= error;
    }
  }
  if (trouble) throw trouble;
  const message = `no zone knows instance ${instanceId}: check -i, or give --zone`;
  throw new CloudError("no-such-instance", message);
}

/** The endpoint of a listed zone. An answer must not send signed requests anywhere else. Throws `unexpected-answer`. */
function endpointIn(zone: Fields, asked: URL): string {
  const name = textOf(zone, "name");
  const text = textOf(zone, "api-endpoint") || (isZoneName(name) ? endpointOf(name) : "");
  const endpoint = URL.parse(text);
  const problem = endpoint === null
    ? "is no address"
    : endpointProblem(endpoint, { insecure: false }) ??
      (sameDomain(endpoint, asked) ? null : `is not of the domain of ${asked.hostname}`);
  if (endpoint !== null && problem === null) {
    return endpoint.origin + endpoint.pathname.replace(/\/+$/, "");
  }
  const message = `GET /zone: the endpoint of ${name || "a zone"} ${problem}, so it is not asked`;
  throw new CloudError("unexpected-answer", message);
}
