// EXO2-HMAC-SHA256: what is signed and how it is written. Source: authentication topic of Exoscale's API description,
// and egoscale v2/api/security.go, which it names as reference.
import { encodeBase64 } from "@std/encoding/base64";

/** A request to be signed. */
export interface SignableRequest {
  readonly method: string;
  readonly url: URL;
  /** The exact body that is sent, empty when there is none. */
  readonly body: string;
  /** Unix time in seconds after which the request is void. */
  readonly expires: number;
}

const utf8 = new TextEncoder();

/** Names of the query parameters that are signed: those with exactly one value, sorted. */
function signedNames(query: URLSearchParams): string[] {
  return [...new Set(query.keys())].filter((name) => query.getAll(name).length === 1).sort();
}

/** The five lines to sign: request line, body, query values, (no headers), expiry. */
export function messageV2({ method, url, body, expires }: SignableRequest): string {
  const values = signedNames(url.searchParams).map((name) => url.searchParams.get(name));
  return [`${method} ${url.pathname}`, body, values.join(""), "", expires].join("\n");
}

/** The key for `authorizationV2`, imported once. */
export function importSecret(secret: string, hash: "SHA-1" | "SHA-256"): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", utf8.encode(secret), { name: "HMAC", hash }, false, [
    "sign",
  ]);
}

/** Base64 of the HMAC over the UTF-8 message. */
export async function signText(key: CryptoKey, message: string): Promise<string> {
  return encodeBase64(await crypto.subtle.sign("HMAC", key, utf8.encode(message)));
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
