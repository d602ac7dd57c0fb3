// HTTP to the cloud. Certificates are always verified, against the runtime's authorities and the given ones.
import { openTransport, type Transport, type TransportOptions } from "../transport/transport.ts";

/** Options that all clients of a process share. */
export type FetchOptions = Omit<TransportOptions, "caCerts">;

/** A transport that also trusts these authorities. Throws when one of them is not a certificate in PEM form. */
export function fetchWithAuthorities(caCerts: readonly string[], options: FetchOptions): Transport {
  // Only this call makes the runtime check them strictly: a connection would ignore those that it cannot read.
  if (caCerts.length > 0) Deno.createHttpClient({ caCerts: [...caCerts] }).close();
  return openTransport({ ...options, caCerts });
}
