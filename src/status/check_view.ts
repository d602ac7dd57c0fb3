// A health check in the form that operators see.
import { ageOf } from "../core/age.ts";
import type { CheckHealth } from "../core/health.ts";
import type { CheckView } from "./snapshot.ts";

/** A health check in the form that operators see. */
export function checkView(check: CheckHealth, atMs: number): CheckView {
  const { title: name, state, last, lastAtMs, contrary } = check;
  const counts = contrary > 0 ? ` (${contrary} in a row)` : "";
  return {
    name,
    state: state === "passing" ? "passing" : state === "failing" ? "failing" : "pending",
    ageMs: ageOf(lastAtMs, atMs),
    reason: last === null ? "" : `${last.passing ? "passing" : last.reason}${counts}`,
  };
}
