// Whether this node is healthy, from the results of its checks. Pure: results and instants come in.
//
//   now       result                            next
//   pending   the first one                     passing or failing, at once
//   passing   `fall` failures in a row          failing
//   failing   `rise` successes in a row         passing
//
// A check without a result counts as passing, so that a restart does not move the address, but only while the hold-off
// keeps the node from deciding anyway: a node that does not know its health must not rank before one that does.

/** How many results in a row change a check's state. */
export interface HealthSettings {
  /** Successes until a failing check passes, at least 1. */
  readonly rise: number;
  /** Failures until a passing check fails, at least 1. */
  readonly fall: number;
}

/** The state of a check. */
export type CheckState = "pending" | "passing" | "failing";

/** The result of one run of a check. */
export interface CheckResult {
  readonly passing: boolean;
  /** Why it failed, empty when it passed. */
  readonly reason: string;
  /** Time from its start to its result. */
  readonly tookMs: number;
}

/** One check, for the log and the status. */
export interface CheckHealth {
  /** The check as configured, without a password. */
  readonly title: string;
  readonly state: CheckState;
  /** Since when it has this state. */
  readonly changedAtMs: number;
  /** Null before the first result. */
  readonly last: CheckResult | null;
  /** When the last result came, null before the first. */
  readonly lastAtMs: number | null;
  /** Why the latest failing run failed, empty when none has. */
  readonly lastFailure: string;
  /** Results in a row that contradict the state. */
  readonly contrary: number;
}

/** All checks of the node. */
export interface Health {
  readonly settings: HealthSettings;
  /** In the order of the configuration. */
  readonly checks: readonly CheckHealth[];
  /** Until when a check without a result counts as passing. */
  readonly graceUntilMs: number;
}

/** Starts all checks as pending, which counts as passing for `graceMs`. Checks in `known` keep their state. */
export function startHealth(
  titles: readonly string[],
  settings: HealthSettings,
  { atMs, graceMs, known = [] }: { atMs: number; graceMs: number; known?: readonly CheckHealth[] },
): Health {
  const checks = titles.map((title): CheckHealth =>
    known.find((each) => each.title === title) ?? ({
      title,
      state: "pending",
      changedAtMs: atMs,
      last: null,
      lastAtMs: null,
      lastFailure: "",
      contrary: 0,
    })
  );
  return { settings, checks, graceUntilMs: atMs + graceMs };
}

/** Notes a result of the check with that index. */
export function noteResult(
  health: Health,
  { index, result, atMs }: { index: number; result: CheckResult; atMs: number },
): Health {
  const checks = health.checks.map((check, at) =>
    at === index ? judged(check, result, { settings: health.settings, atMs }) : check
  );
  return { ...health, checks };
}

function judged(
  check: CheckHealth,
  result: CheckResult,
  { settings, atMs }: { settings: HealthSettings; atMs: number },
): CheckHealth {
  const told: CheckState = result.passing ? "passing" : "failing";
  const lastFailure = result.passing ? check.lastFailure : result.reason;
  const heard = { ...check, last: result, lastAtMs: atMs, lastFailure };
  if (told === check.state) return { ...heard, contrary: 0 };
  const contrary = check.contrary + 1;
  const needed = check.state === "pending" ? 1 : result.passing ? settings.rise : settings.fall;
  if (contrary < needed) return { ...heard, contrary };
  return { ...heard, state: told, changedAtMs: atMs, contrary: 0 };
}

/** The checks that make the node unhealthy now, each with the reason. */
export function unhealthyReasons({ checks, graceUntilMs }: Health, atMs: number): string[] {
  return checks.flatMap(({ title, state, lastFailure }) => {
    if (state === "failing") return [`${title}: ${lastFailure}`];
    return state === "pending" && atMs >= graceUntilMs ? [`${title}: no result yet`] : [];
  });
}
