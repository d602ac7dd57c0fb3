// What a terminal of 100 columns shows, as an HTML page that a browser can draw.

/** The colours that the program and the demo use, by their codes (ECMA-48, SGR). */
const COLOURS: Readonly<Record<string, string>> = {
  "1": "font-weight: bold",
  "31": "color: #ff7b72",
  "32": "color: #7ee787",
  "36": "color: #79c0ff",
  "37": "color: #e6edf3",
};

const STYLE = "margin: 0; padding: 16px 20px; width: max-content; background: #0d1117; " +
  "color: #e6edf3; font: 13px/1.4 monospace";

/** The page for a text with escape sequences. */
export function terminalPage(text: string): string {
  const body = text.trimEnd().split("\x1b[").map((part, at) => {
    const [, code = "", rest = part] = at === 0 ? [] : /^(\d*)m([^]*)$/.exec(part) ?? [];
    const style = COLOURS[code];
    return style === undefined ? escaped(rest) : `<span style="${style}">${escaped(rest)}</span>`;
  }).join("");
  return `<!doctype html><meta charset="utf-8"><pre style="${STYLE}">${body}</pre>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
