// Which cloud, and how it knows us.
import type { Row } from "./table.ts";

/** Which cloud, and how it knows us. */
export const CLOUD: readonly Row[] = [
  [
    "api",
    "IF_EXOSCALE_API",
    "text",
    "v1|v2",
    "from the endpoint, else v2",
    "which API to speak: v2, or v1 for CloudStack",
  ],
  [
    "zone",
    "IF_EXOSCALE_ZONE EXOSCALE_ZONE",
    "text",
    "ZONE",
    "from the metadata service",
    "zone of this instance, for example ch-gva-2 (API v2)",
  ],
  [
    "api-environment",
    "IF_EXOSCALE_API_ENVIRONMENT EXOSCALE_API_ENVIRONMENT",
    "text",
    "NAME",
    "api",
    "what the hosts of the API begin with (API v2)",
  ],
  [
    "account",
    "IF_EXOSCALE_ACCOUNT EXOSCALE_ACCOUNT",
    "text",
    "NAME",
    "the default one",
    "account of the exo CLI's configuration file to take key, secret and zone from",
  ],
  [
    "api-secret-file",
    "IF_EXOSCALE_API_SECRET_FILE",
    "text",
    "FILE",
    "",
    "file with the API secret, used when no secret is given itself",
  ],
  [
    "ca-file",
    "IF_CA_FILE",
    "text",
    "FILE",
    "",
    "PEM file with certificate authorities that the endpoint's certificate may be from, too",
  ],
  [
    "insecure-endpoint",
    "IF_INSECURE_ENDPOINT",
    "switch",
    "",
    "",
    "allow an endpoint (-xe) with http:// on another machine; a certificate is always verified",
  ],
];
