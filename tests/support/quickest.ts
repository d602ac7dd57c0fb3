// Shows that work on the largest input ends soon, without measuring how busy the machine is.

/** Work that is slower than its limit is tried again for this long. */
const PATIENCE_MS = 60_000;

/**
 * The shortest time in ms that the work took. It is repeated until that is below the limit: other processes may use the
 * processor meanwhile, but not each time, whereas work that is too much is so each time.
 */
export async function quickestMs(
  limitMs: number,
  work: () => Promise<void> | void,
): Promise<number> {
  const beganAtMs = performance.now();
  let bestMs = Infinity;
  while (bestMs >= limitMs && performance.now() < beganAtMs + PATIENCE_MS) {
    const startedAtMs = performance.now();
    await work();
    bestMs = Math.min(bestMs, performance.now() - startedAtMs);
  }
  return Math.round(bestMs);
}
