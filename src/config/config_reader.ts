// Shared by the readers of the configuration: the given values, and every problem found on the way.
import { parseDuration } from "../options/duration.ts";
import { type Given, isOn } from "../options/parse.ts";
import { flagOf, OPTIONS } from "../options/all.ts";
import type { OptionReader } from "../options/option.ts";

/** Most problems that are reported. */
const PROBLEMS_MAX = 30;

/** Notes a problem of an option unless it is fine. */
export type Need = (ok: boolean, option: string, problem: string) => void;

/** Values to be checked, and the problems so far. */
export class ConfigReader implements OptionReader {
  readonly problems: string[] = [];
  readonly given: ReadonlyMap<string, Given>;

  readonly #refused: ReadonlySet<string>;

  constructor(given: ReadonlyMap<string, Given>, refused: ReadonlySet<string> = new Set()) {
    this.given = given;
    this.#refused = refused;
  }

  /** Whether a file gives it a value that it cannot have, which has been reported. */
  refused(option: string): boolean {
    return this.#refused.has(option);
  }

  /** Whether the option was given at all. */
  has(option: string): boolean {
    return this.given.has(option);
  }

  /** The given value, null without one. */
  value(option: string): string | null {
    return this.given.get(option)?.text ?? null;
  }

  /** The given value, or the default. */
  text(option: string): string {
    return this.value(option) ?? fallbackOf(option);
  }

  /** All given values, in their order; empty without any. */
  values(option: string): readonly string[] {
    return this.given.get(option)?.texts.map((text) => text.trim()) ?? [];
  }

  /** Whether the switch is on. */
  on(option: string): boolean {
    return isOn(this.given.get(option));
  }

  /** A duration in ms between two limits, which are written as a user would. */
  span(option: string, [least, most]: readonly [string, string]): number {
    const ms = parseDuration(this.text(option)) ?? NaN;
    const [low, high] = [parseDuration(least) ?? 0, parseDuration(most) ?? 0];
    const problem = `${this.text(option)} is not between ${least} and ${most}`;
    this.need(ms >= low && ms <= high, option, problem);
    return ms;
  }

  /** A whole number between two limits. */
  count(option: string, [low, high]: readonly [number, number]): number {
    const value = Number(this.text(option));
    const problem = `${value} is not between ${low} and ${high}`;
    this.need(value >= low && value <= high, option, problem);
    return value;
  }

  /** Notes a problem if the text is in quotes: they become part of the value, for example in docker's --env-file. */
  needUnquoted(text: string, option: string): void {
    const bare = text.trim();
    const isQuoted = bare.length > 1 && /^(["']).*\1$/s.test(bare);
    const source = this.given.get(option)?.source ?? "";
    const where = /^[A-Z_]+$/.test(source) ? ` in ${source}` : "";
    const what = `it begins and ends with a quotation mark${where}, which counts as part of it ` +
      "(docker --env-file keeps them): leave both out";
    this.need(!isQuoted, option, what);
  }

  /** Notes a problem of an option unless it is fine. */
  need(ok: boolean, option: string, problem: string): void {
    if (ok || this.problems.length > PROBLEMS_MAX) return;
    // More problems than this mean that the text is of another kind.
    const more = this.problems.length === PROBLEMS_MAX;
    this.problems.push(more ? "and more: the rest is not told" : `${nameOf(option)}: ${problem}`);
  }
}

/** A reader without any given value, for modes that ignore this part. */
export function unread(): ConfigReader {
  return new ConfigReader(new Map());
}

/** The option as a user knows it: flag and variable. */
export function nameOf(name: string): string {
  const option = OPTIONS.find((each) => each.name === name);
  if (!option) return name;
  const [variable] = option.variables;
  return variable ? `${flagOf(option)} (${variable})` : flagOf(option);
}

/** The default of an option as it would be written, empty when it has none. */
export function fallbackOf(name: string): string {
  return OPTIONS.find((option) => option.name === name)?.fallback ?? "";
}
