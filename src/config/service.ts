// What ties the Elastic IP to the service that it is for: checks, the command to notify, the interface.
import { type CheckSpec, parseCheck } from "./check_spec.ts";
import type { Given } from "../cli.ts";
import { type Reading, unread } from "./reading.ts";
import { splitWords } from "./words.ts";

/** The service as configured. */
export interface ServiceConfig {
  readonly checks: readonly CheckSpec[];
  readonly checkIntervalMs: number;
  readonly checkTimeoutMs: number;
  readonly checkRise: number;
  readonly checkFall: number;
  /** Program and arguments, null when nobody is to be told. */
  readonly notify: readonly string[] | null;
  readonly notifyTimeoutMs: number;
  /** Interface for the Elastic IPs, null when that is somebody else's affair. */
  readonly addressOn: string | null;
}

/** Only the watchdog cares, so only its mistakes count. */
export function readService(reading: Reading, counts: boolean): ServiceConfig {
  if (!counts) return readService(unread(), true);
  const addressOn = reading.value("address-on");
  const usable = addressOn === null || /^[^\s/-][^\s/]{0,14}$/.test(addressOn);
  reading.need(usable, "address-on", `${JSON.stringify(addressOn)} is no name of an interface`);
  return {
    checks: readChecks(reading),
    checkIntervalMs: reading.span("check-interval", ["100ms", "1h"]),
    checkTimeoutMs: reading.span("check-timeout", ["10ms", "1min"]),
    checkRise: reading.count("check-rise", [1, 1_000]),
    checkFall: reading.count("check-fall", [1, 1_000]),
    notify: readNotify(reading),
    notifyTimeoutMs: reading.span("notify-timeout", ["100ms", "1h"]),
    addressOn,
  };
}

function readChecks(reading: Reading): CheckSpec[] {
  const checks: CheckSpec[] = [];
  for (const text of checkTexts(reading.given.get("check"))) {
    const parsed = parseCheck(text);
    if ("problem" in parsed) reading.need(false, "check", parsed.problem);
    else checks.push(parsed.spec);
  }
  const titles = checks.map(({ title }) => title);
  const twice = titles.find((title, index) => titles.indexOf(title) < index);
  reading.need(twice === undefined, "check", `${JSON.stringify(twice)} is given twice`);
  return checks;
}

/** Each flag, and each item of a file's list, is one check; a variable has several, each begun by its scheme. */
export function checkTexts(given: Given | undefined): string[] {
  if (!given) return [];
  const between = !given.source.startsWith("IF_") ? "\n" : /\s+(?=(?:tcp|https?):\/\/|exec:)/;
  return given.text.trim().split(between).map((text) => text.trim());
}

function readNotify(reading: Reading): string[] | null {
  const text = reading.value("notify");
  if (text === null) return null;
  const words = splitWords(text);
  reading.need(words !== null, "notify", `${JSON.stringify(text)}: a quote does not end`);
  reading.need(words === null || !!words[0], "notify", `${JSON.stringify(text)} names no command`);
  return words;
}
