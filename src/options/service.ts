// Ties the Elastic IP to the service behind it.
import { type CheckSpec, parseCheck, shownCheck, shownCommand } from "../checks/spec.ts";
import { splitCommand } from "../host/split_command.ts";
import { count, duration, type Option, type OptionReader, parsed } from "./option.ts";

/** The settings that run programs. */
export interface Programs {
  readonly checks: readonly CheckSpec[];
  readonly notify: readonly string[] | null;
  readonly addressOn: string | null;
}

/** Whether the watchdog needs to run programs. */
export function runsPrograms({ checks, notify, addressOn }: Programs): boolean {
  return notify !== null || addressOn !== null || checks.some(({ kind }) => kind === "exec");
}

/** Options that tie the Elastic IP to the service behind it. Only the watchdog uses them. */
export const SERVICE = [
  parsed({
    name: "check",
    group: "health",
    kind: "many",
    key: "checks",
    variables: ["IF_CHECK"],
    value: "CHECK",
    // Each check begins with its scheme.
    separator: /\s(?=(?:tcp|https?):\/\/|exec:)/,
    help: "health check for this node: tcp://HOST:PORT, http(s)://... or exec:COMMAND; repeatable",
    read: readChecks,
    watchdogOnly: true,
    reload: "checks",
    // A process that has given up the right to run programs cannot run one.
    restartIf: (_, next, rights) => runsPrograms(next as Programs) && !rights.run,
  }),
  duration({
    name: "check-interval",
    group: "health",
    key: "checkIntervalMs",
    variables: ["IF_CHECK_INTERVAL"],
    ends: ["100ms", "1h"],
    fallback: "2",
    help: "time between two runs of a check, 100ms to 1h",
    watchdogOnly: true,
    reload: "checks",
  }),
  duration({
    name: "check-timeout",
    group: "health",
    key: "checkTimeoutMs",
    variables: ["IF_CHECK_TIMEOUT"],
    ends: ["10ms", "1min"],
    fallback: "1",
    help: "how long one run of a check may take, 10ms to 1min",
    watchdogOnly: true,
    reload: "checks",
  }),
  count({
    name: "check-rise",
    group: "health",
    key: "checkRise",
    variables: ["IF_CHECK_RISE"],
    ends: [1, 1_000],
    fallback: "2",
    help: "successes in a row that make a failing check pass",
    watchdogOnly: true,
    reload: "checks",
  }),
  count({
    name: "check-fall",
    group: "health",
    key: "checkFall",
    variables: ["IF_CHECK_FALL"],
    ends: [1, 1_000],
    fallback: "3",
    help: "failures in a row that make a check fail",
    watchdogOnly: true,
    reload: "checks",
  }),
  parsed({
    name: "notify",
    group: "health",
    key: "notify",
    variables: ["IF_NOTIFY"],
    value: "COMMAND",
    help: "command to run at every change of role; EXOIP_ variables tell it what happened",
    read: readNotify,
    watchdogOnly: true,
  }),
  duration({
    name: "notify-timeout",
    group: "health",
    key: "notifyTimeoutMs",
    variables: ["IF_NOTIFY_TIMEOUT"],
    ends: ["100ms", "1h"],
    fallback: "30",
    help: "how long the command of --notify may run, 100ms to 1h",
    watchdogOnly: true,
  }),
  parsed({
    name: "address-on",
    group: "health",
    key: "addressOn",
    variables: ["IF_ADDRESS_ON"],
    value: "INTERFACE",
    help: "keep the Elastic IP on this interface, such as lo, while the watchdog runs; needs ip " +
      "and root",
    read(reader): string | null {
      const text = reader.value("address-on");
      const usable = text === null || /^[^\s/-][^\s/]{0,14}$/.test(text);
      reader.need(usable, "address-on", `${JSON.stringify(text)} is not the name of an interface`);
      return text;
    },
    watchdogOnly: true,
  }),
] as const satisfies readonly Option[];

/** The common part of every declaration, with its defaults. */
const CHECKS_MAX = 100;

function readChecks(reader: OptionReader): readonly CheckSpec[] {
  const texts = reader.values("check");
  const few = texts.length <= CHECKS_MAX;
  reader.need(few, "check", `${texts.length} checks, wanted at most ${CHECKS_MAX}`);
  if (!few) return [];
  const checks: CheckSpec[] = [];
  for (const text of texts) {
    const check = parseCheck(text);
    if ("problem" in check) reader.need(false, "check", check.problem);
    else checks.push(check.spec);
  }
  const twice = texts.find((text, index) => texts.indexOf(text) < index);
  const shown = JSON.stringify(shownCheck(twice ?? ""));
  reader.need(twice === undefined, "check", `${shown} is given twice`);
  return checks.map((check, index) => ({ ...check, title: numbered(checks, index) }));
}

/** A number tells checks apart that differ only in hidden parts. */
function numbered(checks: readonly CheckSpec[], index: number): string {
  const title = checks[index]?.title ?? "";
  const before = checks.slice(0, index).filter((each) => each.title === title).length;
  return before === 0 ? title : `${title} (${before + 1})`;
}

/** Program and arguments, null without a notify command. */
function readNotify(reader: OptionReader): readonly string[] | null {
  const text = reader.value("notify");
  if (text === null) return null;
  const words = splitCommand(text);
  const shown = JSON.stringify(shownCommand(text));
  reader.need(words !== null, "notify", `${shown}: a quote does not end`);
  reader.need(words === null || !!words[0], "notify", `${shown} names no command`);
  return words;
}
