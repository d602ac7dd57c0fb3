// The pages in docs show the shipped and tested files verbatim.
import { assert } from "@std/assert";
import { VERSION } from "../../src/version.ts";
import { blocksOf, textOf } from "../docs/markdown.ts";
import { shipped } from "./requirements.ts";

/** The code blocks of a set-up page. */
function blocks(page: string): string[] {
  return blocksOf(textOf(`docs/set-up/${page}`));
}

const SHOWN = [
  ["netplan.md", "network/51-exoip.yaml"],
  ["netplan.md", "network/51-exoip.network"],
  ["ifupdown.md", "ifupdown/51-exoip.cfg"],
] as const;

for (const [page, path] of SHOWN) {
  Deno.test(`${page} shows ${path} as it is`, () => {
    const text = Deno.readTextFileSync(shipped(path));
    assert(blocks(page).includes(text.replace(/^(#.*\n)+/, "")), path);
  });
}

Deno.test("ifupdown.md shows the original's stanza as it is tested", () => {
  const tests = Deno.readTextFileSync(new URL("ifupdown_test.ts", import.meta.url));
  const stanza = /const ORIGINAL = `([^`]*)`/.exec(tests)?.[1];
  assert(stanza && blocks("ifupdown.md").includes(stanza));
});

Deno.test("the pages about packages name them as they are built", () => {
  const text = textOf("docs/set-up/install.md", "docs/set-up/systemd.md");
  for (const name of [`exoip_${VERSION}_amd64.deb`, `exoip-${VERSION}-1.x86_64.rpm`]) {
    assert(text.includes(name), name);
  }
});
