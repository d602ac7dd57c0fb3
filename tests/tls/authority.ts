// A certificate authority for one test, in a file, and servers that it vouches for.
import type { Identity } from "./cloud_identity.ts";
import { certificatePem, type Issuer, keyPem, newKeys } from "./x509.ts";

/** Why openssl cannot be asked what it thinks of our certificates, null when it can. */
export const missingOpenssl: string | null = hasOpenssl() ? null : "needs openssl";

/** An authority, its certificate in a file. */
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

  /** A key and a certificate for the host, from this authority or from itself; one that has expired if wished. */
  certificate(host: string, { selfSigned = false, expired = false } = {}): Identity {
    const keys = newKeys();
    const past = { from: new Date("2020-01-01"), to: new Date("2020-02-01") };
    const content = {
      name: host,
      publicKey: keys.publicKey,
      hosts: [host],
      ...(expired && past),
    };
    const issuer = selfSigned ? { name: host, ...keys } : this.#issuer;
    return { key: keyPem(keys), cert: certificatePem(content, issuer) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

function hasOpenssl(): boolean {
  try {
    const { stdout } = new Deno.Command("openssl", { args: ["version"] }).outputSync();
    return /^OpenSSL [3-9]/.test(new TextDecoder().decode(stdout));
  } catch {
    return false;
  }
}

/** What openssl prints; throws when it ends with an error. */
export async function openssl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("openssl", { args }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (code !== 0) throw new Error(`openssl: ${text(stderr)} ${text(stdout)}`);
  return text(stdout);
}
