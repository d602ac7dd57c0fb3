// The authority that clients of the simulated cloud trust, and the server's certificates. Made once per process: a
// thousand tests share one authority, one pair of keys, and one certificate per host.
import { certificatePem, type Issuer, keyPem, newKeys } from "./x509.ts";

/** A server's key and certificate, in PEM form. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

const authority: Issuer = { name: "Simulated cloud authority", ...newKeys() };
const serverKeys = newKeys();
const identities = new Map<string, Identity>();

/** The authority's certificate in PEM form, for clients of the simulated cloud. */
export const CLOUD_AUTHORITY: string = certificatePem(
  { name: authority.name, publicKey: authority.publicKey, hosts: null },
  authority,
);

/** Key and certificate of a server with these names and addresses. */
export function identityFor(...hosts: readonly string[]): Identity {
  const known = identities.get(hosts.join());
  if (known) return known;
  const { publicKey } = serverKeys;
  const cert = certificatePem({ name: "simulated cloud", publicKey, hosts }, authority);
  const identity = { cert, key: keyPem(serverKeys) };
  identities.set(hosts.join(), identity);
  return identity;
}
