// The documents of the repository, for the tests of their promises.

export const ROOT = new URL("../../", import.meta.url);

/** Folders that do not belong to the project. */
const STRANGE = new Set([".git", "dist", "node_modules"]);

/** Paths of all documents, from the root of the repository. */
export function documents(folder = ""): string[] {
  const entries = [...Deno.readDirSync(new URL(folder || ".", ROOT))];
  return entries.flatMap(({ name, isDirectory }) => {
    if (isDirectory) return STRANGE.has(name) ? [] : documents(`${folder}${name}/`);
    return name.endsWith(".md") ? [folder + name] : [];
  }).sort();
}

/** The text of one or more documents, joined. */
export function textOf(...paths: readonly string[]): string {
  return paths.map((path) => Deno.readTextFileSync(new URL(path, ROOT))).join("\n");
}

/** The document without fences and inline code. */
export function proseOf(text: string): string {
  return text.replace(/^ *(```+)[^]*?^ *\1$/gm, "").replace(/(`+)[^]*?[^`]\1(?!`)/g, "");
}

/** The code blocks in that language, or in any. */
export function blocksOf(text: string, language = "\\w*"): string[] {
  const fence = new RegExp("^```" + language + "\\n([^]*?)^```$", "gm");
  return [...text.matchAll(fence)].map(([, block = ""]) => block);
}

/** Relative targets and anchors of links and pictures, without other sites. */
export function linksOf(text: string): string[] {
  const prose = proseOf(text);
  const links = [
    ...prose.matchAll(/\]\(\s*([^)\s]+)\s*\)/g),
    ...prose.matchAll(/src(?:set)?="([^"]+)"/g),
  ];
  return links.map(([, target = ""]) => target).filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors of the document's headings, as GitHub makes them. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  const withoutFences = text.replace(/^ *(```+)[^]*?^ *\1$/gm, "");
  for (const [, heading = ""] of withoutFences.matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const slug = words.replace(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(" ", "-");
    let anchor = slug;
    for (let again = 1; anchors.has(anchor); again++) anchor = `${slug}-${again}`;
    anchors.add(anchor);
  }
  return anchors;
}
