// Signed requests: key and secret, which can be replaced while requests are under way, and the signatures of both APIs.
import { encodeBase64 } from "@std/encoding/base64";

/** How long a signed request is valid; the official clients choose the same. */
export const LIFETIME_MS = 600_000;

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

const utf8 = new TextEncoder();

/** The key that signs with this secret. */
export function importSecret(secret: string, hash: "SHA-1" | "SHA-256"): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", utf8.encode(secret), { name: "HMAC", hash }, false, [
    "sign",
  ]);
}

/** Base64 of the HMAC over the UTF-8 message. */
export async function signText(key: CryptoKey, message: string): Promise<string> {
  return encodeBase64(await crypto.subtle.sign("HMAC", key, utf8.encode(message)));
}

// EXO2-HMAC-SHA256, for API v2. Source: authentication topic of Exoscale's API description, and egoscale
// v2/api/security.go, which it names as reference.

/** A request to be signed. */
export interface SignableRequest {
  readonly method: string;
  readonly url: URL;
  /** The exact body that is sent, empty when there is none. */
  readonly body: string;
  /** Unix time in seconds after which the request is void. */
  readonly expires: number;
}

/** Names of the query parameters that are signed: those with exactly one value, sorted. */
function signedNames(query: URLSearchParams): string[] {
  return [...new Set(query.keys())].filter((name) => query.getAll(name).length === 1).sort();
}

/** The five lines to sign: request line, body, query values, (no headers), expiry. */
export function messageV2({ method, url, body, expires }: SignableRequest): string {
  const values = signedNames(url.searchParams).map((name) => url.searchParams.get(name));
  return [`${method} ${url.pathname}`, body, values.join(""), "", expires].join("\n");
}

/** Value of the `Authorization` header. */
export async function authorizationV2(
  request: SignableRequest,
  { apiKey, secret }: { apiKey: string; secret: CryptoKey },
): Promise<string> {
  const names = signedNames(request.url.searchParams);
  const parts = [
    `credential=${apiKey}`,
    ...(names.length > 0 ? [`signed-query-args=${names.join(";")}`] : []),
    `expires=${request.expires}`,
    `signature=${await signText(secret, messageV2(request))}`,
  ];
  return `EXO2-HMAC-SHA256 ${parts.join(",")}`;
}

// CloudStack's signature, for API v1: sorted, percent-encoded, lower-cased parameters under HMAC-SHA1. Source: Apache
// CloudStack developer guide; egoscale (v1) client.go.

/** Parameters of a command, without the common ones. */
export type Parameters = Readonly<Record<string, string>>;

/** Percent-encodes all but `A-Z a-z 0-9 - _ . ~`; a blank becomes `%20`, a lone surrogate U+FFFD. */
function escape(value: string): string {
  return encodeURIComponent(value.toWellFormed()).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function queryOf(parameters: Parameters): string {
  return Object.keys(parameters).sort()
    .map((name) => `${name}=${escape(parameters[name] ?? "")}`)
    .join("&");
}

/** The text to sign. */
export function messageV1(parameters: Parameters): string {
  return queryOf(parameters).toLowerCase();
}

/** The query string to send, signature included. */
export async function signedQueryV1(parameters: Parameters, secret: CryptoKey): Promise<string> {
  const signature = await signText(secret, messageV1(parameters));
  return queryOf({ ...parameters, signature });
}

/** Writes an expiry as CloudStack wants it: `2030-01-01T00:00:00+0000`. */
export function expiresV1(unixMs: number): string {
  return new Date(unixMs).toISOString().replace(/\.\d+Z$/, "+0000");
}
