// Passwords in configured values: within a URL, and among the arguments of a command. They are meant for that server or
// program, and must never appear in a message, a page or a file.

/** Replaces what is not shown. */
const LEFT_OUT = "...";
/** Matches the name of a secret value. */
const SECRET_NAME =
  "[^=&?;#\\s]{0,40}(?:pass|pwd|pw|token|secret|key|auth|sig|cred)[^=&?;#\\s]{0,40}";
const QUERY = new RegExp(`([?&;#]${SECRET_NAME}=)[^&#\\s]*`, "gi");
const ASSIGNED = new RegExp(`^-*${SECRET_NAME}=(.+)$`, "is");
const NAMED = new RegExp(`^--?${SECRET_NAME}$|^--?u(?:ser)?$`, "i");

/** A URL, or text that was meant as one, without user, password and secret values in its query. */
export function withoutPassword(text: string): string {
  const head = /^(?:[a-z][a-z0-9+.-]*:)?[\s/\\]*/i.exec(text)?.[0] ?? "";
  const rest = text.slice(head.length);
  // If the text is not a URL, it is unknown where its password ends.
  const end = URL.canParse(text) ? rest.search(/[/\\?#]/) : -1;
  const place = end < 0 ? rest : rest.slice(0, end);
  const at = place.lastIndexOf("@");
  const shown = at < 0 ? text : `${head}${LEFT_OUT}${rest.slice(at)}`;
  return shown.replace(QUERY, `$1${LEFT_OUT}`);
}

/** A text that may contain URLs or `user:password@host`: leaves out what stands before an `@`. */
export function withoutPasswords(text: string): string {
  return text.replace(/(:[/\\]{1,8})[^\s/\\?#"'<>]*@/g, `$1${LEFT_OUT}@`)
    .replace(/((?:^|[\s"'(=])[\w.%+-]{1,100}:)[^\s"'<>@/]{1,200}@/g, `$1${LEFT_OUT}@`);
}

/** A command without its arguments, any of which may be a password. */
export function withoutArguments(words: readonly string[]): string {
  return [...words.slice(0, 1), ...(words.length > 1 ? [LEFT_OUT] : [])].join(" ");
}

/** Likely passwords in a command or a URL, to be hidden where a program or a server quotes them. */
export function passwordsIn(words: readonly string[]): string[] {
  const found = words.flatMap((word, index) => {
    const [, assigned] = ASSIGNED.exec(word) ?? [];
    const follows = NAMED.test(words[index - 1] ?? "");
    const last = (text: string) => text.includes(":") ? [text.slice(text.indexOf(":") + 1)] : [];
    const own = [...(assigned ? [assigned] : []), ...(follows ? [word, ...last(word)] : [])];
    return [...own, ...(passwordOf(word) ?? [])];
  });
  return [...new Set(found)];
}

function passwordOf(text: string): string[] | null {
  const url = URL.parse(text);
  if (url === null) return null;
  const hidden = [...url.searchParams].filter(([name]) => NAMED.test(`-${name}`));
  const texts = [url.password, ...hidden.map(([, value]) => value)];
  return texts.filter((each) => each !== "").flatMap((each) => [each, decoded(each)]);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
