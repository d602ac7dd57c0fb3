// Secrets stay out of everything that is written, whoever quotes them: the cloud may send back what we sent.
import { encodeBase64 } from "@std/encoding/base64";
import { encodeHex } from "@std/encoding/hex";
import type { HostLog } from "./host/log.ts";

/** Where as many characters of a secret are found, all that follow of it are hidden: a quotation may break off. */
const RECOGNISED_CHARS = 8;
/** What stands in their place. */
export const HIDDEN = "[secret]";

/** Replaces text. */
export type Redact = (text: string) => string;

/** Hides the secrets, also as they look in a URL, in Base64, in hexadecimal and in JSON. */
export function redactor(secrets: readonly string[]): Redact {
  const forms = [...new Set(secrets.filter((secret) => secret !== "").flatMap(formsOf))]
    .toSorted((one, other) => other.length - one.length);
  return (text) => forms.reduce(hide, text);
}

function formsOf(secret: string): string[] {
  const bytes = new TextEncoder().encode(secret);
  return [
    secret,
    encodeURIComponent(secret),
    encodeBase64(bytes).replace(/=+$/, ""),
    encodeHex(bytes),
    JSON.stringify(secret).slice(1, -1),
  ];
}

function hide(text: string, secret: string): string {
  const head = secret.slice(0, RECOGNISED_CHARS);
  let rest = text, done = "";
  for (let at = rest.indexOf(head); at >= 0; at = rest.indexOf(head)) {
    let end = head.length;
    while (end < secret.length && rest[at + end] === secret[end]) end += 1;
    done += rest.slice(0, at) + HIDDEN;
    rest = rest.slice(at + end);
  }
  return done + rest;
}

/** A log to which no secret gets. */
export function redactedLog(log: HostLog, redact: Redact): HostLog {
  return { ...log, write: (severity, event, text) => log.write(severity, event, redact(text)) };
}
