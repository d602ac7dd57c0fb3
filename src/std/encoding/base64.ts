// Stand-in for `@std/encoding/base64` where only npm can be reached.

/** Writes bytes (or the UTF-8 bytes of a string) as padded standard base64, RFC 4648 section 4. */
export function encodeBase64(data: ArrayBuffer | Uint8Array | string): string {
  const bytes = typeof data === "string"
    ? new TextEncoder().encode(data)
    : data instanceof Uint8Array
    ? data
    : new Uint8Array(data);
  return bytes.toBase64();
}
