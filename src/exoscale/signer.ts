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

/** Signs with the credentials of the moment. */
export class Signer {
  readonly #current: () => Credentials;
  readonly #hash: "SHA-1" | "SHA-256";
  #secret = "";
  #key: Promise<CryptoKey> | null = null;

  constructor(current: () => Credentials, hash: "SHA-1" | "SHA-256") {
    this.#current = current;
    this.#hash = hash;
  }

  /** To be asked for each request anew. */
  now(): Signing {
    const { apiKey, secret } = this.#current();
    if (this.#key === null || secret !== this.#secret) {
      this.#key = importSecret(secret, this.#hash);
      this.#secret = secret;
    }
    return { apiKey, secret: this.#key };
  }
}
