// Is our clock accurate enough? A signed request carries its expiry time.
import { LIFETIME_MS } from "../../exoscale/signature.ts";
import type { Context, DatedAnswer } from "../context.ts";
import { fail, needs, ok, type Result, skip, warn } from "../result.ts";
import { answered } from "../answered.ts";
import { isUnreached } from "../skipped.ts";

/** With a larger difference, a signature may expire before the cloud checks it. */
const LATE_MS = LIFETIME_MS * 0.9;
/** More than the error of any synchronised clock. */
const ODD_MS = 10_000;

/** The check. */
export async function checkClock(context: Context, signal: AbortSignal): Promise<Result[]> {
  await answered(context, signal).catch(() => {});
  if (context.dated === null && await isUnreached(context, signal)) {
    return [needs("the cloud, see cloud")];
  }
  return [judgeClock(context.dated)];
}

/** What the difference means. */
export function judgeClock(dated: DatedAnswer | null): Result {
  if (dated === null) return skip("no answer of the cloud tells the time");
  // The header has whole seconds: the middle of its second is off by at most half a second.
  const aheadMs = dated.wallMs - (dated.serverMs + 500);
  const seconds = Math.round(Math.abs(aheadMs) / 1_000);
  const limit = `at most ${LATE_MS / 1_000} s behind are allowed`;
  if (Math.abs(aheadMs) < ODD_MS) return ok(`within ${seconds + 1} s of the cloud's (${limit})`);
  const off = `${seconds} s ${aheadMs < 0 ? "behind" : "ahead of"} the cloud's`;
  if (-aheadMs > LATE_MS) return fail(`${off}, so that signatures expire: set the clock`);
  return warn(`${off} (${limit}): set the clock`);
}
