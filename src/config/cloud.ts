// Which cloud to speak to, and as whom.
import { isUuid } from "../core/uuid.ts";
import { DEFAULT_ENVIRONMENT } from "../exoscale/zone.ts";
import type { Credentials } from "../exoscale/signer.ts";
import { nameOf, type Reading } from "./reading.ts";
import type { FoundSecret } from "./security.ts";

export type { Credentials } from "../exoscale/signer.ts";

/** What was found outside of flags and variables. */
export interface Findings {
  /** Content of the secret file, if one was named and goes before the secret that was given. */
  readonly secretFile?: string;
  /** Account of the `exo` CLI's configuration file. */
  readonly account?: Account;
  /** What a file or a variable has as shared secret. */
  readonly sharedSecret?: FoundSecret;
}

/** An account of the `exo` CLI, with what it has. */
export interface Account extends Partial<Credentials> {
  readonly zone?: string;
  /** Endpoint of API v2 that lists the zones. */
  readonly endpoint?: string;
  readonly environment?: string;
  /** A program has printed the secret. */
  readonly commanded?: boolean;
}

/** The cloud as configured. */
export interface CloudConfig {
  readonly credentials: Credentials;
  readonly api: "v1" | "v2";
  /** Without a slash at its end; null means: from the zone. */
  readonly endpoint: string | null;
  readonly zone: string | null;
  /** What the hosts of API v2 begin with, usually `api`. */
  readonly environment: string;
  /** Endpoint that is asked for that of the zone; null means: it follows from the zone's name. */
  readonly directory: string | null;
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
  const { account } = findings;
  const { credentials, lent } = readCredentials(reading, findings);
  const { api, endpoint } = readEndpoint(reading);
  const environment = reading.value("api-environment") ?? (lent ? account?.environment : undefined);
  const usual = environment === undefined || /^[a-z0-9]+$/.test(environment);
  const odd = `${JSON.stringify(environment)} is no environment name`;
  reading.need(usual, "api-environment", odd);
  const zone = reading.value("zone");
  const plausible = zone === null || /^[a-z0-9-]+$/.test(zone);
  reading.need(plausible, "zone", `${JSON.stringify(zone)} is no zone name`);
  return {
    credentials,
    api,
    endpoint,
    zone,
    environment: environment ?? DEFAULT_ENVIRONMENT,
    directory: (lent ? account?.endpoint : undefined) ?? null,
    usualZone: account?.zone ?? null,
    instanceId: instanceId?.toLowerCase() ?? null,
  };
}

/** `lent` tells that they are those of the `exo` CLI's account. */
function readCredentials(
  reading: Reading,
  { secretFile, account }: Findings,
): { credentials: Credentials; lent: boolean } {
  const lent = lends(reading) && secretFile === undefined && account !== undefined;
  const apiKey = (lent ? account.apiKey : reading.value("xk")) ?? "";
  const text = lent ? account.secret : secretFile ?? reading.value("xs");
  const secret = (text ?? "").trim();
  reading.need(apiKey !== "", "xk", "the API key is missing");
  const elsewhere = `the API secret is missing (or in ${nameOf("api-secret-file")})`;
  reading.need(secret !== "", "xs", elsewhere);
  return { credentials: { apiKey, secret }, lent };
}

/** Whether the account serves: nothing else is given, or nothing but variables beside a flag that names it. */
export function lends({ given }: Pick<Reading, "given">): boolean {
  const named = given.get("account")?.source.startsWith("-") ?? false;
  return ["xk", "xs", "api-secret-file"].every((option) => {
    const source = given.get(option)?.source;
    return source === undefined || (named && !source.startsWith("-"));
  });
}

/** The endpoint's path tells the API, unless `--api` does. */
export function readEndpoint(reading: Reading): { api: "v1" | "v2"; endpoint: string | null } {
  const asked = reading.value("api");
  const known = asked === null || ["v1", "v2"].includes(asked);
  reading.need(known, "api", `"${asked}" is not v1 or v2`);
  const text = reading.value("xe");
  if (text === null) {
    return asked === "v1" ? { api: "v1", endpoint: V1_ENDPOINT } : { api: "v2", endpoint: null };
  }
  const url = URL.canParse(text) ? new URL(text) : null;
  const usable = url !== null && /^https?:$/.test(url.protocol) && url.search + url.hash === "";
  const form = `${JSON.stringify(text)} is not an http(s) address without query`;
  reading.need(usable, "xe", form);
  const path = (url?.pathname ?? "").replace(/\/+$/, "");
  const told = /\/v2$/.test(path) ? "v2" : /\/(compute|v1|client\/api)$/.test(path) ? "v1" : null;
  const ends =
    "ends neither in /v2 (API v2) nor in /compute or /v1 (CloudStack), and --api is not given";
  reading.need(!usable || told !== null || asked !== null, "xe", `${text} ${ends}`);
  const clash = told !== null && asked !== null && told !== asked;
  reading.need(!clash, "api", `${asked} contradicts the endpoint ${text} (-xe)`);
  return { api: (asked ?? told) === "v1" ? "v1" : "v2", endpoint: url && url.origin + path };
}
