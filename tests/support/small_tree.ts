// A small project whose files a test of a tool changes.

/** A folder with files, which goes when the test ends. */
export interface Tree extends AsyncDisposable {
  readonly root: string;
  readonly paths: readonly string[];
}

/** A small tree in a folder of its own. */
export async function tree(files: Readonly<Record<string, string>>): Promise<Tree> {
  const root = await Deno.makeTempDir({ prefix: "exoip-test-" });
  for (const [path, text] of Object.entries(files)) {
    await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${root}/${path}`, text);
  }
  return {
    root,
    paths: Object.keys(files),
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

/** A function with its test. */
export const SMALL = {
  "src/small.ts": `/** Whether it is. */
export function small(count: number): boolean {
  // 5 is not small any more.
  for (let at = 0; at < count; at++) if (at > 9) return false;
  return count < 5;
}
`,
  "tests/small_test.ts": `import { small } from "../src/small.ts";
Deno.test("small()", () => {
  if (!small(4) || small(5) || small(20)) throw new Error("wrong");
});
`,
};
