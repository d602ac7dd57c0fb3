// Which process a number means. Numbers are used again; the instant at which a process began is its own.

/** What tells a process from a later one with its number. */
export interface ProcessIdentity {
  /** Clock ticks from the machine's start to that of the process. */
  readonly start: string;
  /** Path of its program, null where we may not know it. */
  readonly program: string | null;
  /** User that it runs as. */
  readonly uid: number | null;
}

/** Of the process with that number; null when there is none, or where the system does not tell. */
export function identityOf(pid: number): ProcessIdentity | null {
  try {
    // The name in parentheses may have blanks and parentheses in it; the start is field 22 of all.
    const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(")").at(-1)?.trim().split(" ");
    const start = fields?.[19];
    if (start === undefined || !/^\d+$/.test(start)) return null;
    return { start, program: programOf(pid), uid: Deno.statSync(`/proc/${pid}`).uid };
  } catch {
    return null;
  }
}

/** Whether the system tells at all. */
export function tellsIdentities(): boolean {
  return identityOf(Deno.pid) !== null;
}

function programOf(pid: number): string | null {
  try {
    // A program that was replaced while it runs.
    return Deno.readLinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, "");
  } catch {
    return null;
  }
}
