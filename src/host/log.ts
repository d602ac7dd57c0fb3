// The one file that knows `@std/log`: lines to syslog, as the original does, or to standard output.
import { BaseHandler } from "@std/log/base-handler";
import { Logger } from "@std/log/logger";
import { LINE_MAX_CHARS, plain } from "../core/plain.ts";
import type { Log } from "../world.ts";
import { LineWriter } from "./line_writer.ts";
import { openSyslog, type Syslog } from "./syslog.ts";

/** A log that can be drained before the process ends. */
export interface HostLog extends Log {
  /** Where the lines went at the start. */
  readonly kind: "syslog" | "stdout";
  /** Resolves when the lines so far are out, at the latest after a second. */
  flush(): Promise<void>;
}

const TAGS: Readonly<Record<string, string>> = {
  CRITICAL: "CRIT   ",
  WARN: "WARNING",
  INFO: "INFO   ",
};
const SYSLOG_SEVERITY: Readonly<Record<string, number>> = { CRITICAL: 2, WARN: 4, INFO: 6 };
const NAMES: Readonly<Record<number, string>> = { 2: "CRITICAL", 4: "WARN", 6: "INFO" };
/** Longest wait for each of the two outputs at the end. */
const FLUSH_MS = 500;

class StdoutHandler extends BaseHandler {
  readonly #writer: LineWriter;
  constructor(writer: LineWriter) {
    super("INFO", { formatter: ({ levelName, msg }) => `exoip [${TAGS[levelName]}] ${msg}` });
    this.#writer = writer;
  }
  override log(line: string): void {
    this.#writer.line(line);
  }
}

class SyslogHandler extends BaseHandler {
  readonly #syslog: Syslog;
  constructor(syslog: Syslog) {
    // The severity travels in front of the line, as one digit.
    super("INFO", { formatter: ({ levelName, msg }) => `${SYSLOG_SEVERITY[levelName]}${msg}` });
    this.#syslog = syslog;
  }
  override log(line: string): void {
    this.#syslog.send(Number(line[0]), line.slice(1));
  }
}

/** Opens the log. Without a syslog socket it says so and uses standard output. */
export function openLog(
  { stdout, syslogPath = "/dev/log", writer = new LineWriter() }: {
    stdout: boolean;
    syslogPath?: string;
    writer?: LineWriter;
  },
): HostLog {
  const toStdout = new StdoutHandler(writer);
  let excuse: string | null = null;
  const syslog = stdout ? null : openSyslog(syslogPath, (severity, text, reason) => {
    const tag = TAGS[NAMES[severity] ?? "INFO"];
    if (excuse !== reason) writer.line(`exoip [WARNING] log: syslog takes no lines: ${reason}`);
    excuse = reason;
    writer.line(`exoip [${tag}] ${text}`);
  });
  const handlers: BaseHandler[] = [syslog ? new SyslogHandler(syslog) : toStdout];
  const logger = new Logger("exoip", "INFO", { handlers });
  let unexplained = !stdout && !syslog;
  return {
    kind: syslog ? "syslog" : "stdout",
    write(severity, event, text) {
      if (unexplained) logger.warn(`log: no syslog at ${syslogPath}: logging to standard output`);
      unexplained = false;
      // Whatever a line quotes, it is one line: the last gate for what every other place has cleaned or forgotten.
      const line = plain(`${event}: ${text}`, LINE_MAX_CHARS);
      if (severity === "critical") logger.critical(line);
      else if (severity === "warning") logger.warn(line);
      else logger.info(line);
    },
    async flush() {
      await syslog?.flush(FLUSH_MS);
      await writer.flush(FLUSH_MS);
    },
  };
}
