// Whether the lines of the log on standard output need a time of their own. A terminal and a file add none; the
// journal, syslog, a container's log and most programs that read a pipe do.
import { fstatSync } from "node:fs";

/** True when that open file is a terminal or a regular file. */
export function isUnstamped(
  { fd = 1, terminal = Deno.stdout.isTerminal() }: { fd?: number; terminal?: boolean } = {},
): boolean {
  if (terminal) return true;
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}
