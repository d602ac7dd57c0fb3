// CloudStack's signature: sorted, percent-encoded, lower-cased parameters under HMAC-SHA1. Source: Apache
// CloudStack developer guide; egoscale (v1) client.go.
import { signText } from "./signature_v2.ts";

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
