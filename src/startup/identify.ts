// Finds out which instance this is. Waits as long as a boot needs: the metadata service may answer late.
import type { Config } from "../config/config.ts";
import { CloudError } from "../exoscale/cloud_error.ts";
import type { Host } from "../host/host.ts";
import { findInstanceId, IdentityError } from "../host/metadata.ts";
import { retryAtStartup } from "./retry_at_startup.ts";
import { unlessStopped } from "./early_signals.ts";
import type { Log } from "../world.ts";

/** Time before the same, long line is repeated. */
const REMIND_MS = 30_000;

/** The id; null when waiting cannot help (which is logged), or when the process is told to stop. */
export async function identify(
  { mode }: Pick<Config, "mode">,
  { host: { machine, clock, serviceManager }, log, signal }: {
    host: Pick<Host, "machine" | "clock" | "serviceManager">;
    log: Log;
    signal: AbortSignal;
  },
): Promise<string | null> {
  const ask = async () => {
    try {
      return await unlessStopped(findInstanceId(machine), signal);
    } catch (error) {
      if (!(error instanceof IdentityError)) throw error;
      // A service that answers without knowing this instance will not learn it soon; a silent one may still answer.
      const kind = error.answered ? "refused" : "unreachable";
      throw new CloudError(kind, error.message, { cause: error });
    }
  };
  const awaited = "the metadata service", remindMs = REMIND_MS;
  return await retryAtStartup(ask, {
    ...{ mode, event: "instance-unknown", awaited, remindMs, clock, log, signal, serviceManager },
  });
}
