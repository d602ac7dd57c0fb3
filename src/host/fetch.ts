// HTTP to the cloud from this machine. Certificates are always verified, by the authorities that come with the runtime
// and by those that are given.
import { openTransport, type Transport, type TransportOptions } from "../transport/transport.ts";

/** What all clients of a process share. */
export type FetchOptions = Omit<TransportOptions, "caCerts">;

/** One that trusts these authorities, too. Throws when one of them is no certificate in PEM form. */
export function fetchTrusting(caCerts: readonly string[], options: FetchOptions): Transport {
  // The runtime looks at them closely only here: a connection would leave out what it cannot read.
  if (caCerts.length > 0) Deno.createHttpClient({ caCerts: [...caCerts] }).close();
  return openTransport({ ...options, caCerts });
}
