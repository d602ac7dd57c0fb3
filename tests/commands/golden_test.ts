// What the program says to people, word by word. To write the files again:
//   deno test --allow-all tests/commands/golden_test.ts -- --rewrite
import { assertEquals } from "@std/assert";
import { replayed } from "../support/golden.ts";

const FOLDERS = ["help", "messages"];

for (const folder of FOLDERS) {
  const url = new URL(`../golden/${folder}/`, import.meta.url);
  for (const { name } of [...Deno.readDirSync(url)].sort((a, b) => a.name < b.name ? -1 : 1)) {
    Deno.test(`golden: ${folder}/${name}`, async () => {
      const path = new URL(name, url);
      const text = await Deno.readTextFile(path);
      const now = await replayed(text);
      if (Deno.args.includes("--rewrite")) await Deno.writeTextFile(path, now);
      else assertEquals(now, text);
    });
  }
}
