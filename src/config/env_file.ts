// The file of variables: NAME=value lines, read exactly as systemd reads an EnvironmentFile, so that the same file says
// the same at the start and at a reload. `node:util` parseEnv does not fit: it ends an unquoted value at a `#`, which a
// secret may contain, and takes a backslash for itself. Source: systemd.exec(5), src/basic/env-file.c.

/** What a file says, and what is wrong with it. */
export interface EnvFile {
  readonly variables: Readonly<Record<string, string>>;
  /** Each with its line; systemd would silently skip these lines. */
  readonly problems: readonly string[];
}

const NAME = /^[A-Za-z_]\w*$/;
/** Characters that a backslash protects within double quotes; before any other the backslash is literal. */
const PROTECTED = '"\\`$';

/** Most problems that are reported: more of them mean that this is another kind of file. */
export const PROBLEMS_MAX = 20;

/** Reads the whole file, or as much as shows that it is of another kind. The time is linear in its length. */
export function parseEnvFile(text: string): EnvFile {
  const variables: Record<string, string> = {};
  const problems: string[] = [];
  const input = text.replace(/\r\n?/g, "\n");
  let at = 0, line = 1;
  const proceed = (to: number) => {
    for (; at < to; at++) if (input[at] === "\n") line += 1;
  };
  while (at < input.length) {
    const end = input.indexOf("\n", at) + 1 || input.length + 1;
    const content = input.slice(at, end - 1);
    const trimmed = content.trimStart();
    const equals = content.indexOf("=");
    if (problems.length >= PROBLEMS_MAX) {
      problems.push(`line ${line}: and more: the rest is not read`);
      break;
    }
    if (trimmed === "" || trimmed.startsWith("#") || trimmed.startsWith(";")) proceed(end);
    else if (equals < 0) {
      problems.push(`line ${line}: no "=", wanted NAME=value`);
      proceed(end);
    } else {
      const name = content.slice(0, equals).trim();
      const value = readValue(input, at + equals + 1);
      // The text may be half of a secret: do not show it.
      if (!NAME.test(name)) problems.push(`line ${line}: ${nameProblem(name)}`);
      else if (!value.closed) problems.push(`line ${line}: ${name}: a quote is not closed`);
      else variables[name] = value.text;
      proceed(value.end);
    }
  }
  return { variables, problems };
}

/** The problem of the text before the `=`. The text is not shown: it may be part of a secret. */
function nameProblem(name: string): string {
  if (/^export\s/.test(name)) {
    return '"export" is shell syntax: write NAME=value without it';
  }
  return 'what stands before "=" is not a variable\'s name (letters, digits and _)';
}

/**
 * Quoted pieces, then an unquoted rest, up to the end of the line; a trailing backslash continues the value on the next
 * line.
 */
function readValue(input: string, start: number): { text: string; end: number; closed: boolean } {
  let text = "", at = start;
  for (; at < input.length; at++) {
    const char = input[at] ?? "";
    if (char === "\n") return { text, end: at + 1, closed: true };
    if (char === " " || char === "\t") continue;
    if (char !== '"' && char !== "'") break;
    const quoted = readQuoted(input, at);
    text += quoted.text;
    at = quoted.end;
    if (!quoted.closed) return { text, end: input.length, closed: false };
  }
  // Blanks at the end are dropped, unless a backslash keeps them.
  let keep = text.length;
  for (; at < input.length && input[at] !== "\n"; at++) {
    const escaped = input[at] === "\\";
    if (escaped) at += 1;
    if (escaped && input[at] === "\n") continue;
    text += input[at] ?? "";
    if (escaped || !/[ \t]/.test(input[at] ?? "")) keep = text.length;
  }
  return { text: text.slice(0, keep), end: at + 1, closed: true };
}

/** From one quote to the next; `end` is the position of the second. */
function readQuoted(input: string, start: number): { text: string; end: number; closed: boolean } {
  const quote = input[start];
  let text = "";
  for (let at = start + 1; at < input.length; at++) {
    const char = input[at] ?? "";
    if (char === quote) return { text, end: at, closed: true };
    if (char !== "\\" || quote === "'") text += char;
    else {
      const next = input[++at] ?? "";
      text += PROTECTED.includes(next) ? next : next === "\n" ? "" : `\\${next}`;
    }
  }
  return { text, end: input.length, closed: false };
}
