// Which cloud to speak to, and as whom.
import { isUuid } from "../core/uuid.ts";
import { endpointProblem } from "../exoscale/endpoint.ts";
import { isZoneName } from "../exoscale/zone.ts";
import { nameOf, type Reading } from "./reading.ts";
import { readTrust, type TrustConfig } from "./trust.ts";

/** Credentials for the cloud. */
export interface Credentials {
  readonly apiKey: string;
  readonly secret: string;
}

/** What was found outside of flags and variables. */
export interface Findings {
  /** Content of the secret file, if one was named and goes before the secret that was given. */
  readonly secretFile?: string;
  /** Content of the CA file, if one was named. */
  readonly caFile?: string;
  /** Account of the `exo` CLI's configuration file. */
  readonly account?: Partial<Credentials> & { readonly zone?: string };
}

/** The cloud as configured. */
export interface CloudConfig extends TrustConfig {
  readonly credentials: Credentials;
  readonly api: "v1" | "v2";
  /** Without a slash at its end; null means: from the zone. */
  readonly endpoint: string | null;
  readonly zone: string | null;
  /** Zone of the `exo` CLI's account, for a machine whose metadata does not tell. */
  readonly usualZone: string | null;
  /** Lower case; null means: ask the machine. */
  readonly instanceId: string | null;
}

/** The default endpoint of the original, used with `--api v1` alone. */
const V1_ENDPOINT = "https://api.exoscale.ch/compute";

/** The cloud's part of the configuration. */
export function readCloud(reading: Reading, findings: Findings): CloudConfig {
  const instanceId = reading.value("i");
  const problem = `${JSON.stringify(instanceId)} is not a UUID`;
  reading.need(instanceId === null || isUuid(instanceId), "i", problem);
  const credentials = readCredentials(reading, findings);
  const { api, endpoint } = readEndpoint(reading);
  const zone = reading.value("zone");
  const plausible = zone === null || isZoneName(zone);
  reading.need(plausible, "zone", `${JSON.stringify(zone)} is no zone name`);
  const usualZone = findings.account?.zone ?? null;
  return {
    ...readTrust(reading, findings.caFile),
    credentials,
    api,
    endpoint,
    zone,
    usualZone: usualZone !== null && isZoneName(usualZone) ? usualZone : null,
    instanceId: instanceId?.toLowerCase() ?? null,
  };
}

function readCredentials(reading: Reading, { secretFile, account }: Findings): Credentials {
  const lone = !reading.has("xk") && !reading.has("xs") && secretFile === undefined;
  const apiKey = reading.value("xk") ?? (lone ? account?.apiKey : undefined) ?? "";
  const text = secretFile ?? reading.value("xs") ?? (lone ? account?.secret : undefined);
  const secret = (text ?? "").trim();
  reading.need(apiKey !== "", "xk", "the API key is missing");
  // It becomes a header, in which a comma ends it.
  const odd = "the API key has characters other than visible ASCII, or a comma";
  reading.need(/^[!-+\--~]*$/.test(apiKey), "xk", odd);
  const elsewhere = `the API secret is missing (or in ${nameOf("api-secret-file")})`;
  reading.need(secret !== "", "xs", elsewhere);
  const [option, what] = secretFile === undefined ? ["xs", "secret"] : ["api-secret-file", "file"];
  reading.need(isOneLine(secret), option, `the ${what} is not one line of text`);
  return { apiKey, secret };
}

/** The endpoint's path tells the API, unless `--api` does. */
function readEndpoint(reading: Reading): { api: "v1" | "v2"; endpoint: string | null } {
  const asked = reading.value("api");
  const known = asked === null || ["v1", "v2"].includes(asked);
  reading.need(known, "api", `"${asked}" is not v1 or v2`);
  const text = reading.value("xe");
  if (text === null) {
    return asked === "v1" ? { api: "v1", endpoint: V1_ENDPOINT } : { api: "v2", endpoint: null };
  }
  const url = URL.canParse(text) ? new URL(text) : null;
  const insecure = reading.on("insecure-endpoint");
  const problem = url === null ? "is not an http(s) address" : endpointProblem(url, { insecure });
  const usable = problem === null;
  reading.need(usable, "xe", `${shownEndpoint(text, url)} ${problem}${adviceFor(problem)}`);
  const path = (url?.pathname ?? "").replace(/\/+$/, "");
  const told = /\/v2$/.test(path) ? "v2" : /\/(compute|v1|client\/api)$/.test(path) ? "v1" : null;
  const ends =
    "ends neither in /v2 (API v2) nor in /compute or /v1 (CloudStack), and --api is not given";
  reading.need(!usable || told !== null || asked !== null, "xe", `${text} ${ends}`);
  const clash = told !== null && asked !== null && told !== asked;
  reading.need(!clash, "api", `${asked} contradicts the endpoint ${text} (-xe)`);
  return { api: (asked ?? told) === "v1" ? "v1" : "v2", endpoint: url && url.origin + path };
}

/** A key file given in place of a secret shows by its lines, a binary one by its bytes. */
function isOneLine(secret: string): boolean {
  return secret.length <= 4_096 && !/[\p{Cc}\ufffd]/u.test(secret);
}

/** The endpoint for a message, without a password that may be in it. */
function shownEndpoint(text: string, url: URL | null): string {
  return JSON.stringify(url !== null && url.password + url.username !== "" ? url.origin : text);
}

function adviceFor(problem: string | null): string {
  if (problem === null || !problem.includes("plain HTTP")) return "";
  return `: who sees a request can repeat it; allow that with ${nameOf("insecure-endpoint")}`;
}
