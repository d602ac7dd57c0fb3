// The mutants of some files: one change each, in source order.
import type { Edit } from "./points.ts";

/** A file with one change. */
export interface Mutant {
  /** From the root of the tree, with slashes. */
  readonly file: string;
  /** The line where the change begins, from 1. */
  readonly line: number;
  readonly edit: Edit;
  /** The changed lines before and after, with white space collapsed. */
  readonly before: string;
  readonly after: string;
}

const PLUGIN = new URL("./points.ts", import.meta.url);

/** All mutants of the files. Deno's linter parses them. */
export async function findMutants(root: string, files: readonly string[]): Promise<Mutant[]> {
  const folder = await Deno.makeTempDir({ prefix: "exoip-mutate-" });
  try {
    const config = `${folder}/deno.json`;
    const lint = { plugins: [PLUGIN.href], rules: { tags: [], include: ["mutate/points"] } };
    await Deno.writeTextFile(config, JSON.stringify({ lint }));
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["lint", "--json", "--config", config, ...files.map((file) => `${root}/${file}`)],
      env: { NO_COLOR: "1" },
    }).output();
    const decoder = new TextDecoder();
    const report = parsed(decoder.decode(stdout));
    if (!report || report.errors.length > 0 || report.checked_files.length !== files.length) {
      throw new Error(`deno lint cannot read the files: ${decoder.decode(stderr)}`);
    }
    return files.flatMap((file) => {
      const text = Deno.readTextFileSync(`${root}/${file}`);
      const edits = report.diagnostics
        .filter(({ filename }) => filename.endsWith(`/${file}`))
        .flatMap(({ message }): Edit | [] => JSON.parse(message) ?? []);
      return edits.sort((one, other) => one.start - other.start || one.end - other.end)
        .map((edit) => mutantOf(file, text, edit));
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The text with the change made. */
export function apply(text: string, { start, end, text: after }: Edit): string {
  return text.slice(0, start) + after + text.slice(end);
}

function mutantOf(file: string, text: string, edit: Edit): Mutant {
  const from = text.lastIndexOf("\n", edit.start - 1) + 1;
  const to = text.indexOf("\n", edit.end);
  const lines = text.slice(from, to < 0 ? text.length : to);
  const moved = { ...edit, start: edit.start - from, end: edit.end - from };
  return {
    file,
    line: text.slice(0, edit.start).split("\n").length,
    edit,
    before: shortened(lines),
    after: shortened(apply(lines, moved)),
  };
}

function shortened(text: string): string {
  return text.trim().replaceAll(/\s+/g, " ");
}

interface LintReport {
  readonly diagnostics: readonly { readonly filename: string; readonly message: string }[];
  readonly errors: readonly unknown[];
  readonly checked_files: readonly string[];
}

function parsed(text: string): LintReport | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
