// Whether log lines on standard output need a time. Terminals and files do not add one; the journal, syslog, container
// logs and most programs that read a pipe do.
import { fstatSync } from "node:fs";

/** True when the open file is a terminal or a regular file. */
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
