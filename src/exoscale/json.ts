// Reading answers leniently: unknown members are ignored, missing lists are empty, wrong shapes are named.
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
