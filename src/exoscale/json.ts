// Reading answers leniently: unknown members are ignored, missing lists are empty, wrong shapes are named. What becomes
// part of a request or of the configuration of peers is read strictly.
import { canonicalIp } from "../core/ip.ts";
import { CloudError } from "./cloud_error.ts";

/** A JSON object. */
export type Fields = Readonly<Record<string, unknown>>;

/** The value as an object; throws `unexpected-answer` when it is none. */
export function fieldsOf(value: unknown, title: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new CloudError("unexpected-answer", `${title}: wanted a JSON object`);
}

/** The list under the name, empty when absent; elements that are no objects are passed over. */
export function listOf(value: unknown, name: string): Fields[] {
  const list = (value as Fields | null | undefined)?.[name];
  return Array.isArray(list)
    ? list.filter((item) => typeof item === "object" && item !== null)
    : [];
}

/** The list under the name, which must be there: an answer without it is not the one asked for. */
export function requiredListOf(value: unknown, name: string, title: string): Fields[] {
  if (Array.isArray(fieldsOf(value, title)[name])) return listOf(value, name);
  throw new CloudError("unexpected-answer", `${title}: the answer has no list "${name}"`);
}

/** The text under the name, empty when absent. */
export function textOf(value: unknown, name: string): string {
  const text = (value as Fields | null | undefined)?.[name];
  return typeof text === "string" ? text : "";
}

/** The id under the name, empty when absent or of no id's form: it becomes part of a path, a query, a message. */
export function idOf(value: unknown, name: string): string {
  const text = textOf(value, name);
  return /^[\w-]{1,64}$/.test(text) ? text : "";
}

/** The same, which must be there. Throws `unexpected-answer`. */
export function requiredIdOf(value: unknown, name: string, title: string): string {
  const id = idOf(value, name);
  if (id !== "") return id;
  throw new CloudError("unexpected-answer", `${title}: no usable ${name} in the answer`);
}

/** The IP address under the name in its canonical form, null when absent or none: heartbeats go there. */
export function addressOf(value: unknown, name: string): string | null {
  const address = canonicalIp(textOf(value, name));
  return address === "0.0.0.0" || address === "::" ? null : address;
}

/** The whole number under the name, null when absent or none; digits in a text count. */
export function numberOf(value: unknown, name: string): number | null {
  const number = (value as Fields | null | undefined)?.[name];
  if (typeof number === "string" && /^\d{1,9}$/.test(number)) return Number(number);
  return typeof number === "number" && Number.isSafeInteger(number) ? number : null;
}

/** A value for a message: itself if it is short to write, else what it is. */
export function shown(value: unknown): string {
  return typeof value === "object" && value !== null
    ? Array.isArray(value) ? "a list" : "an object"
    : JSON.stringify(value) ?? "nothing";
}
