// Messages before the log exists, and about errors that prevent the start.
import { flagOf, type Option } from "../options/all.ts";
import { isOn, isSwitchValue, type Values } from "../options/parse.ts";
import { nameOf } from "../config/config.ts";
import { MESSAGE_MAX_CHARS, plain } from "../core/plain.ts";
import type { Host } from "../host/host.ts";
import { withoutPasswords } from "../log/password.ts";
import { LOG_FORMATS } from "../log/format.ts";

/** Prints to standard output, for success. */
export function say(host: Host, text: string): number {
  host.print("out", text);
  return 0;
}

/** Prints to standard error. The text may quote a file or a server, and goes to a terminal. */
export function complain(host: Host, text: string): void {
  host.print("err", `exoip: ${plain(withoutPasswords(text), MESSAGE_MAX_CHARS)}`);
}

/** To standard error for the person, and to the log for an unattended boot. */
export async function fail(
  problems: readonly string[],
  { host, given }: { host: Host; given: Values["given"] },
): Promise<number> {
  // The format itself may be the problem.
  const wanted = isOn(given.get("O")) ? "text" : given.get("log-format")?.text;
  const format = LOG_FORMATS.find((each) => each === wanted) ?? null;
  const log = host.openLog({ stdout: false, format });
  // The journal has standard error, too.
  if (log.format !== "journald") {
    for (const problem of problems) complain(host, problem);
  }
  if (log.kind === "syslog" || log.format !== "text") {
    for (const problem of problems) {
      log.write("critical", "configuration", withoutPasswords(problem));
    }
    await log.flush();
  }
  return 1;
}

/** Warnings about settings that are allowed but probably not wanted. They show no value: it may be the secret. */
export function warningsOf({ given, ignored, ignoredAfter = null }: Values): string[] {
  const visible = given.get("xs")?.source === "-xs"
    ? [`a secret in an argument shows in ps: use ${nameOf("api-secret-file")}`]
    : [];
  return [...visible, ...strayIn(ignored, ignoredAfter)];
}

/** A stray word may be a secret: only the value of a switch is quoted. */
function strayIn([word, ...others]: readonly string[], after: Option | null): string[] {
  if (word === undefined) return [];
  const count = others.length + 1;
  const which = count === 1 ? "the last argument is" : `the last ${count} arguments are`;
  const flag = after && flagOf(after), value = isSwitchValue(word);
  const first = value ? JSON.stringify(word) : count === 1 ? "it" : "the first of them";
  const place = flag ? `, after ${flag},` : "";
  const meant = flag && value && after.kind === "switch" ? `: write ${flag}=${word}` : "";
  return [`${which} ignored: ${first}${place} is not a flag${meant}`];
}
