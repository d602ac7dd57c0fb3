// Key and secret for each request. They can be replaced while requests are under way, which end with those that they
// were signed with.
import { importSecret } from "./signature_v2.ts";

/** Who we are to the cloud. */
export interface Credentials {
  readonly apiKey: string;
  readonly secret: string;
  /** Unix time at which the key ends; left out for one that does not. */
  readonly expiresAtMs?: number;
}

/** What the next request is signed with. */
export interface Signing {
  readonly apiKey: string;
  readonly secret: Promise<CryptoKey>;
}

/** The credentials of the moment. The clients of one process share it, so what is used here all of them use. */
export class Signer {
  #credentials: Credentials;
  /** Imported once for each secret. */
  readonly #keys = new Map<"SHA-1" | "SHA-256", Promise<CryptoKey>>();

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  /** Those in use. */
  get credentials(): Credentials {
    return this.#credentials;
  }

  /** Signs with these from the next request on. */
  use(credentials: Credentials): void {
    if (credentials.secret !== this.#credentials.secret) this.#keys.clear();
    this.#credentials = credentials;
  }

  /** What signs one request. */
  now(hash: "SHA-1" | "SHA-256"): Signing {
    const { apiKey, secret } = this.#credentials;
    const key = this.#keys.get(hash) ?? importSecret(secret, hash);
    this.#keys.set(hash, key);
    return { apiKey, secret: key };
  }
}
