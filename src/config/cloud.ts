// Which cloud to use, and with which credentials.
import { PRIVATE_ENDPOINT } from "../options/parse.ts";
import { endpointProblem, withoutEndSlashes } from "../exoscale/endpoint.ts";
import { DEFAULT_ENVIRONMENT, isZoneName } from "../exoscale/zone.ts";
import type { Credentials } from "../exoscale/signature.ts";
import { withoutPassword } from "../log/password.ts";
import { type KeyFile, parseKeyFile } from "./key_file.ts";
import type { CloudConfig } from "../options/cloud.ts";
import { type ConfigReader, nameOf } from "./config_reader.ts";
import type { FoundSecret } from "./security.ts";
import type { LeaseFiles } from "./lease.ts";
import { readAuthorities } from "./extra_authorities.ts";

export type { Credentials } from "../exoscale/signature.ts";

/** Values found outside of flags and variables. */
export interface ExternalInputs extends LeaseFiles {
  /** Content of the secret file, if one was named and overrides the given secret. */
  readonly secretFile?: string;
  /** Content of the CA file, if one was named. */
  readonly caFile?: string;
  /** Account of the `exo` CLI's configuration file. */
  readonly account?: Account;
  /** The shared secret found in a file or a variable. */
  readonly sharedSecret?: FoundSecret;
}

/** An account of the `exo` CLI, as far as it is filled in. */
export interface Account extends Partial<Credentials> {
  readonly zone?: string;
  /** Endpoint of API v2 that lists the zones. */
  readonly endpoint?: string;
  readonly environment?: string;
  /** A program has printed the secret. */
  readonly commanded?: boolean;
  /** A program would print the secret, but was not run. */
  readonly unasked?: boolean;
}

/** The default endpoint of the original, used with `--api v1` alone. */
const V1_ENDPOINT = "https://api.exoscale.ch/compute";
/** Exoscale's own hosts for it: they refuse every request since the API was switched off. */
const V1_HOSTS = /^(api|ppapi)\.exoscale\.(ch|com)\.?$/;
/** Hosts of API v2: on them, a path of API v1 leads to nothing. */
const V2_HOSTS = /^[a-z]+-[a-z]{2}-[a-z]{2,4}-\d+\.exoscale\.com\.?$/;
const V1_CURE =
  "is Exoscale's API v1, which is switched off: leave the endpoint out, so that API " +
  "v2 is found by the zone, or give https://api-ZONE.exoscale.com/v2";
const ZONE_FORM = "wanted lower-case letters, digits and hyphens, such as ch-gva-2";
/** As for the `exo` CLI, this variable names the endpoint that lists the endpoints of all zones. */
export const DIRECTORY_VARIABLE = "EXOSCALE_API_ENDPOINT";

/** The cloud part of the configuration. */
export function readCloud(reader: ConfigReader, inputs: ExternalInputs): CloudConfig {
  const { account } = inputs;
  const { credentials, lent, keyed } = readCredentials(reader, inputs);
  const { api, endpoint, listedAt } = readEndpoint(reader, keyed);
  const environment = reader.value("api-environment") ?? (lent ? account?.environment : undefined);
  const usual = environment === undefined || /^[a-z0-9]+$/.test(environment);
  const odd = `${
    JSON.stringify(environment)
  } is not an environment name, wanted lower-case letters and digits`;
  reader.need(usual, "api-environment", odd);
  const zone = reader.value("zone");
  const plausible = zone === null || isZoneName(zone);
  reader.need(plausible, "zone", `${JSON.stringify(zone)} is not a zone's name, ${ZONE_FORM}`);
  const usualZone = account?.zone ?? null;
  const lentDirectory = (lent ? account?.endpoint : undefined) ?? null;
  const trouble = lentDirectory === null ? null : problemOf(lentDirectory, reader);
  reader.need(trouble === null, "account", `the endpoint of the account ${trouble}`);
  const directory = endpoint === null ? listedAt ?? lentDirectory : null;
  return {
    caCerts: readAuthorities(reader, inputs.caFile),
    credentials,
    api,
    endpoint,
    zone,
    environment: environment ?? DEFAULT_ENVIRONMENT,
    directory,
    usualZone: usualZone !== null && isZoneName(usualZone) ? usualZone : null,
  };
}

/** `lent`: the credentials are those of the `exo` CLI's account. */
function readCredentials(
  reader: ConfigReader,
  { secretFile, account }: ExternalInputs,
): {
  credentials: Credentials;
  lent: boolean;
  /** The key comes from variables or flags, not from a file of its own. */
  keyed: boolean;
} {
  const lent = lends(reader) && secretFile === undefined && account !== undefined;
  const file = readKeyFile(reader, secretFile);
  // A key in the secret's file belongs to that secret.
  const apiKey = (lent ? account.apiKey : file?.apiKey ?? reader.value("xk")) ?? "";
  const text = lent ? account.secret : file?.secret ?? reader.value("xs");
  const secret = (text ?? "").trim();
  reader.need(apiKey !== "", "xk", "the API key is missing");
  reader.needUnquoted(apiKey, "xk");
  reader.needUnquoted(secret, secretFile === undefined ? "xs" : "api-secret-file");
  // The key goes into a header, where a comma would end it.
  const odd = "the API key has characters other than visible ASCII, or a comma";
  reader.need(/^[!-+\--~]*$/.test(apiKey), "xk", odd);
  const missing = "the API secret is missing: give it here, or name its file with " +
    "--api-secret-file or IF_EXOSCALE_API_SECRET_FILE";
  // An unreadable file has been reported already.
  const told = text === null && reader.has("api-secret-file");
  reader.need(secret !== "" || told || (lent && account.unasked === true), "xs", missing);
  const [option, what] = secretFile === undefined ? ["xs", "secret"] : ["api-secret-file", "file"];
  reader.need(isOneLine(secret), option, `the ${what} is not one line of text`);
  const ends = file?.expiresAtMs !== undefined && { expiresAtMs: file.expiresAtMs };
  const keyed = !lent && file?.apiKey === undefined;
  return { credentials: { apiKey, secret, ...ends }, lent, keyed };
}

/** The content of --api-secret-file, null without one. */
function readKeyFile(reader: ConfigReader, text: string | undefined): KeyFile | null {
  if (text === undefined) return null;
  try {
    return parseKeyFile(text);
  } catch (error) {
    reader.need(false, "api-secret-file", `it ${(error as Error).message}`);
    return { apiKey: "unknown", secret: "unknown" };
  }
}

/** Whether to use the account: no credentials are given, or only variables while a flag names the account. */
export function lends({ given }: Pick<ConfigReader, "given">): boolean {
  const named = given.get("account")?.source.startsWith("-") ?? false;
  return ["xk", "xs", "api-secret-file"].every((option) => {
    const source = given.get(option)?.source;
    return source === undefined || (named && !source.startsWith("-"));
  });
}

/** What `-xe` and its variables say. */
interface EndpointConfig {
  readonly api: "v1" | "v2";
  /** The endpoint to ask, null when it has to be found. */
  readonly endpoint: string | null;
  /** Where the zones' endpoints are listed, null for the default place. */
  readonly listedAt: string | null;
}

/** The endpoint's path decides which API, unless `--api` does. */
export function readEndpoint(reader: ConfigReader, keyed = true): EndpointConfig {
  const asked = reader.value("api");
  const known = asked === null || ["v1", "v2"].includes(asked);
  reader.need(known, "api", `${JSON.stringify(asked)} is not v1 or v2`);
  const { text, source } = givenEndpoint(reader, keyed);
  if (text === null) {
    reader.need(asked !== "v1", "api", `without -xe, ${V1_ENDPOINT} ${V1_CURE}`);
    const api = asked === "v1" ? "v1" : "v2";
    return { api, endpoint: api === "v1" ? V1_ENDPOINT : null, listedAt: null };
  }
  const url = URL.parse(text);
  const complain = (ok: boolean, problem: string) => {
    if (source === null) reader.need(ok, "xe", problem);
    else if (!ok) reader.problems.push(`${source}: ${problem}`);
  };
  const problem = problemOf(text, reader);
  const shown = withoutPassword(text);
  const path = withoutEndSlashes(url?.pathname ?? "");
  const told = /\/v2$/.test(path) ? "v2" : /\/(compute|v1|client\/api)$/.test(path) ? "v1" : null;
  const api = (asked ?? told) === "v1" ? "v1" : "v2";
  const endpoint = url && url.origin + path;
  const retired = V1_HOSTS.test(url?.hostname ?? "") ||
    (told === "v1" && V2_HOSTS.test(url?.hostname ?? ""));
  if (retired) {
    complain(false, `${text} ${V1_CURE}`);
    return { api, endpoint, listedAt: null };
  }
  complain(problem === null, `${JSON.stringify(shown)} ${problem}`);
  const ends =
    "ends neither in /v2 (API v2) nor in /compute or /v1 (CloudStack), and --api is not given";
  complain(problem !== null || told !== null || asked !== null, `${shown} ${ends}`);
  const clash = told !== null && asked !== null && told !== asked;
  reader.need(!clash, "api", `${asked} contradicts the endpoint ${shown} (${source ?? "-xe"})`);
  return source === DIRECTORY_VARIABLE && api === "v2"
    ? { api, endpoint: null, listedAt: endpoint }
    : { api, endpoint, listedAt: null };
}

/** The given endpoint, and its variable if that is not one of ours. */
function givenEndpoint(
  { given }: ConfigReader,
  keyed: boolean,
): { text: string | null; source: string | null } {
  const { text = null, source = "" } = given.get("xe") ?? {};
  // A private cloud's endpoint goes with the key beside it; no other key may be sent there.
  if (source === PRIVATE_ENDPOINT && !keyed) return { text: null, source: null };
  const foreign = [DIRECTORY_VARIABLE, PRIVATE_ENDPOINT].includes(source);
  return { text, source: foreign ? source : null };
}

/** A key file given in place of a secret shows by its line breaks, a binary one by its bytes. */
function isOneLine(secret: string): boolean {
  return secret.length <= 4_096 && !/[\p{Cc}\ufffd]/u.test(secret);
}

/** Why an endpoint must not be used, and what would allow it; null when it may. */
function problemOf(text: string, reader: ConfigReader): string | null {
  const url = URL.parse(text);
  const insecure = reader.on("insecure-endpoint");
  const problem = url === null ? "is not an http(s) address" : endpointProblem(url, { insecure });
  if (!problem?.includes("plain HTTP")) return problem;
  const allow = nameOf("insecure-endpoint");
  return `${problem}: anyone who sees a request can repeat it; allow that with ${allow}`;
}
