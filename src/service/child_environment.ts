// What commands that we run for the operator may know.
import type { Environment } from "../cli.ts";

/** Ours alone: who answers for us would tell the service manager lies. */
const SUPERVISION = ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"];

/** What may have a password within: a check's URL, a check's argument. */
const MAY_HIDE = ["IF_CHECK"];

/** Our environment without secrets. The name of a file that has one is none. */
export function childEnvironment(env: Environment): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || isSecret(name) || SUPERVISION.includes(name)) continue;
    kept[name] = value;
  }
  return kept;
}

/** Case does not count: on Windows it does not, either. */
function isSecret(name: string): boolean {
  if (MAY_HIDE.includes(name.toUpperCase())) return true;
  return /^(IF|EXOSCALE|CLOUDSTACK)_/i.test(name) && /SECRET/i.test(name) && !/_FILE$/i.test(name);
}
