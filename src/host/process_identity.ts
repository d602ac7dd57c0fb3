// Identifies the process of a process id. The system reuses ids; the start time tells processes apart.

/** What tells a process from a later one with the same id. */
export interface ProcessIdentity {
  /** Clock ticks from the machine's start to the process's start. */
  readonly start: string;
  /** Path of its program, null where we may not read it. */
  readonly program: string | null;
  /** The user that it runs as. */
  readonly uid: number | null;
}

/** The identity of the process with that id; null when there is none, or the system does not tell. */
export function identityOf(pid: number): ProcessIdentity | null {
  try {
    // The name in parentheses may contain blanks and parentheses; the start time is field 22.
    const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(")").at(-1)?.trim().split(" ");
    const start = fields?.[19];
    if (start === undefined || !/^\d+$/.test(start)) return null;
    return { start, program: programOf(pid), uid: Deno.statSync(`/proc/${pid}`).uid };
  } catch {
    return null;
  }
}

/** Whether the system tells identities at all. */
export function tellsIdentities(): boolean {
  return identityOf(Deno.pid) !== null;
}

function programOf(pid: number): string | null {
  try {
    // The program file was replaced while the program runs.
    return Deno.readLinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, "");
  } catch {
    return null;
  }
}
