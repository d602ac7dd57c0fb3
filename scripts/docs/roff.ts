// Converts pages of docs to parts of manual pages: supports the Markdown that they use, and throws on anything else.

/** One section of a page. */
export interface Section {
  /** The title without markup. */
  readonly title: string;
  /** 1 for the title of the page. */
  readonly level: number;
  readonly lines: readonly string[];
}

/** Splits the page at its headings. */
export function sectionsOf(page: string): Section[] {
  const sections: { title: string; level: number; lines: string[] }[] = [];
  let fenced = false;
  for (const line of page.split("\n")) {
    if (line.startsWith("```")) fenced = !fenced;
    const [, marks = "", title = ""] = fenced ? [] : /^(#{1,6}) +(.*)$/.exec(line) ?? [];
    if (marks) sections.push({ title: plainOf(title), level: marks.length, lines: [] });
    else sections.at(-1)?.lines.push(line);
  }
  return sections;
}

/** The section with that title. Throws an `Error` when the page has none. */
export function sectionOf(page: string, title: string): Section {
  const found = sectionsOf(page).find((section) => section.title === title);
  if (!found) throw new Error(`the page has no section "${title}"`);
  return found;
}

/** The section's content. */
export function roffOf({ lines }: Pick<Section, "lines">): string[] {
  const out: string[] = [];
  for (const block of blocksOf(lines)) out.push(...blockOf(block));
  return out;
}

/** A text without markup, safe in a line of roff. */
export function roff(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^[.']/, "\\&$&")
    .replace(/[^ -~]/gu, (letter) => `\\[u${hexOf(letter)}]`);
}

/** A list entry: a bold head, then text. */
export function item(head: string, text: readonly string[]): string[] {
  return [".TP", `\\fB${roff(head)}\\fR`, ...text];
}

/** Text with markup, one line per sentence. */
export function prose(text: string): string[] {
  return text.split(/\n|(?<=[.:]) (?=[A-Z])/).map((sentence) => inline(sentence)).filter(Boolean);
}

function hexOf(letter: string): string {
  return (letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
}

/** Blocks are separated by empty lines, except inside fences. */
function blocksOf(lines: readonly string[]): string[][] {
  const blocks: string[][] = [[]];
  let fenced = false;
  for (const line of lines) {
    if (line.startsWith("```")) fenced = !fenced;
    if (line === "" && !fenced) blocks.push([]);
    else blocks.at(-1)?.push(line);
  }
  return blocks.filter((block) => block.length > 0);
}

function blockOf(block: readonly string[]): string[] {
  const [first = ""] = block;
  if (first.startsWith("```")) {
    const code = block.slice(1, -1).map((line) => roff(line));
    return [".PP", ".RS 4", ".nf", ...code, ".fi", ".RE"];
  }
  if (first.startsWith("|")) return tableOf(block);
  if (first.startsWith("<!--")) return [];
  if (/^(-|\d+\.) /.test(first)) return listOf(block);
  if (/^[<>#!]/.test(first)) throw new Error(`no roff for: ${first}`);
  return [".PP", ...prose(block.join(" "))];
}

function listOf(block: readonly string[]): string[] {
  const items: { mark: string; text: string }[] = [];
  for (const line of block) {
    const [, mark, text = ""] = /^(-|\d+\.) +(.*)$/.exec(line) ?? [];
    const last = items.at(-1);
    if (mark !== undefined) items.push({ mark: mark === "-" ? "\\(bu" : mark, text });
    else if (last && /^ +[^ -]/.test(line)) last.text += ` ${line.trim()}`;
    else throw new Error(`no roff for: ${line}`);
  }
  return items.flatMap(({ mark, text }) => [`.IP ${mark} 4`, ...prose(text)]);
}

/** Each row becomes an entry; with more than two columns, each cell is prefixed with its column's title. */
function tableOf(block: readonly string[]): string[] {
  const [titles = [], , ...rows] = block.map((line) =>
    line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim().replaceAll("\\|", "|"))
  );
  return rows.flatMap(([head = "", ...cells]) => {
    const text = cells.flatMap((cell, index) => {
      if (cell === "–") return [];
      return prose(cells.length > 1 ? `${titles[index + 1]}: ${cell}` : cell);
    });
    return item(plainOf(head), text);
  });
}

function plainOf(text: string): string {
  return text.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/[`*]/g, "").replaceAll("\\|", "|");
}

/** Code and strong text in bold, emphasis in italics, a link as its text. */
function inline(text: string): string {
  const parts = text.trim().replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .split(/(`[^`]+`|\*\*[^*]+\*\*|(?<![\w*])\*[^*\s][^*]*\*)/);
  return parts.map((part, index) => {
    if (index % 2 === 0) return index === 0 ? roff(part) : roff(part).replace(/^\\&/, "");
    if (part.startsWith("`")) return `\\fB${roff(part.slice(1, -1))}\\fR`;
    if (part.startsWith("**")) return `\\fB${inline(part.slice(2, -2))}\\fR`;
    return `\\fI${roff(part.slice(1, -1))}\\fR`;
  }).join("");
}
