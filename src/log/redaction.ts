// Secrets stay out of everything that is written, whoever quotes them: the cloud may send back what we sent.
import { encodeBase64 } from "@std/encoding/base64";
import { encodeHex } from "@std/encoding/hex";
import { withoutPasswords } from "./password.ts";

/** Where as many characters of a secret are found, all that follow of it are hidden: a quotation may break off. */
const RECOGNISED_CHARS = 8;
/** Shorter ones are words, and no secrets: hiding them would spoil every message. */
const SECRET_CHARS = 4;
/** What stands in their place. */
export const HIDDEN = "[secret]";

/** Replaces text. */
export type Redact = (text: string) => string;

/** Hides the secrets, also as they look in a URL, in Base64, in hexadecimal and in JSON. */
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
    // Within what is hidden already another one may begin, and end later.
    if (index >= from) shown += text.slice(from, index) + HIDDEN;
    from = Math.max(
      from,
      index + Math.max(...forms.map((form) => sharedLength(text, index, form))),
    );
  }
  return shown + text.slice(from);
}

/** How much of the secret stands at that place, if enough to be recognised. */
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

/** What is hidden in one run: secrets can be added while it runs, and stay hidden. */
export class Redaction {
  readonly #secrets = new Set<string>();
  #redact: Redact = (text) => text;

  constructor(secrets: readonly string[]) {
    this.add(secrets);
  }

  /** Hides these, too. */
  add(secrets: readonly string[]): void {
    for (const secret of secrets) this.#secrets.add(secret);
    this.#redact = redactor([...this.#secrets]);
  }

  /** The text without secrets. */
  hide(text: string): string {
    return withoutPasswords(this.#redact(text));
  }
}
