// What a check has found, and how it is shown: one line each with details behind it, as text or as JSON.

import { jsonText, MESSAGE_MAX_CHARS, plain } from "../core/plain.ts";

/** `warn` does not keep the watchdog from working, `FAIL` does; `skip` means that it could not be looked at. */
export type Mark = "ok" | "warn" | "FAIL" | "skip";

/** One line of the result. A failure says what to do about it. */
export interface Finding {
  readonly check: string;
  readonly mark: Mark;
  readonly text: string;
  /** What stands behind it: answers of the cloud, what was tried. */
  readonly details?: readonly string[];
}

/** What a check says of itself; the runner adds its name. */
export type Result = Omit<Finding, "check">;

/** All is well. */
export function ok(text: string, ...details: string[]): Result {
  return { mark: "ok", text, details };
}

/** It works, and yet is not what one wants. */
export function warn(text: string, ...details: string[]): Result {
  return { mark: "warn", text, details };
}

/** It will not work. */
export function fail(text: string, ...details: string[]): Result {
  return { mark: "FAIL", text, details };
}

/** It could not be looked at. */
export function skip(text: string, ...details: string[]): Result {
  return { mark: "skip", text, details };
}

/** It could not be looked at, because of what another check tells. */
export function needs(what: string): Result {
  return skip(`skipped: needs ${what}`);
}

/** Thrown by what a check needs to know first; ends the check as `skip`. The message is what is needed. */
export class NotKnown extends Error {
  override readonly name = "NotKnown";
}

/** Thrown by a check whose answer is a failure and nothing else. */
export class Failed extends Error {
  override readonly name = "Failed";
}

/** How findings are printed. */
export interface Manner {
  /** A screen: lines are broken. */
  readonly terminal: boolean;
  /** Details of what is fine, too. */
  readonly verbose: boolean;
}

const MARK_CHARS = 5, CHECK_CHARS = 11;
/** Longest line on a screen. */
const LINE_MAX = 160;
const INDENT = " ".repeat(MARK_CHARS + CHECK_CHARS);

/** Mark, check and text in one line, then the details. Text of the cloud cannot begin another line. */
export function linesOf(
  { mark, check, text, details = [] }: Finding,
  { terminal, verbose }: Manner,
): string[] {
  const shown = verbose || mark === "FAIL" || mark === "warn" ? details : [];
  const start = `${mark.padEnd(MARK_CHARS)}${check.padEnd(CHECK_CHARS)}`;
  const lines = [start + plain(text, MESSAGE_MAX_CHARS)];
  for (const detail of shown) lines.push(INDENT + plain(detail, MESSAGE_MAX_CHARS));
  return terminal ? lines.flatMap(broken) : lines;
}

/** In lines that fit the screen; what cannot be broken at a blank is broken anywhere. */
function broken(line: string): string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > LINE_MAX) {
    const blank = rest.lastIndexOf(" ", LINE_MAX);
    const at = blank > INDENT.length ? blank : LINE_MAX;
    lines.push(rest.slice(0, at));
    rest = INDENT + rest.slice(at).trimStart();
  }
  return [...lines, rest];
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
