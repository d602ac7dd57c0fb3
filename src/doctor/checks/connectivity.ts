// The way to the cloud: the name, the connection, the certificate, an answer. Each is told apart.
import { nameOf } from "../../config/config.ts";
import { canonicalIp } from "../../core/ip.ts";
import { messageOf } from "../../core/message_of.ts";
import { asCloudError, CloudError } from "../../exoscale/cloud_error.ts";
import { exchange } from "../../exoscale/http.ts";
import type { Context } from "../context.ts";
import { fail, ok, type Result, skip } from "../result.ts";
import type { Route } from "../../transport/request.ts";

const answers = new WeakMap<Context, Promise<void>>();

/** Resolves when the cloud has answered anything at all in JSON; what it says is the matter of other checks. */
export function answered(context: Context, signal: AbortSignal): Promise<void> {
  const asked = answers.get(context) ?? askAnything(context, signal);
  answers.set(context, asked);
  return asked;
}

async function askAnything(context: Context, signal: AbortSignal): Promise<void> {
  const endpoint = await context.endpoint(signal);
  // Both need no signature: the zones are public, and CloudStack says that one is missing.
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

/** The check. */
export async function checkWay(context: Context, signal: AbortSignal): Promise<Result[]> {
  let endpoint: string;
  try {
    endpoint = await context.endpoint(signal);
  } catch (cause) {
    return [fail(messageOf(cause))];
  }
  const url = new URL(endpoint);
  const startMs = context.host.clock.nowMs();
  const [name, error] = await Promise.all([
    resolves(url.hostname, context),
    answered(context, signal).then(() => null, asCloudError),
  ]);
  const tookMs = Math.round(context.host.clock.nowMs() - startMs);
  // A proxy looks names up itself.
  const route = context.fetch.routeTo?.(url) ?? null;
  const by = route?.proxy ?? "something else, perhaps a proxy,";
  const named = error === null && name.mark === "FAIL"
    ? skip(`${url.hostname} has no address here: ${by} looks it up`)
    : name;
  // One cause, one failure.
  const nameless = named.mark === "FAIL" && error?.kind === "name-resolution";
  const answers = nameless
    ? skip(`whether ${url.host} answers: it has no address`)
    : reached(url, { error, tookMs, route });
  return [named, certificate(url, error), answers];
}

async function resolves(hostname: string, { host }: Context): Promise<Result> {
  const bare = hostname.replace(/^\[(.*)\]$/, "$1");
  if (canonicalIp(bare) !== null) return ok(`${bare} is an address, no name to look up`);
  try {
    const addresses = await host.lookup(bare);
    if (addresses.length === 0) throw new Error("there is no such name");
    const servers = host.nameServers();
    const where = servers === "" ? "" : `; name servers: ${servers}`;
    return ok(`${bare} has the address ${addresses.join(", ")}${where}`);
  } catch (cause) {
    const reason = messageOf(cause);
    const without = /^\/etc\/resolv\.conf /.test(reason);
    const cure = without
      ? "give that file lines such as nameserver ADDRESS"
      : "check the endpoint or zone, and the name servers in /etc/resolv.conf";
    return fail(`${bare} has no address (${reason}): ${cure}`);
  }
}

function certificate({ protocol, hostname }: URL, error: CloudError | null): Result {
  if (protocol !== "https:") return skip("no certificate: the endpoint is http, not https");
  if (error === null || error.status !== 0) return ok(`the certificate of ${hostname} is accepted`);
  if (error.kind !== "untrusted") return skip("no certificate was seen");
  const cures = `check the clock; an authority of one's own is named with ${nameOf("ca-file")}`;
  return fail(`the certificate of ${hostname} is not accepted: ${cures} (${error.message})`);
}

function reached(
  { host }: URL,
  { error, tookMs, route }: { error: CloudError | null; tookMs: number; route: Route | null },
): Result {
  if (error === null) return ok(`${host} answers after ${tookMs} ms${wayOf(route)}`);
  if (error.kind === "untrusted") return skip(`whether ${host} answers`);
  const what = error.status === 0
    ? `is not reached: ${proxyCure(error.message) ?? "check -xe or --zone, routes and firewalls"}`
    : `answers, but not as the API does: check -xe${route?.proxy ? `, and ${route.proxy}` : ""}`;
  return fail(`${host} ${what} (${error.message})`);
}

/** What to do about the proxy that the message names, null without one. */
function proxyCure(message: string): string | null {
  const variable = /\bhttps_proxy\b/i.exec(message)?.[0];
  if (variable === undefined) return null;
  return /\bHTTP 407\b/.test(message)
    ? `give the proxy's user and password in ${variable}, http://USER:PASSWORD@HOST:PORT`
    : `correct ${variable}, let the proxy connect to that place, or except it with NO_PROXY`;
}

/** The protocol that was agreed upon, and the address or the proxy that was used. */
function wayOf(route: Route | null): string {
  if (route === null) return "";
  const { address, protocol, proxy } = route;
  const at = address === null ? "" : ` at ${address}`;
  return `: ${protocol}${proxy === null ? at : ` through ${proxy}`}`;
}
