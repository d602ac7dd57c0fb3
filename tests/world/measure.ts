// Figures from the arrivals. Pure functions.
import type { Arrival } from "./front.ts";

/** Whether the cloud served the request. */
export function isGood({ status }: Arrival): boolean {
  return status === 200;
}

/** Whether it counts for the rate limit, which is per key: reading the list of zones needs none. */
export function hasKey({ path }: Arrival): boolean {
  return !path.endsWith("/v2/zone");
}

/** When the first good request arrived after a time; null without one. */
export function firstGoodAtMs(arrivals: readonly Arrival[], fromMs: number): number | null {
  const good = arrivals.filter((each) => isGood(each) && each.atMs >= fromMs);
  return good.length === 0 ? null : Math.min(...good.map(({ atMs }) => atMs));
}

/** The most requests, good or not, that arrived within any span of that length. */
export function mostWithin(arrivals: readonly Pick<Arrival, "atMs">[], spanMs: number): number {
  const atMs = arrivals.map((each) => each.atMs).sort((a, b) => a - b);
  let most = 0, first = 0;
  for (const [last, instant] of atMs.entries()) {
    while ((atMs[first] ?? instant) <= instant - spanMs) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

/** The longest span without a good request between two instants. */
export function longestSilenceMs(
  arrivals: readonly Arrival[],
  { fromMs, toMs }: { fromMs: number; toMs: number },
): number {
  const inside = arrivals.filter((each) => isGood(each) && each.atMs >= fromMs && each.atMs <= toMs)
    .map(({ atMs }) => atMs).sort((a, b) => a - b);
  const instants = [fromMs, ...inside, toMs];
  return Math.max(...instants.slice(1).map((instant, index) => instant - (instants[index] ?? 0)));
}
