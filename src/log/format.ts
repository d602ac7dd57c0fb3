// The formats of a log line: for a person, for a collector, for the journal.
import { LINE_MAX_CHARS, plain } from "../core/plain.ts";
import type { EventName, Severity } from "../core/registry/events.ts";

/** `text` as the original, `json` one object per line, `journald` with sd-daemon's priorities. */
export type LogFormat = typeof LOG_FORMATS[number];
/** All formats, the default first. */
export const LOG_FORMATS = ["text", "json", "journald"] as const;

/** One line before it is written. */
export interface Entry {
  readonly severity: Severity;
  /** Stable word for log searches. */
  readonly event: EventName;
  readonly text: string;
  /** The Elastic IP that it is about if there are several, else null. */
  readonly elasticIp: string | null;
  readonly at: Date;
}

/** Severities of syslog(3). */
export const SYSLOG_SEVERITY: Readonly<Record<Severity, number>> = {
  critical: 2,
  warning: 4,
  info: 6,
};
const TAGS: Readonly<Record<number, string>> = { 2: "CRIT   ", 4: "WARNING", 6: "INFO   " };

/** The beginning of a line for a person, by syslog's number. */
export function tagOf(severity: number): string {
  return `exoip [${TAGS[severity]}]`;
}

/** Event word, address and sentence: always one line of bounded length, whatever it quotes. */
export function sentence({ event, elasticIp, text }: Entry): string {
  const about = elasticIp === null ? "" : `${elasticIp}: `;
  return plain(`${event}: ${about}${text}`, LINE_MAX_CHARS);
}

/** The line for standard output, without its end. */
export const FORMATTERS: Readonly<Record<LogFormat, (entry: Entry) => string>> = {
  text: (entry) => `${tagOf(SYSLOG_SEVERITY[entry.severity])} ${sentence(entry)}`,
  journald: (entry) => `<${SYSLOG_SEVERITY[entry.severity]}>${sentence(entry)}`,
  json: ({ severity, event, text, elasticIp, at }) =>
    JSON.stringify({
      time: at.toISOString(),
      level: severity,
      event,
      ...(elasticIp !== null && { address: elasticIp }),
      message: plain(text, LINE_MAX_CHARS),
    }),
};
