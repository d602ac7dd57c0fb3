// Text in columns, each as wide as its content, and within a number of columns.

/** Between two columns. */
const GAP = "  ";

/** The rows with aligned cells; the last column keeps its length. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) {
      if (index < row.length - 1) widths[index] = Math.max(widths[index] ?? 0, cell.length);
    }
  }
  return rows.map((row) =>
    row.map((cell, index) => index < row.length - 1 ? cell.padEnd(widths[index] ?? 0) : cell)
      .join(GAP).trimEnd()
  );
}

/** In lines of at most `columns`; those after the first are indented. A word that is longer is cut. */
export function wrapped(text: string, columns: number, indent = 0): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > columns) {
    const blank = rest.lastIndexOf(" ", columns);
    const at = blank > indent ? blank : columns;
    lines.push(rest.slice(0, at));
    rest = " ".repeat(indent) + rest.slice(at).trimStart();
  }
  return [...lines, rest];
}

/** The line, cut to that many characters with an ellipsis. */
export function cutTo(line: string, maxChars: number): string {
  return line.length > maxChars ? `${line.slice(0, maxChars - 1)}…` : line;
}
