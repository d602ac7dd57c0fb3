// The only file that uses `@std/log`: lines to syslog, as the original does, or to standard output.
import { BaseHandler } from "@std/log/base-handler";
import { Logger, type LogRecord } from "@std/log/logger";
import type { Severity } from "../core/registry/events.ts";
import type { Log } from "../world.ts";
import { LineWriter } from "./line_writer.ts";
import {
  type Entry,
  FORMATTERS,
  type LogFormat,
  sentence,
  SYSLOG_SEVERITY,
  tagOf,
} from "../log/format.ts";
import { openSyslog, type Syslog, type SyslogEntry } from "./syslog.ts";

/** The log's configuration. */
export interface LogOptions {
  /** Standard output instead of syslog. */
  readonly stdout: boolean;
  /** Null when not configured: then text, or the journal's format if standard output is the journal. */
  readonly format?: LogFormat | null;
  /** The least severe lines that are written; default all. */
  readonly level?: Severity;
}

/** A log that can be drained before the process ends. */
export interface HostLog extends Log {
  /** Where the lines go now. */
  readonly kind: "syslog" | "stdout";
  /** Whether writing them needs the right to write. */
  readonly needsRight: boolean;
  readonly format: LogFormat;
  /** Changes the least severe lines that are written. */
  setLevel(level: Severity): void;
  /** Resolves when all lines so far are out, at the latest after a second. */
  flush(): Promise<void>;
}

const LEVELS = { info: "INFO", warning: "WARN", critical: "CRITICAL" } as const;
/** Longest wait for each of the two outputs at the end. */
const FLUSH_MS = 500;

/** Passes on the entry of each record; the logger has filtered by level already. */
class EntryHandler extends BaseHandler {
  readonly #take: (entry: Entry) => void;
  constructor(take: (entry: Entry) => void) {
    super("INFO");
    this.#take = take;
  }
  override handle({ datetime, args }: LogRecord): void {
    const [entry] = args as [Omit<Entry, "at">];
    this.#take({ ...entry, at: datetime });
  }
  override log(): void {}
}

/**
 * Opens the log. While there is no syslog, or it takes nothing, it says so and uses standard output. A caller that
 * outlives it must dispose of it.
 */
export function openLog(
  { stdout, format: wanted, level = "info", journal = false, syslogPath = "/dev/log", ...rest }:
    & LogOptions
    & {
      /** Whether standard output is the journal, see `writesToJournal`. */
      journal?: boolean;
      /** Whether a line of text on standard output begins with its time, see `isUnstamped`. */
      timed?: boolean;
      syslogPath?: string;
      writer?: LineWriter;
    },
): HostLog & Disposable {
  const format = wanted ?? (journal && !stdout ? "journald" : "text");
  const note = (text: string): Entry => ({
    severity: "warning",
    event: "log",
    text,
    elasticIp: null,
    at: new Date(),
  });
  const writer = rest.writer ?? new LineWriter(Deno.stdout);
  writer.tellLossesAs((lost) => FORMATTERS[format](note(`${lost} log lines dropped`)));
  const timeOf = (at: Date) => rest.timed && format === "text" ? `${at.toISOString()} ` : "";
  const print = (entry: Entry) => writer.line(timeOf(entry.at) + FORMATTERS[format](entry));

  const fallback = {
    print: ({ severity, text, at }: SyslogEntry) =>
      writer.line(`${timeOf(at)}${tagOf(severity)} ${text}`),
    changed: (reason: string | null) => print(note(changeText(syslogPath, reason))),
  };
  const syslog = format === "text" && !stdout ? openSyslog(syslogPath, fallback) : null;
  const send = (entry: Entry) => syslog ? sendTo(syslog, entry) : print(entry);
  const logger = new Logger("exoip", LEVELS[level], { handlers: [new EntryHandler(send)] });
  return {
    get kind() {
      return syslog?.present ? "syslog" : "stdout";
    },
    needsRight: syslog?.needsRight ?? false,
    format,
    write(severity, event, text, elasticIp) {
      const entry = { severity, event, text, elasticIp: elasticIp ?? null };
      if (severity === "critical") logger.critical(text, entry);
      else if (severity === "warning") logger.warn(text, entry);
      else logger.info(text, entry);
    },
    setLevel(next) {
      logger.levelName = LEVELS[next];
    },
    async flush() {
      await syslog?.flush(FLUSH_MS);
      await writer.flush(FLUSH_MS);
    },
    [Symbol.dispose]: () => syslog?.close(),
  };
}

function changeText(path: string, reason: string | null): string {
  return reason === null
    ? `syslog at ${path} takes lines now`
    : `syslog at ${path} takes no lines (${reason}): they go to standard output until it does`;
}

function sendTo(syslog: Syslog, entry: Entry): void {
  syslog.send(SYSLOG_SEVERITY[entry.severity], sentence(entry));
}
