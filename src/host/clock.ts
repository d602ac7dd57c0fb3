// Real time.
import type { Clock } from "../world.ts";

/** Longest time that a JavaScript timer can wait. A longer sleep ends early; every caller handles that. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** The machine's clocks. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const wake = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const timer = setTimeout(wake, Math.min(Math.max(ms, 0), TIMER_MAX_MS));
      signal?.addEventListener("abort", wake);
    }),
};
