// --ca-file: certificate authorities to trust in addition to the runtime's.
import type { ConfigReader } from "./config_reader.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** The certificates in the text of the CA file. Whether each one is valid shows when it is used. */
export function readAuthorities(reader: ConfigReader, caFile: string | undefined): string[] {
  const path = reader.value("ca-file");
  if (path === null || caFile === undefined) return [];
  const caCerts = caFile.match(CERTIFICATE) ?? [];
  const found = /-----BEGIN ([A-Z ]{1,40})-----/.exec(caFile)?.[1] ?? "no PEM at all";
  const wanted = `${path} has no certificate in PEM form, found: ${found.toLowerCase()}`;
  reader.need(caCerts.length > 0, "ca-file", wanted);
  return caCerts;
}
