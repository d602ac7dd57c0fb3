// Whether standard output is systemd's journal. Source: systemd.exec(5), JOURNAL_STREAM and SYSTEMD_EXEC_PID.
import { fstatSync } from "node:fs";

/**
 * True when systemd itself has started this process with standard output into the journal. A process that another
 * program of the unit has started, as ifupdown does, uses syslog, where its lines have their own tag.
 */
export function writesToJournal(
  { JOURNAL_STREAM, SYSTEMD_EXEC_PID }: Readonly<Record<string, string | undefined>>,
  { pid = Deno.pid, fd = 1 }: { pid?: number; fd?: number } = {},
): boolean {
  if (!JOURNAL_STREAM || Number(SYSTEMD_EXEC_PID) !== pid) return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return JOURNAL_STREAM === `${dev}:${ino}`;
  } catch {
    return false;
  }
}
