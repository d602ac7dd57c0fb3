// Reads accepted.txt, the list of mutants that may survive, each with the reason.
import type { Mutant } from "./find.ts";

/** What an entry says of a mutant. */
export type Change = Pick<Mutant, "file" | "before" | "after">;

/** One entry of the list. */
export interface Accepted extends Change {
  readonly reason: string;
}

/**
 * Reads the list. A paragraph has the file; original lines (`- `), each followed by one or more changed lines (`+ `);
 * and the reason. Throws with the first line of a malformed paragraph.
 */
export function readAccepted(text: string): Accepted[] {
  const paragraphs = text.split(/\n\s*\n/).map((part) =>
    part.split("\n").map((line) => line.trim()).filter((line) => line && !line.startsWith("#"))
  );
  return paragraphs.filter((lines) => lines.length > 0).flatMap((lines) => {
    const [file = "", ...rest] = lines;
    const reason = rest.filter((line) => !/^[-+] /.test(line)).join(" ");
    const found: Accepted[] = [];
    let before: string | null = null;
    for (const line of rest) {
      if (line.startsWith("- ")) before = line.slice(2);
      else if (line.startsWith("+ ") && before !== null) {
        found.push({ file, before, after: line.slice(2), reason });
      }
    }
    if (found.length === 0 || reason === "") {
      throw new Error(
        `accepted.txt: "${file}" is not followed by "- line before", "+ line after" and the reason`,
      );
    }
    return found;
  });
}

/** Whether the entry describes that mutant. */
export function isOf(mutant: Change, { file, before, after }: Accepted): boolean {
  return mutant.file === file && mutant.before === before && mutant.after === after;
}

/** The entries that describe no mutant of the files looked at any more, or a file that is gone. */
export function staleAmong(
  accepted: readonly Accepted[],
  { mutants, files, paths }: {
    mutants: readonly Change[];
    /** The files that the mutants are of. */
    files: readonly string[];
    /** All files. */
    paths: readonly string[];
  },
): Accepted[] {
  return accepted.filter((each) =>
    !paths.includes(each.file) ||
    (files.includes(each.file) && !mutants.some((mutant) => isOf(mutant, each)))
  );
}
