// What a logger gives to its handlers: records, and their levels. Upstream has these in two files.

/** Names of the levels, least severe first, with upstream's numbers. */
export const LEVELS = {
  NOTSET: 0,
  DEBUG: 10,
  INFO: 20,
  WARN: 30,
  ERROR: 40,
  CRITICAL: 50,
} as const;
/** Name of a level. */
export type LevelName = keyof typeof LEVELS;

/** One message on its way to the handlers. */
export class LogRecord {
  readonly datetime = new Date();
  constructor(
    readonly msg: string,
    readonly args: unknown[],
    readonly level: number,
    readonly levelName: LevelName,
    readonly loggerName: string,
  ) {}
}
