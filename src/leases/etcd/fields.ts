// JSON of etcd's gateway: bytes are Base64, 64-bit numbers are texts, and what is zero, false or empty is left out.
import { encodeBase64 } from "@std/encoding/base64";
import { StoreError } from "../store_error.ts";

/** A JSON object. */
export type Fields = Readonly<Record<string, unknown>>;

/** The value if it is an object, else null. */
export function fieldsOf(value: unknown): Fields | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Fields
    : null;
}

/** The objects of a list that may be left out. Throws `odd-answer`. */
export function listOf(value: unknown, what: string): readonly Fields[] {
  const list = value ?? [];
  const all = Array.isArray(list) ? list.map(fieldsOf) : [null];
  if (!all.every((each) => each !== null)) throw odd(`${what} is not a list of objects`);
  return all;
}

/** A 64-bit number as text, `0` where it is left out. Throws `odd-answer`. */
export function int64(value: unknown, what: string): string {
  const text = `${value ?? "0"}`;
  if (!/^(0|-?[1-9]\d{0,18})$/.test(text)) throw odd(`${what} is not a whole number`);
  return text;
}

/** A 64-bit number, which must be exact as a number of JavaScript. Throws `odd-answer`. */
export function count(value: unknown, what: string): number {
  const number = Number(int64(value, what));
  if (!Number.isSafeInteger(number)) throw odd(`${what} is too large`);
  return number;
}

/** An error that names what is odd in an answer. */
export function odd(what: string): StoreError {
  return new StoreError("odd-answer", `odd answer: ${what}`);
}

/** A text as etcd's bytes. */
export function encoded(text: string): string {
  return encodeBase64(new TextEncoder().encode(text));
}

/** The text in etcd's bytes; null if they are not UTF-8 in Base64. */
export function decoded(value: unknown): string | null {
  try {
    const text = atob(typeof value === "string" ? value : "");
    const bytes = Uint8Array.from(text, (each) => each.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
