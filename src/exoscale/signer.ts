// Key and secret for each request. They can be replaced while requests are under way; those requests end with the
// credentials that signed them.
import { importSecret } from "./signature_v2.ts";

/** The credentials. */
export interface Credentials {
  readonly apiKey: string;
  readonly secret: string;
  /** Unix time at which the key expires; absent if it does not. */
  readonly expiresAtMs?: number;
}

/** What signs the next request. */
export interface Signing {
  readonly apiKey: string;
  readonly secret: Promise<CryptoKey>;
}

/** The current credentials. All clients of one process share it, so a replacement reaches all of them. */
export class Signer {
  #credentials: Credentials;
  /** Imported once for each secret. */
  readonly #keys = new Map<"SHA-1" | "SHA-256", Promise<CryptoKey>>();

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  /** The credentials in use. */
  get credentials(): Credentials {
    return this.#credentials;
  }

  /** Signs with these from the next request on. */
  use(credentials: Credentials): void {
    if (credentials.secret !== this.#credentials.secret) this.#keys.clear();
    this.#credentials = credentials;
  }

  /** The signing key for one request. */
  now(hash: "SHA-1" | "SHA-256"): Signing {
    const { apiKey, secret } = this.#credentials;
    const key = this.#keys.get(hash) ?? importSecret(secret, hash);
    this.#keys.set(hash, key);
    return { apiKey, secret: key };
  }
}
