// Stand-in for `@std/log/logger` where only npm can be reached: a logger that gives records of at least
// its level to its handlers.
import type { BaseHandler } from "./base_handler.ts";
import { type LevelName, LEVELS, LogRecord } from "./record.ts";

export { type LevelName, LogRecord };

/** A named source of records. */
export class Logger {
  readonly handlers: BaseHandler[];
  constructor(
    readonly loggerName: string,
    public levelName: LevelName,
    { handlers = [] }: { handlers?: BaseHandler[] } = {},
  ) {
    this.handlers = handlers;
  }

  /** Logs detail that only a developer wants. */
  debug(msg: string, ...args: unknown[]): string {
    return this.#log("DEBUG", msg, args);
  }
  /** Logs the normal course of things. */
  info(msg: string, ...args: unknown[]): string {
    return this.#log("INFO", msg, args);
  }
  /** Logs what an operator should look at. */
  warn(msg: string, ...args: unknown[]): string {
    return this.#log("WARN", msg, args);
  }
  /** Logs what went wrong. */
  error(msg: string, ...args: unknown[]): string {
    return this.#log("ERROR", msg, args);
  }
  /** Logs what ends the program. */
  critical(msg: string, ...args: unknown[]): string {
    return this.#log("CRITICAL", msg, args);
  }

  #log(level: LevelName, msg: string, args: unknown[]): string {
    if (LEVELS[level] < LEVELS[this.levelName]) return msg;
    const record = new LogRecord(msg, args, LEVELS[level], level, this.loggerName);
    for (const handler of this.handlers) handler.handle(record);
    return msg;
  }
}
