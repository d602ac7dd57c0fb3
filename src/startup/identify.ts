// Which instance this is, with the patience of a boot: the metadata service may answer later than we ask.
import type { Config } from "../config/config.ts";
import { CloudError } from "../exoscale/cloud_error.ts";
import type { Host } from "../host/host.ts";
import { findInstanceId, IdentityError } from "../host/metadata.ts";
import { retryAtStartup } from "./retry_at_startup.ts";
import { unlessStopped } from "./early_signals.ts";
import type { Log } from "../world.ts";

/** Time before the same line, which is a long one, is written again. */
const REMIND_MS = 30_000;

/** The id; null when waiting cannot help, which the log has told, or we are told to stop. */
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
      // Who answers and does not know us will not for long; who does not answer may yet.
      const kind = error.answered ? "refused" : "unreachable";
      throw new CloudError(kind, error.message, { cause: error });
    }
  };
  const awaited = "the metadata service", remindMs = REMIND_MS;
  return await retryAtStartup(ask, {
    ...{ mode, event: "instance-unknown", awaited, remindMs, clock, log, signal, serviceManager },
  });
}
