// Options that are allowed but probably not meant: those that do not go together, and an unlikely zone name.
import { isOn, type Values } from "../options/parse.ts";
import { type Config, nameOf } from "./config.ts";
import { looksLikeZone } from "../exoscale/zone.ts";

/** Options that have a meaning only together with another one. */
const NEEDS: Readonly<Record<string, string>> = {
  "check-interval": "check",
  "check-timeout": "check",
  "check-rise": "check",
  "check-fall": "check",
  "notify-timeout": "notify",
};

/** A warning for each, for `-n` and `--doctor`. */
export function doubtfulOptions(config: Config, { given }: Pick<Values, "given">): string[] {
  const { mode, checks, checkIntervalMs, checkTimeoutMs } = config;
  const found = zoneDoubts(config);
  if (mode !== "watchdog") return found;
  if (isOn(given.get("no-preempt")) && given.has("preempt-delay")) {
    found.push(
      `${nameOf("preempt-delay")} has no effect beside ${nameOf("no-preempt")}: give one of them`,
    );
  }
  if (config.shadow && given.has("reconcile-interval")) {
    found.push(`${nameOf("reconcile-interval")} has no effect beside ${nameOf("shadow")}`);
  }
  for (const [option, other] of Object.entries(NEEDS)) {
    if (given.has(option) && !given.has(other)) {
      found.push(`${nameOf(option)} has no effect without ${nameOf(other)}`);
    }
  }
  if (checks.length > 0 && checkTimeoutMs > checkIntervalMs) {
    const [timeout, interval] = [seconds(checkTimeoutMs), seconds(checkIntervalMs)];
    found.push(
      `--check-timeout is ${timeout}, longer than --check-interval, ${interval}: ` +
        "a check that hangs runs less often than you ask",
    );
  }
  return found;
}

/** Checks the zone's name only if the endpoint follows from it: with an endpoint any name will do. */
function zoneDoubts({ zone, endpoint, directory }: Config): string[] {
  if (zone === null || endpoint !== null || directory !== null || looksLikeZone(zone)) return [];
  return [`${nameOf("zone")}: "${zone}" does not look like a zone of Exoscale, such as ch-gva-2`];
}

function seconds(ms: number): string {
  return `${ms / 1_000} s`;
}
