// A copy of the tree in which mutants are tried one after the other.
import { apply, type Mutant } from "./find.ts";
import type { Stage } from "./notice.ts";

/** How a run of tests ended. */
export type Outcome = "passed" | "failed" | "hung";

/** Heap limit of a run, in MB: an endless loop that allocates fails soon. */
const HEAP_MB = 600;

/** One copy. */
export class Slot {
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  /** Copies these files of the tree. */
  static async of(root: string, paths: readonly string[]): Promise<Slot> {
    const folder = await Deno.makeTempDir({ prefix: "exoip-mutate-" });
    for (const path of paths) {
      await Deno.mkdir(`${folder}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.copyFile(`${root}/${path}`, `${folder}/${path}`);
    }
    return new Slot(folder);
  }

  /** Runs `work` with the mutant in place. */
  async with<T>({ file, edit }: Mutant, work: () => Promise<T>): Promise<T> {
    const path = `${this.#root}/${file}`;
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, apply(text, edit));
    try {
      return await work();
    } finally {
      await Deno.writeTextFile(path, text);
    }
  }

  /** Runs the tests until the first failure. A copy that cannot be parsed is a bug of this script. */
  async run({ files, filter }: Stage, limitMs: number): Promise<Outcome> {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "test",
        "--no-check",
        "--fail-fast",
        "--allow-all",
        `--v8-flags=--max-old-space-size=${HEAP_MB}`,
        ...(filter === null ? [] : ["--filter", filter]),
        ...files,
      ],
      cwd: this.#root,
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    let hung = false;
    const timer = setTimeout(() => {
      hung = true;
      child.kill("SIGKILL");
    }, limitMs);
    try {
      const { success, stderr } = await child.output();
      if (success) return "passed";
      if (hung) return "hung";
      const said = new TextDecoder().decode(stderr);
      if (/^error: (SyntaxError|The module's source code could not be parsed): /m.test(said)) {
        throw new Error(said);
      }
      return "failed";
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whether the types of that file are right. Only asked when all tests pass, because they run without that check. */
  async compiles(file: string): Promise<boolean> {
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", file],
      cwd: this.#root,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#root, { recursive: true });
  }
}
