// -A and -D: attach or detach once, and exit.
import { durationText } from "../core/age.ts";
import { instanceTitle } from "../core/instance_title.ts";
import { backoffMs, imposedMs } from "../core/backoff.ts";
import { asCloudError, CloudError } from "../exoscale/cloud_error.ts";
import type { Clock, Cloud, Log } from "../world.ts";

/** How long to retry temporary errors, as in the original: no attempt begins later. */
const ATTEMPTS_WITHIN_MS = 60_000;
const BACKOFF = { firstMs: 1_000, capMs: 5_000 };

/** Attaches the address to this instance, or detaches it. Resolves to the exit code. */
export async function associate(
  mode: "associate" | "dissociate",
  { cloud, clock, log, signal, elasticIp }: {
    cloud: Cloud;
    clock: Clock;
    log: Log;
    signal: AbortSignal;
    elasticIp: string;
  },
): Promise<0 | 1> {
  const wanted = mode === "associate";
  const state = wanted ? "attached to" : "detached from";
  const endAtMs = clock.nowMs() + ATTEMPTS_WITHIN_MS;
  try {
    for (let repeats = 0;; repeats++) {
      let changing = false;
      try {
        // Every attempt reads first: the one before may have succeeded although its answer was lost.
        const { holds, ...self } = await cloud.prepare(signal);
        changing = holds !== wanted;
        if (changing) await (wanted ? cloud.attach(signal) : cloud.detachSelf(signal));
        const done = changing ? "is now" : "was already";
        log.write(
          "info",
          wanted ? "associated" : "dissociated",
          `${elasticIp} ${done} ${state} ${instanceTitle(self)}`,
        );
        return 0;
      } catch (cause) {
        const error = asCloudError(cause);
        const over = clock.nowMs() >= endAtMs || signal.aborted;
        // Exoscale answers a change with 400 while the instance is still starting.
        const early = changing && error.status === 400;
        if ((!error.retryable && !early) || over) throw error;
        const waitMs = Math.max(backoffMs(BACKOFF, repeats), imposedMs(error.retryAfterMs));
        log.write(
          "warning",
          "cloud-error",
          `${error.message}; trying again in ${durationText(waitMs)}`,
        );
        await clock.sleep(waitMs, signal);
      }
    }
  } catch (error) {
    const message = error instanceof CloudError ? error.message : String(error);
    log.write(
      "critical",
      wanted ? "associate-failed" : "dissociate-failed",
      `${elasticIp} could not be ${state} this instance: ${message}`,
    );
    return 1;
  }
}
