// UUIDs as the cloud writes them: 36 characters, compared in lower case.
import { decodeHex, encodeHex } from "@std/encoding/hex";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether the text is a UUID (any version, either case). */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** The 16 bytes of a UUID in the order they are written. */
export function uuidToBytes(uuid: string): Uint8Array {
  return decodeHex(uuid.replaceAll("-", ""));
}

/** The lower-case text of 16 bytes. */
export function uuidFromBytes(bytes: Uint8Array): string {
  return encodeHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
