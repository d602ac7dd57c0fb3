// HTTP of this machine. Certificates are always verified, by the authorities that come with the runtime and by those
// that are given.
import type { Fetch } from "../exoscale/http.ts";

/** The runtime's own. */
export function plainFetch(url: URL, init: RequestInit): Promise<Response> {
  return fetch(url, init);
}

/** One that trusts these authorities, too. Throws when one of them is no certificate in PEM form. */
export function fetchTrusting(caCerts: readonly string[]): Fetch {
  const client = Deno.createHttpClient({ caCerts: [...caCerts] });
  return (url, init) => fetch(url, { ...init, client });
}
