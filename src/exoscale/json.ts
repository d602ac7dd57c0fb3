// Reads answers leniently: unknown members are ignored, missing lists are empty, wrong shapes are named. Data that
// becomes part of a request or of the peers' configuration is read strictly.
import { canonicalIp } from "../core/ip.ts";
import { plain } from "../core/plain.ts";
import { CloudError } from "./cloud_error.ts";

/** A JSON object. */
export type Fields = Readonly<Record<string, unknown>>;

/** The value as an object. Throws `unexpected-answer` when it is not one. */
export function fieldsOf(value: unknown, title: string): Fields {
  if (isFields(value)) return value;
  throw new CloudError("unexpected-answer", `${title}: wanted a JSON object`);
}

/**
 * The list under the name, empty when absent. Throws `unexpected-answer` unless it is a list of objects, each with a
 * text under the key if one is given: no conclusion may rest on an odd answer, least of all that a list is empty.
 */
export function listOf(value: unknown, name: string, key?: string): Fields[] {
  const list = (value as Fields | null | undefined)?.[name] ?? [];
  if (!Array.isArray(list)) throw odd(name, `it is ${shown(list)}, wanted a list`);
  const strange = list.findIndex((item) => !isFields(item));
  if (strange >= 0) {
    throw odd(name, `item ${strange + 1} is ${shown(list[strange])}, wanted an object`);
  }
  const nameless = key === undefined ? -1 : list.findIndex((item) => textOf(item, key) === "");
  if (nameless >= 0) throw odd(name, `item ${nameless + 1} has no ${key}`);
  return list;
}

function odd(name: string, why: string): CloudError {
  return new CloudError("unexpected-answer", `odd "${name}" in the answer: ${plain(why, 100)}`);
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object under the name, null when absent. Throws `unexpected-answer` when it is something else. */
export function objectOf(value: unknown, name: string): Fields | null {
  const object = (value as Fields | null | undefined)?.[name] ?? null;
  if (object === null || isFields(object)) return object;
  throw odd(name, `it is ${shown(object)}, wanted an object`);
}

/** The list under the name, which must be there: an answer without it is not the one asked for. */
export function requiredListOf(
  value: unknown,
  name: string,
  { title, key }: { title: string; key: string },
): Fields[] {
  if (Array.isArray(fieldsOf(value, title)[name])) return listOf(value, name, key);
  throw new CloudError("unexpected-answer", `${title}: the answer has no list "${name}"`);
}

/** The text under the name, empty when absent. */
export function textOf(value: unknown, name: string): string {
  const text = (value as Fields | null | undefined)?.[name];
  return typeof text === "string" ? text : "";
}

/** Longest name that is shown; the cloud allows more. */
const NAME_MAX_CHARS = 63;

/** A name for people under that key, fit for one line of a log; empty when absent. */
export function nameIn(value: unknown, key: string): string {
  return plain(textOf(value, key), NAME_MAX_CHARS).trim();
}

/** The name as a property, nothing without one. */
export function named(name: string): { readonly name?: string } {
  return name === "" ? {} : { name };
}

/** The id under the name, empty when absent or malformed: it becomes part of a path, a query, a message. */
export function idOf(value: unknown, name: string): string {
  const text = textOf(value, name);
  return /^[\w-]{1,64}$/.test(text) ? text : "";
}

/** The id under the name, which must be there. Throws `unexpected-answer`. */
export function requiredIdOf(value: unknown, name: string, title: string): string {
  const id = idOf(value, name);
  if (id !== "") return id;
  throw new CloudError("unexpected-answer", `${title}: no usable ${name} in the answer`);
}

/** The Elastic IPs of a listing. Throws `unexpected-answer` also if one of them has no IP address. */
export function elasticIpsOf(value: unknown): Fields[] {
  const title = "GET /elastic-ip";
  const list = requiredListOf(value, "elastic-ips", { title, key: "ip" });
  const strange = list.find((each) => canonicalIp(textOf(each, "ip")) === null);
  if (!strange) return list;
  throw odd("elastic-ips", `${shown(strange.ip)} is no IP address`);
}

/** Id of the manager of an instance, null without one. Throws `unexpected-answer` for a manager without an id. */
export function managerIdOf(instance: unknown): string | null {
  const manager = objectOf(instance, "manager");
  return manager === null ? null : requiredIdOf(manager, "id", "the manager of an instance");
}

/** The IP address under the name in its canonical form, null when absent or invalid: heartbeats go there. */
export function addressOf(value: unknown, name: string): string | null {
  const address = canonicalIp(textOf(value, name));
  return address === "0.0.0.0" || address === "::" ? null : address;
}

/** The whole number under the name, null when absent or invalid; digits in a text count. */
export function numberOf(value: unknown, name: string): number | null {
  const number = (value as Fields | null | undefined)?.[name];
  if (typeof number === "string" && /^\d{1,9}$/.test(number)) return Number(number);
  return typeof number === "number" && Number.isSafeInteger(number) ? number : null;
}

/** A value for a message: itself if short, else its type. */
export function shown(value: unknown): string {
  return typeof value === "object" && value !== null
    ? Array.isArray(value) ? "a list" : "an object"
    : JSON.stringify(value) ?? "nothing";
}
