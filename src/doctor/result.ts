// The result of a check, and how it is shown: one line, followed by details, as text or as JSON.

import { jsonText, MESSAGE_MAX_CHARS, plain } from "../core/plain.ts";
import { wrapped } from "../status/table.ts";

/** `warn` does not keep the watchdog from working, `FAIL` does; `skip` means that it could not be checked. */
export type Mark = "ok" | "warn" | "FAIL" | "skip";

/** One line of the result. A failure includes the remedy. */
export interface Finding {
  readonly check: string;
  readonly mark: Mark;
  readonly text: string;
  /** The evidence: answers of the cloud, what was tried. */
  readonly details?: readonly string[];
}

/** The result of a check; the runner adds the check's name. */
export type Result = Omit<Finding, "check">;

/** All is as it should be. */
export function ok(text: string, ...details: string[]): Result {
  return { mark: "ok", text, details };
}

/** It works, but is probably not wanted. */
export function warn(text: string, ...details: string[]): Result {
  return { mark: "warn", text, details };
}

/** It will not work. */
export function fail(text: string, ...details: string[]): Result {
  return { mark: "FAIL", text, details };
}

/** It could not be checked. */
export function skip(text: string, ...details: string[]): Result {
  return { mark: "skip", text, details };
}

/** It could not be checked, because of a problem that another check reports. */
export function needs(what: string): Result {
  return skip(`skipped: needs ${what}`);
}

/** Thrown when a fact that the check needs is unknown; ends the check as `skip`. The message names that fact. */
export class NotKnown extends Error {
  override readonly name = "NotKnown";
}

/** Thrown by a check whose only result is a failure. */
export class Failed extends Error {
  override readonly name = "Failed";
}

/** How findings are printed. */
export interface Manner {
  /** Whether the output is a terminal, where lines are wrapped. */
  readonly terminal: boolean;
  /** Details of passed checks, too. */
  readonly verbose: boolean;
}

const MARK_CHARS = 5, CHECK_CHARS = 11;
/** Longest line on a terminal. */
const LINE_MAX = 160;
const INDENT = " ".repeat(MARK_CHARS + CHECK_CHARS);

/** Mark, check and text in one line, then the details. Text from the cloud cannot start a new line. */
export function linesOf(
  { mark, check, text, details = [] }: Finding,
  { terminal, verbose }: Manner,
): string[] {
  const shown = verbose || mark === "FAIL" || mark === "warn" ? details : [];
  const start = `${mark.padEnd(MARK_CHARS)}${check.padEnd(CHECK_CHARS)}`;
  const lines = [start + plain(text, MESSAGE_MAX_CHARS)];
  for (const detail of shown) lines.push(INDENT + plain(detail, MESSAGE_MAX_CHARS));
  return terminal ? lines.flatMap((line) => wrapped(line, LINE_MAX, INDENT.length)) : lines;
}

/** All findings as JSON: marks are words in lower case. */
export function findingsJson(ok: boolean, findings: readonly Finding[]): string {
  const said = findings.map(({ check, mark, text, details = [] }) => ({
    check,
    mark: mark.toLowerCase(),
    text,
    details,
  }));
  return jsonText({ ok, findings: said }, 2);
}

/** The last line. */
export function summaryOf(findings: readonly Pick<Finding, "mark">[]): string {
  const count = (mark: Mark) => findings.filter((finding) => finding.mark === mark).length;
  const failed = count("FAIL");
  const verdict = failed > 0 ? `${failed} failed` : "nothing fails";
  return `${verdict}, ${count("warn")} warned, ${count("ok")} ok, ${count("skip")} not checked`;
}

/** 1 when something fails. */
export function exitCodeOf(findings: readonly Finding[]): 0 | 1 {
  return findings.some(({ mark }) => mark === "FAIL") ? 1 : 0;
}
