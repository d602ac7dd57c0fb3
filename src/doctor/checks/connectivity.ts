// The path to the cloud: the name, the connection, the certificate, an answer, each as a separate result.
import { nameOf } from "../../config/config.ts";
import { canonicalIp } from "../../core/ip.ts";
import { messageOf } from "../../core/message_of.ts";
import { asCloudError, type CloudError } from "../../exoscale/cloud_error.ts";
import { answered } from "../answered.ts";
import type { Context } from "../context.ts";
import { fail, needs, ok, type Result, skip } from "../result.ts";
import type { Route } from "../../transport/request.ts";

/** The check. */
export async function checkConnectivity(context: Context, signal: AbortSignal): Promise<Result[]> {
  let endpoint: string;
  try {
    endpoint = await context.endpoint(signal);
  } catch (cause) {
    return [fail("the endpoint of the zone is not found: check --zone or -xe", messageOf(cause))];
  }
  const url = new URL(endpoint);
  const startMs = context.host.clock.nowMs();
  const [name, error] = await Promise.all([
    resolves(url.hostname, context),
    answered(context, signal).then(() => null, asCloudError),
  ]);
  const tookMs = Math.round(context.host.clock.nowMs() - startMs);
  // A proxy resolves names itself.
  const route = context.fetch.routeTo?.(url) ?? null;
  const by = route?.proxy ?? "something else, perhaps a proxy,";
  const elsewhere = skip(`${url.hostname} has no address here: ${by} looks it up`);
  if (name.mark !== "FAIL") return [name, ...answerOf(url, { error, tookMs, route })];
  // Without a proxy (a refusal names it), everything waits for the name lookup.
  const proxied = route?.proxy || (error !== null && proxyCure(error.message) !== null);
  if (error !== null && (error.kind === "name-resolution" || !proxied)) {
    return [name, needs(`an address of ${url.hostname}`)];
  }
  return [elsewhere, ...answerOf(url, { error, tookMs, route })];
}

/** The results for certificate and answer. */
function answerOf(
  url: URL,
  { error, tookMs, route }: { error: CloudError | null; tookMs: number; route: Route | null },
): Result[] {
  const seen = certificate(url, error);
  if (error?.kind === "untrusted") return [seen];
  const answer = reached(url, { error, tookMs, route });
  // The connection did not get as far as a certificate.
  return error?.status === 0 && url.protocol === "https:" ? [answer] : [seen, answer];
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
  if (error === null || error.kind !== "untrusted") {
    return ok(`the certificate of ${hostname} is accepted`);
  }
  const cures = `check the clock, or name its authority with ${nameOf("ca-file")}`;
  return fail(`the certificate of ${hostname} is not accepted: ${cures}`, error.message);
}

function reached(
  { host }: URL,
  { error, tookMs, route }: { error: CloudError | null; tookMs: number; route: Route | null },
): Result {
  if (error === null) return ok(`${host} answers after ${tookMs} ms${routeText(route)}`);
  const what = error.status === 0
    ? `is not reached: ${proxyCure(error.message) ?? "check -xe or --zone, routes and firewalls"}`
    : `answers, but not as the API does: check -xe${route?.proxy ? `, and ${route.proxy}` : ""}`;
  return fail(`${host} ${what}`, error.message);
}

/** The remedy for the proxy that the message names, null without one. */
function proxyCure(message: string): string | null {
  const variable = /\bhttps_proxy\b/i.exec(message)?.[0];
  if (variable === undefined) return null;
  return /\bHTTP 407\b/.test(message)
    ? `give the proxy's user and password in ${variable}, http://USER:PASSWORD@HOST:PORT`
    : `correct ${variable}, let the proxy connect to that place, or except it with NO_PROXY`;
}

/** The protocol in use, and the address or the proxy. */
function routeText(route: Route | null): string {
  if (route === null) return "";
  const { address, protocol, proxy } = route;
  const at = address === null ? "" : ` at ${address}`;
  return `: ${protocol}${proxy === null ? at : ` through ${proxy}`}`;
}
