// Stand-in for `@std/log/base-handler` where only npm can be reached.
import { type LevelName, LEVELS, type LogRecord } from "./record.ts";

/** Turns a record into the text to write. */
export type FormatterFunction = (record: LogRecord) => string;

/** Formats the records that reach its level and writes them where its subclass says. */
export abstract class BaseHandler {
  readonly #formatter: FormatterFunction;
  constructor(
    readonly levelName: LevelName,
    { formatter = ({ levelName, msg }) => `${levelName} ${msg}` }: {
      formatter?: FormatterFunction;
    } = {},
  ) {
    this.#formatter = formatter;
  }

  /** Formats and writes one record unless it is below this handler's level. */
  handle(record: LogRecord): void {
    if (record.level >= LEVELS[this.levelName]) this.log(this.#formatter(record));
  }

  /** Writes one formatted message. */
  abstract log(msg: string): void;
}
