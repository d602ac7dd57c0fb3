// Splits the command of an option into program and arguments by the rules of systemd's ExecStart=, without a shell:
// blanks separate, quotes group, a backslash begins an escape.

const BLANK = /\s/;
const SIMPLE: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  s: " ",
  "\\": "\\",
  '"': '"',
  "'": "'",
};
/** Numeric escapes, with the base of their digits. */
const NUMBERED: ReadonlyArray<readonly [RegExp, number]> = [
  [/^x([0-9a-fA-F]{2})/, 16],
  [/^u([0-9a-fA-F]{4})/, 16],
  [/^([0-7]{3})/, 8],
];

/** The words of a command; null when a quote is not closed. Variables, `~` and `*` have no special meaning. */
export function splitCommand(text: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  let quote = "";
  for (let at = 0; at < text.length;) {
    const char = text.charAt(at);
    if (char === "\\") {
      const [value, length] = escaped(text.slice(at + 1));
      word = (word ?? "") + value;
      at += 1 + length;
      continue;
    }
    at += 1;
    if (char === quote) quote = "";
    else if (quote === "" && (char === '"' || char === "'")) {
      quote = char;
      word ??= "";
    } else if (quote === "" && BLANK.test(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? "") + char;
  }
  if (quote !== "") return null;
  return word === null ? words : [...words, word];
}

/** The character of an escape, and the escape's length; an unknown escape keeps its backslash. */
function escaped(rest: string): [string, number] {
  const simple = SIMPLE[rest.charAt(0)];
  if (simple !== undefined) return [simple, 1];
  for (const [pattern, base] of NUMBERED) {
    const digits = pattern.exec(rest);
    if (digits) return [String.fromCharCode(parseInt(digits[1] ?? "", base)), digits[0].length];
  }
  return ["\\", 0];
}
