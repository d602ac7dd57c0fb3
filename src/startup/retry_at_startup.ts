// What must be known of the cloud before anything can start: the watchdog waits for it, saying so; the modes
// that do one thing try a few times.
import type { Config } from "../config/config.ts";
import { backoffMs } from "../core/backoff.ts";
import type { EventOf } from "../core/registry/events.ts";
import { asCloudError } from "../exoscale/cloud_error.ts";
import { StartupPolicy } from "../exoscale/startup_policy.ts";
import type { Clock, Log, ServiceManager } from "../world.ts";

/** How long the modes that do one thing go on trying. */
const ATTEMPTS_WITHIN_MS = 60_000;
const BACKOFF = { firstMs: 1_000, capMs: 5_000 };

/** Asks until there is an answer; null when waiting cannot help, which the log has told, or was ended. */
export async function retryAtStartup<Answer>(
  ask: () => Promise<Answer>,
  { mode, event, trouble, awaited = "the cloud", remindMs = 0, clock, log, signal, serviceManager }:
    {
      mode: Config["mode"];
      /** Word of the line for each failure. */
      event: EventOf<"warning" | "critical">;
      /** Its beginning; without one the error says enough. */
      trouble?: string;
      /** What is waited for. */
      awaited?: string;
      /** Time before the same line is written again. */
      remindMs?: number;
      clock: Clock;
      log: Log;
      signal: AbortSignal;
      serviceManager?: ServiceManager | null;
    },
): Promise<Answer | null> {
  const patience = new StartupPolicy();
  let told = "", toldAtMs = -Infinity;
  const endAtMs = clock.nowMs() + ATTEMPTS_WITHIN_MS;
  for (let repeats = 0; !signal.aborted; repeats++) {
    try {
      return await ask();
    } catch (cause) {
      const error = asCloudError(cause);
      if (signal.aborted) return null;
      const final = mode === "watchdog"
        ? patience.endsWith(error, clock.nowMs())
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

/** How long the service manager is asked to allow for, each time that we wait once more: longer than any attempt. */
const EXTEND_MS = 120_000;

/** Tells the service manager what is waited for, so that it shows that, and does not take us for stuck. */
export function announceWaiting(
  serviceManager: ServiceManager | null | undefined,
  awaited: string,
): void {
  serviceManager?.status(`waiting for ${awaited}`);
  serviceManager?.extend(EXTEND_MS);
}
