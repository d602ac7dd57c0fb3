// A certificate authority for one test, with its certificate in a file, and certificates for servers.
import type { Identity } from "./cloud_identity.ts";
import { certificatePem, type Issuer, keyPem, newKeys } from "./x509.ts";

/** An authority, with its certificate in a file. */
export class Authority implements AsyncDisposable {
  readonly #issuer: Issuer = { name: "Test authority", ...newKeys() };
  readonly #folder: string;
  /** The authority's certificate in PEM form. */
  readonly caCert: string;

  private constructor(folder: string) {
    this.#folder = folder;
    const { name, publicKey } = this.#issuer;
    this.caCert = certificatePem({ name, publicKey, hosts: null }, this.#issuer);
  }

  /** Makes the authority. */
  static async create(): Promise<Authority> {
    const authority = new Authority(await Deno.makeTempDir({ prefix: "exoip-" }));
    await Deno.writeTextFile(authority.caFile, authority.caCert);
    return authority;
  }

  /** Path of the authority's certificate. */
  get caFile(): string {
    return `${this.#folder}/ca.crt`;
  }

  /**
   * A key and a certificate for the host, and perhaps others, signed by this authority or by itself; optionally
   * expired. Its common name is the host, or as given.
   */
  certificate(
    host: string,
    { selfSigned = false, expired = false, others = [], name = host }: {
      selfSigned?: boolean;
      expired?: boolean;
      others?: readonly string[];
      name?: string;
    } = {},
  ): Identity {
    const keys = newKeys();
    const past = { from: new Date("2020-01-01"), to: new Date("2020-02-01") };
    const content = {
      name,
      publicKey: keys.publicKey,
      hosts: [host, ...others],
      ...(expired && past),
    };
    const issuer = selfSigned ? { name: host, ...keys } : this.#issuer;
    return { key: keyPem(keys), cert: certificatePem(content, issuer) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}
