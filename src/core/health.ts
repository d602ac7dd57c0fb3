// Whether this node is healthy, from the results of its checks. Pure: results and instants come in.
//
//   now       result                            next
//   pending   the first one                     passing or failing, at once
//   passing   `fall` failures in a row          failing
//   failing   `rise` successes in a row         passing
//
// A check without a result counts as passing, so that a restart does not make the address move, but only as long as the
// node may not decide anyway: who still does not know does not go before who does.

/** How many results in a row it takes. */
export interface HealthSettings {
  /** Successes until a failing check passes, at least 1. */
  readonly rise: number;
  /** Failures until a passing check fails, at least 1. */
  readonly fall: number;
}

/** What a check is taken for. */
export type CheckState = "pending" | "passing" | "failing";

/** What one run of a check has shown. */
export interface CheckResult {
  readonly passing: boolean;
  /** Why it failed, empty when it passed. */
  readonly reason: string;
  /** From its start until the result was known. */
  readonly tookMs: number;
}

/** One check, for the log and the status. */
export interface CheckHealth {
  /** As it was written, without a password. */
  readonly title: string;
  readonly state: CheckState;
  /** Since when it has this state. */
  readonly changedAtMs: number;
  /** Null before the first result. */
  readonly last: CheckResult | null;
  /** When the last result came, null before the first. */
  readonly lastAtMs: number | null;
  /** Why the latest run that failed did so, empty when none has. */
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

/** Checks that have yet to run; for `graceMs` that is taken for passing. What is known of one of them stays known. */
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

/** One result more, of the check with that index. */
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

/** Checks that keep the node from being healthy now, each with why. */
export function ailments({ checks, graceUntilMs }: Health, atMs: number): string[] {
  return checks.flatMap(({ title, state, lastFailure }) => {
    if (state === "failing") return [`${title}: ${lastFailure}`];
    return state === "pending" && atMs >= graceUntilMs ? [`${title}: no result yet`] : [];
  });
}
