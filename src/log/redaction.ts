// Keeps secrets out of all output, even quoted ones: the cloud may send back what we sent.
import { encodeBase64 } from "@std/encoding/base64";
import { encodeHex } from "@std/encoding/hex";
import { withoutPasswords } from "./password.ts";

/** A quotation of a secret may be cut off, so a part that begins with this many of its characters is hidden, too. */
const RECOGNISED_CHARS = 8;
/** Shorter secrets are not hidden: they would match ordinary words in every message. */
const SECRET_CHARS = 4;
/** Replaces a secret. */
export const HIDDEN = "[secret]";

/** Replaces text. */
export type Redact = (text: string) => string;

/** Hides the secrets, also as encoded in a URL, in Base64, in hexadecimal and in JSON. */
export function redactor(secrets: readonly string[]): Redact {
  const forms = [
    ...new Set(secrets.filter(({ length }) => length >= SECRET_CHARS).flatMap(formsOf)),
  ];
  if (forms.length === 0) return (text) => text;
  const heads = forms.map((form) => form.slice(0, RECOGNISED_CHARS));
  const anyHead = new RegExp(`(?=${heads.map(literally).join("|")})`, "g");
  return (text) => hide(text, { forms, anyHead });
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

function hide(text: string, { forms, anyHead }: { forms: string[]; anyHead: RegExp }): string {
  let shown = "", from = 0;
  for (const { index } of text.matchAll(anyHead)) {
    // Another secret may begin within hidden text and end after it.
    if (index >= from) shown += text.slice(from, index) + HIDDEN;
    from = Math.max(
      from,
      index + Math.max(...forms.map((form) => sharedLength(text, index, form))),
    );
  }
  return shown + text.slice(from);
}

/** How many characters of the secret stand at that position, if enough to recognise it. */
function sharedLength(text: string, at: number, secret: string): number {
  let length = 0;
  while (length < secret.length && text[at + length] === secret[length]) length += 1;
  return length >= Math.min(RECOGNISED_CHARS, secret.length) ? length : 0;
}

function literally(text: string): string {
  return text.replace(
    /[^A-Za-z0-9]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The secrets of a running program: more can be added, and all stay hidden. */
export class Redaction {
  readonly #secrets = new Set<string>();
  #redact: Redact = (text) => text;

  constructor(secrets: readonly string[]) {
    this.add(secrets);
  }

  /** Hides these secrets, too. */
  add(secrets: readonly string[]): void {
    for (const secret of secrets) this.#secrets.add(secret);
    this.#redact = redactor([...this.#secrets]);
  }

  /** The text without secrets. */
  hide(text: string): string {
    return withoutPasswords(this.#redact(text));
  }
}
