// Which cloud, and which credentials.
import type { Credentials } from "../exoscale/signature.ts";
import { isUuid } from "../core/uuid.ts";
import { type Option, parsed, plain, shared } from "./option.ts";

/** The cloud as configured. */
export interface CloudConfig {
  readonly credentials: Credentials;
  readonly api: "v1" | "v2";
  /** Without a trailing slash; null means: from the zone. */
  readonly endpoint: string | null;
  readonly zone: string | null;
  /** First part of the API v2 host names, usually `api`. */
  readonly environment: string;
  /** Endpoint that is asked for the zone's endpoint; null means: it follows from the zone's name. */
  readonly directory: string | null;
  /** Zone of the `exo` CLI's account, for a machine whose metadata does not tell. */
  readonly usualZone: string | null;
  /** Certificates in PEM form, empty without a CA file. */
  readonly caCerts: readonly string[];
}

/** Options of the original, in its order. */
export const KEY = [
  shared<CloudConfig>({
    name: "xk",
    group: "cloud",
    variables: [
      "IF_EXOSCALE_API_KEY",
      "EXOSCALE_API_KEY",
      "EXOSCALE_KEY",
      "CLOUDSTACK_KEY",
      "CLOUDSTACK_API_KEY",
    ],
    value: "KEY",
    alias: "api-key",
    origin: "original",
    help: "API key",
    keys: ["credentials"],
    of: ({ credentials }) => credentials.apiKey,
    reload: "credentials",
  }),
  shared<CloudConfig>({
    name: "xs",
    group: "cloud",
    variables: [
      "IF_EXOSCALE_API_SECRET",
      "EXOSCALE_API_SECRET",
      "EXOSCALE_SECRET",
      "EXOSCALE_SECRET_KEY",
      "CLOUDSTACK_SECRET",
      "CLOUDSTACK_SECRET_KEY",
    ],
    value: "SECRET",
    alias: "api-secret",
    origin: "original",
    help: "API secret; better in a variable or a file, because arguments show in ps",
    keys: ["credentials"],
    of: ({ credentials }) => credentials.secret,
    reload: "credentials",
  }),
  shared<CloudConfig>({
    name: "xe",
    group: "cloud",
    variables: ["IF_EXOSCALE_API_ENDPOINT", "EXOSCALE_API_ENDPOINT"],
    value: "URL",
    fallback: "from the zone",
    alias: "endpoint",
    origin: "original",
    help:
      "API endpoint: a path that ends in /v2 means API v2; /compute, /v1 or /client/api means CloudStack",
    keys: ["endpoint"],
  }),
  parsed({
    name: "i",
    group: "cloud",
    key: "instanceId",
    variables: ["IF_EXOSCALE_INSTANCE_ID"],
    value: "UUID",
    fallback: "from the metadata service",
    alias: "instance",
    origin: "original",
    help: "id of this instance",
    /** Lower case; null means: ask the machine. */
    read(reader): string | null {
      const text = reader.value("i");
      const problem = `${JSON.stringify(text)} is not a UUID`;
      reader.need(text === null || isUuid(text), "i", problem);
      return text?.toLowerCase() ?? null;
    },
  }),
] as const satisfies readonly Option[];

/** Options beyond the original. */
export const CLOUD = [
  shared<CloudConfig>({
    name: "api",
    group: "cloud",
    variables: ["IF_EXOSCALE_API"],
    value: "v1|v2",
    fallback: "from the endpoint, else v2",
    help: "version of the API: v2, or v1 for CloudStack",
    keys: ["api"],
  }),
  shared<CloudConfig>({
    name: "zone",
    group: "cloud",
    variables: ["IF_EXOSCALE_ZONE", "EXOSCALE_ZONE"],
    value: "ZONE",
    fallback: "from the metadata service",
    help: "zone of this instance, such as ch-gva-2 (API v2)",
    keys: ["zone", "usualZone"],
  }),
  shared<CloudConfig>({
    name: "api-environment",
    group: "cloud",
    variables: ["IF_EXOSCALE_API_ENVIRONMENT", "EXOSCALE_API_ENVIRONMENT"],
    value: "NAME",
    fallback: "api",
    help: "first part of the API's host names (API v2)",
    keys: ["environment"],
  }),
  shared<CloudConfig>({
    name: "account",
    group: "cloud",
    variables: ["IF_EXOSCALE_ACCOUNT", "EXOSCALE_ACCOUNT"],
    value: "NAME",
    fallback: "the default one",
    help: "account in the exo CLI's configuration that provides key, secret and zone",
    keys: ["directory"],
  }),
  plain({
    name: "api-secret-file",
    group: "cloud",
    kind: "text",
    variables: ["IF_EXOSCALE_API_SECRET_FILE"],
    value: "FILE",
    help: "file with the API secret; read when the secret itself is not given",
  }),
  shared<CloudConfig>({
    name: "ca-file",
    group: "security",
    variables: ["IF_CA_FILE"],
    value: "FILE",
    help:
      "PEM file of more certificate authorities to trust for the endpoint, and for the store of --lease",
    keys: ["caCerts"],
  }),
  plain({
    name: "insecure-endpoint",
    group: "security",
    variables: ["IF_INSECURE_ENDPOINT"],
    help:
      "allow an http:// endpoint (-xe, --lease) on another machine; certificates are always verified",
  }),
] as const satisfies readonly Option[];
