// The page of --listen-status: three files beside this one, joined into one self-contained document. Its content
// security policy names the one style and the one script by their digests, and forbids everything else.
import { createHash } from "node:crypto";

/** The document, and its permissions in a browser. */
export interface StatusPage {
  readonly html: string;
  /** For the header `Content-Security-Policy`. */
  readonly csp: string;
}

/** Reads the files; they are embedded in the binary by scripts/release/compile.ts. */
export function loadStatusPage(
  readTextFile: (url: URL) => string = (url) => Deno.readTextFileSync(url),
): StatusPage {
  const read = (name: string) => readTextFile(new URL(`page/${name}`, import.meta.url)).trim();
  const [style, script] = [`\n${read("page.css")}\n`, `\n${read("page.js")}\n`];
  // Functions, because `$` is special in a replacement string.
  const html = read("page.html")
    .replace('<link rel="stylesheet" href="page.css">', () => `<style>${style}</style>`)
    .replace('<script src="page.js" defer></script>', () => `<script>${script}</script>`);
  const policy = [
    "default-src 'none'",
    `style-src '${digest(style)}'`,
    `script-src '${digest(script)}'`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return { html: html + "\n", csp: policy.join("; ") };
}

function digest(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
