// The pictures in the README: they exist, are small enough, and have the page's own width.
import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

Deno.test("the README shows pictures of the page that exist and are small", () => {
  const readme = Deno.readTextFileSync(new URL("README.md", ROOT));
  const pictures = [...readme.matchAll(/src(?:set)?="(\.github\/[^"]+\.png)"/g)];
  assertEquals(pictures.map(([, path]) => path), [".github/status-dark.png", ".github/status.png"]);
  for (const [, path = ""] of pictures) {
    const bytes = Deno.readFileSync(new URL(path, ROOT));
    assertEquals(new TextDecoder("latin1").decode(bytes.subarray(1, 4)), "PNG");
    assertEquals(new DataView(bytes.buffer).getUint32(16), 900, "drawn by scripts/docs/picture.ts");
    assert(bytes.length < 200_000, `${path}: ${bytes.length} bytes`);
  }
});
