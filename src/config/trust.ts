// Whom to trust that an endpoint is what it says: the authorities of a file, besides those that the runtime has.
import type { Reading } from "./reading.ts";

/** Trust as configured. */
export interface TrustConfig {
  /** Certificates in PEM form, none without a CA file. */
  readonly caCerts: readonly string[];
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** The certificates in the text of the CA file. Whether each is one is seen when it is used. */
export function readTrust(reading: Reading, caFile: string | undefined): TrustConfig {
  const path = reading.value("ca-file");
  if (path === null || caFile === undefined) return { caCerts: [] };
  const caCerts = caFile.match(CERTIFICATE) ?? [];
  const found = /-----BEGIN ([A-Z ]{1,40})-----/.exec(caFile)?.[1] ?? "no PEM at all";
  const wanted = `${path} has no certificate in PEM form, found: ${found.toLowerCase()}`;
  reading.need(caCerts.length > 0, "ca-file", wanted);
  return { caCerts };
}
