// What must be known of the cloud before anything can start: the watchdog waits for it, saying so; the modes
// that do one thing try a few times.
import type { Config } from "./config.ts";
import { asCloudError } from "./exoscale/cloud_error.ts";
import { StartPatience } from "./start_patience.ts";
import type { Clock, Log } from "./world.ts";

/** How long the modes that do one thing go on trying. */
const ATTEMPTS_WITHIN_MS = 60_000;
const FIRST_WAIT_MS = 1_000, LONGEST_WAIT_MS = 5_000;

/** Asks until there is an answer; null when waiting cannot help, which the log has told, or was ended. */
export async function patiently<Answer>(
  ask: () => Promise<Answer>,
  { mode, event, trouble, clock, log, signal }: {
    mode: Config["mode"];
    /** Word and beginning of the line for each failure. */
    event: string;
    trouble: string;
    clock: Clock;
    log: Log;
    signal: AbortSignal;
  },
): Promise<Answer | null> {
  const patience = new StartPatience();
  let waitMs = FIRST_WAIT_MS;
  const endAtMs = clock.nowMs() + ATTEMPTS_WITHIN_MS;
  while (!signal.aborted) {
    try {
      return await ask();
    } catch (cause) {
      const error = asCloudError(cause);
      if (signal.aborted) return null;
      const final = mode === "watchdog"
        ? patience.endsWith(error, clock.nowMs())
        : !error.retryable || clock.nowMs() >= endAtMs;
      const rest = final ? "" : "; waiting for the cloud";
      log.write(final ? "critical" : "warning", event, `${trouble}: ${error.message}${rest}`);
      if (final) return null;
      await clock.sleep(waitMs, signal);
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    }
  }
  return null;
}
