// Stand-in for `@std/encoding/hex` where only npm can be reached.

/** Writes bytes (or the UTF-8 bytes of a string) as lower-case hexadecimal digits. */
export function encodeHex(src: string | Uint8Array | ArrayBuffer): string {
  const bytes = typeof src === "string"
    ? new TextEncoder().encode(src)
    : src instanceof Uint8Array
    ? src
    : new Uint8Array(src);
  return bytes.toHex();
}

/** Reads hexadecimal digits; throws a `SyntaxError` or `TypeError` on anything else. */
export function decodeHex(src: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(src);
}
