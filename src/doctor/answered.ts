// Whether the cloud answers at all; asked once for all checks.
import { CloudError } from "../exoscale/cloud_error.ts";
import { exchange } from "../exoscale/http.ts";
import type { Context } from "./context.ts";

const answers = new WeakMap<Context, Promise<void>>();

/** Resolves when the cloud has answered anything in JSON; other checks look at the content. */
export function answered(context: Context, signal: AbortSignal): Promise<void> {
  const asked = answers.get(context) ?? askAnything(context, signal);
  answers.set(context, asked);
  return asked;
}

async function askAnything(context: Context, signal: AbortSignal): Promise<void> {
  const endpoint = await context.endpoint(signal);
  // Neither needs a signature: the zones are public, and CloudStack reports that one is missing.
  const v1 = context.config.api === "v1";
  const url = new URL(v1 ? `${endpoint}?command=listZones&response=json` : `${endpoint}/zone`);
  const title = v1 ? "listZones" : "GET /zone";
  const { answer: { status } } = await context.attempts.send(
    { writes: false, before: undefined, signal },
    ({ signal, ...how }) => exchange(context.fetch, { method: "GET", url, title, ...how }, signal),
  );
  if (status < 500) return;
  throw new CloudError("server-error", `${title}: HTTP ${status}`, { status });
}
