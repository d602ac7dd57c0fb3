// --ca-file: a host whose requests to the cloud trust the file's authorities, too.
import { type Config, nameOf } from "../config/config.ts";
import { messageOf } from "../core/message_of.ts";
import type { Host } from "../host/host.ts";

/** The same host, also trusting the configured authorities. Throws an error that names the option. */
export function withExtraAuthorities({ caCerts }: Pick<Config, "caCerts">, host: Host): Host {
  if (caCerts.length === 0) return host;
  try {
    return { ...host, fetch: host.fetchWithAuthorities(caCerts) };
  } catch (error) {
    const reason = messageOf(error);
    const count = caCerts.length === 1
      ? "the certificate"
      : `one of ${caCerts.length} certificates`;
    throw new Error(`${nameOf("ca-file")}: ${count} cannot be used: ${reason}`);
  }
}
