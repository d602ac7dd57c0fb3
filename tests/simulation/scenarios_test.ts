// Every file in scenarios/ is a story of a cluster and the trace that it must give. To rewrite the traces
// after a change that was meant: deno test --allow-all tests/simulation/scenarios_test.ts -- --rewrite
// Commit a changed trace only once you can say why it is right.
import { assertEquals } from "@std/assert";
import { play } from "../support/simulation/scenario.ts";

const FOLDER = new URL("../scenarios/", import.meta.url);
const SEPARATOR = "\n----\n";

for (const { name } of [...Deno.readDirSync(FOLDER)].sort((a, b) => a.name < b.name ? -1 : 1)) {
  Deno.test(`scenario ${name.replace(/\.txt$/, "")}`, async () => {
    const file = new URL(name, FOLDER);
    const [commands = "", expected = ""] = Deno.readTextFileSync(file).split(SEPARATOR);
    const { trace, violation } = await play(commands);
    assertEquals(violation, null);
    const text = trace.join("\n");
    if (Deno.args.includes("--rewrite")) {
      return Deno.writeTextFileSync(file, commands.trimEnd() + SEPARATOR + text + "\n");
    }
    assertEquals(text, expected.trimEnd());
  });
}
