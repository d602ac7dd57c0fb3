// The address of API v2: from the zone, which is given, told by the metadata service, or found by asking
// every zone for the instance.
import { ClientV2 } from "./client_v2.ts";
import { CloudError } from "./cloud_error.ts";
import { exchange, type Fetch } from "./http.ts";
import { Pace } from "./pace.ts";
import { refusal } from "./refusal.ts";
import { requiredListOf, textOf } from "./json.ts";
import type { Clock } from "../world.ts";

/** Any zone's endpoint lists all zones. */
export const ANY_ENDPOINT = "https://api-ch-gva-2.exoscale.com/v2";

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
  const endpoints = requiredListOf(answer.json, "zones", title)
    .map((zone) => textOf(zone, "api-endpoint") || endpointOf(textOf(zone, "name")))
    .filter((endpoint) => URL.canParse(endpoint));
  const pace = new Pace(clock);
  let trouble: unknown = null;
  for (const endpoint of endpoints) {
    const client = new ClientV2({ endpoint, apiKey, secret, fetch, clock, onProgress() {}, pace });
    try {
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
