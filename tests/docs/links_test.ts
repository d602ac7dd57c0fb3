// Every link of every document has a target.
import { assert, assertEquals } from "@std/assert";
import { anchorsOf, documents, linksOf, ROOT, textOf } from "./markdown.ts";

/** The problem of a link in a document; null without one. */
function problemOf(link: string, document: string, text: string): string | null {
  const [path = "", anchor] = link.split("#");
  const target = new URL(path === "" ? document : path, new URL(document, ROOT));
  if (path === "") target.href = new URL(document, ROOT).href;
  if (!target.href.startsWith(ROOT.href)) return "leaves the repository";
  let isFile: boolean;
  try {
    isFile = Deno.statSync(target).isFile;
  } catch {
    return "leads to no file";
  }
  if (anchor === undefined) return null;
  if (!isFile || !target.pathname.endsWith(".md")) return "has an anchor, and leads to no document";
  const there = path === "" ? text : Deno.readTextFileSync(target);
  return anchorsOf(there).has(anchor) ? null : "leads to no heading";
}

/** All broken links. */
function broken(document: string, text: string): string[] {
  return linksOf(text).flatMap((link) => {
    const problem = problemOf(link, document, text);
    return problem === null ? [] : [`${document}: ${link} ${problem}`];
  });
}

Deno.test("every link of every document leads to a file, and to a heading if it names one", () => {
  const all = documents();
  assert(all.includes("README.md") && all.includes(".github/SECURITY.md"), "they are found");
  assertEquals(all.flatMap((document) => broken(document, textOf(document))), []);
});

Deno.test("a link that leads nowhere is noticed", () => {
  const text = "# One two\n\n## One two\n\n[a](#one-two-1) [b](#one-two-2) [c](nothing.md) " +
    "[d](../../etc/passwd) [e](docs/README.md#no-such-heading) `[f](code.md)` [g](https://x.example)";
  assertEquals(broken("README.md", text), [
    "README.md: #one-two-2 leads to no heading",
    "README.md: nothing.md leads to no file",
    "README.md: ../../etc/passwd leaves the repository",
    "README.md: docs/README.md#no-such-heading leads to no heading",
  ]);
});

Deno.test("the index of docs leads to every page, and the README to the index", () => {
  const pages = documents("docs/").filter((page) => page !== "docs/README.md");
  const index = linksOf(textOf("docs/README.md")).map((link) => `docs/${link}`);
  assertEquals(pages.filter((page) => !index.includes(page)), []);
  assert(linksOf(textOf("README.md")).includes("docs/README.md"));
});

Deno.test("source, scripts and shipped files name only pages that exist", () => {
  const named = new Map<string, string>();
  for (const folder of ["src", "scripts", "tests", ".ci"]) {
    for (const path of files(folder)) {
      const text = Deno.readTextFileSync(new URL(path, ROOT));
      for (const [page] of text.matchAll(/\bdocs\/[\w/-]+\.md\b/g)) named.set(page, path);
    }
  }
  assert(named.has("docs/operation/runbook.md"));
  const pages = new Set(documents());
  assertEquals([...named].filter(([page]) => !pages.has(page)), []);
});

function* files(folder: string): Generator<string> {
  for (const { name, isDirectory, isFile } of Deno.readDirSync(new URL(folder, ROOT))) {
    if (isDirectory) yield* files(`${folder}/${name}`);
    else if (isFile) yield `${folder}/${name}`;
  }
}
