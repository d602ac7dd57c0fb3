// The page of --listen-status: the files in the folder beside this one, joined into one self-contained document. Its
// content security policy names its styles and scripts by their digests, and forbids everything else.
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
  let html = read("page.html");
  const styles: string[] = [], scripts: string[] = [];
  for (const name of ["page", "history"]) {
    const [style, script] = [`\n${read(`${name}.css`)}\n`, `\n${read(`${name}.js`)}\n`];
    styles.push(`'${digest(style)}'`);
    scripts.push(`'${digest(script)}'`);
    // Functions, because `$` is special in a replacement string.
    html = html
      .replace(`<link rel="stylesheet" href="${name}.css">`, () => `<style>${style}</style>`)
      .replace(`<script src="${name}.js" defer></script>`, () => `<script>${script}</script>`);
  }
  const policy = [
    "default-src 'none'",
    `style-src ${styles.join(" ")}`,
    `script-src ${scripts.join(" ")}`,
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
