// What a check has found, and how it is shown: one line each, as text or as JSON.

import { MESSAGE_MAX_CHARS, plain } from "../core/plain.ts";

/** `warn` does not keep the watchdog from working, `FAIL` does; `skip` means that it could not be looked at. */
export type Mark = "ok" | "warn" | "FAIL" | "skip";

/** One line of the result. A failure says what to do about it. */
export interface Finding {
  readonly check: string;
  readonly mark: Mark;
  readonly text: string;
}

/** What a check says of itself; the runner adds its name. */
export type Result = Omit<Finding, "check">;

/** All is well. */
export function ok(text: string): Result {
  return { mark: "ok", text };
}

/** It works, and yet is not what one wants. */
export function warn(text: string): Result {
  return { mark: "warn", text };
}

/** It will not work. */
export function fail(text: string): Result {
  return { mark: "FAIL", text };
}

/** It could not be looked at. */
export function skip(text: string): Result {
  return { mark: "skip", text };
}

/** Thrown by what a check needs to know first; ends the check as `skip`, since the cause is told elsewhere. */
export class NotKnown extends Error {
  override readonly name = "NotKnown";
}

/** Thrown by a check whose answer is a failure and nothing else. */
export class Failed extends Error {
  override readonly name = "Failed";
}

const MARK_CHARS = 5, CHECK_CHARS = 11;

/** One line: mark, check, text. Text of the cloud cannot begin another line. */
export function lineOf({ mark, check, text }: Finding): string {
  return `${mark.padEnd(MARK_CHARS)}${check.padEnd(CHECK_CHARS)}${plain(text, MESSAGE_MAX_CHARS)}`;
}

/** The last line. */
export function summaryOf(findings: readonly Finding[]): string {
  const count = (mark: Mark) => findings.filter((finding) => finding.mark === mark).length;
  const failed = count("FAIL");
  const verdict = failed > 0 ? `${failed} failed` : "nothing fails";
  return `${verdict}, ${count("warn")} warned, ${count("ok")} ok, ${count("skip")} not checked`;
}

/** 1 when something fails. */
export function exitCodeOf(findings: readonly Finding[]): 0 | 1 {
  return findings.some(({ mark }) => mark === "FAIL") ? 1 : 0;
}
