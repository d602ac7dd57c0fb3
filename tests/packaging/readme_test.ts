// The README's chapter shows what is shipped and tested, to the letter.
import { assert } from "@std/assert";
import { VERSION } from "../../src/version.ts";
import { shipped } from "./requirements.ts";

const README = Deno.readTextFileSync(new URL("../../README.md", import.meta.url));
const BLOCKS = [...README.matchAll(/^```\w*\n([^]*?)^```$/gm)].map(([, text = ""]) => text);

for (const path of ["network/51-exoip.yaml", "network/51-exoip.network", "ifupdown/51-exoip.cfg"]) {
  Deno.test(`the README shows ${path} as it is`, () => {
    const text = Deno.readTextFileSync(shipped(path));
    assert(BLOCKS.includes(text.replace(/^(#.*\n)+/, "")), path);
  });
}

Deno.test("the README shows the original's stanza as it is tested", () => {
  const tests = Deno.readTextFileSync(new URL("ifupdown_test.ts", import.meta.url));
  const stanza = /const ORIGINAL = `([^`]*)`/.exec(tests)?.[1];
  assert(stanza && BLOCKS.includes(stanza));
});

Deno.test("the README names the packages as they are built", () => {
  for (const name of [`exoip_${VERSION}_amd64.deb`, `exoip-${VERSION}-1.x86_64.rpm`]) {
    assert(README.includes(name), name);
  }
});
