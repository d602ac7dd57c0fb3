// Asks the cloud for what must be known before anything can start: the watchdog waits and logs that; the one-shot modes
// retry a few times.
import type { Config } from "../config/config.ts";
import { backoffMs } from "../core/backoff.ts";
import type { EventOf } from "../core/registry/events.ts";
import { asCloudError } from "../exoscale/cloud_error.ts";
import { StartupPolicy } from "../exoscale/startup_policy.ts";
import type { Clock, Log, ServiceManager } from "../world.ts";

/** How long the one-shot modes retry. */
const ATTEMPTS_WITHIN_MS = 60_000;
const BACKOFF = { firstMs: 1_000, capMs: 5_000 };

/** Asks until there is an answer; null when waiting cannot help (which is logged), or when the wait was ended. */
export async function retryAtStartup<Answer>(
  ask: () => Promise<Answer>,
  { mode, event, trouble, awaited = "the cloud", remindMs = 0, clock, log, signal, serviceManager }:
    {
      mode: Config["mode"];
      /** Event word of the line for each failure. */
      event: EventOf<"warning" | "critical">;
      /** Start of the message; without it, the error is enough. */
      trouble?: string;
      /** What the wait is for. */
      awaited?: string;
      /** Time before the same line is repeated. */
      remindMs?: number;
      clock: Clock;
      log: Log;
      signal: AbortSignal;
      serviceManager?: ServiceManager | null;
    },
): Promise<Answer | null> {
  const policy = new StartupPolicy();
  let told = "", toldAtMs = -Infinity;
  const endAtMs = clock.nowMs() + ATTEMPTS_WITHIN_MS;
  for (let repeats = 0; !signal.aborted; repeats++) {
    try {
      return await ask();
    } catch (cause) {
      const error = asCloudError(cause);
      if (signal.aborted) return null;
      const final = mode === "watchdog"
        ? policy.endsWith(error, clock.nowMs())
        : !error.retryable || clock.nowMs() >= endAtMs;
      const rest = final ? "" : `; waiting for ${awaited}`;
      const begin = trouble === undefined ? "" : `${trouble}: `;
      const text = `${begin}${error.message}${rest}`, nowMs = clock.nowMs();
      if (text !== told || nowMs >= toldAtMs + remindMs) {
        log.write(final ? "critical" : "warning", event, text);
        [told, toldAtMs] = [text, nowMs];
      }
      if (final) return null;
      announceWaiting(serviceManager, awaited);
      await clock.sleep(backoffMs(BACKOFF, repeats), signal);
    }
  }
  return null;
}

/** How much time to request from the service manager at each further wait: longer than any attempt. */
const EXTEND_MS = 120_000;

/** Tells the service manager what we wait for, so that it shows that, and does not take the process for stuck. */
export function announceWaiting(
  serviceManager: ServiceManager | null | undefined,
  awaited: string,
): void {
  serviceManager?.status(`waiting for ${awaited}`);
  serviceManager?.extend(EXTEND_MS);
}
