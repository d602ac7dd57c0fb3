// Waits for asynchronous operations. The first waits are short, because a failover depends on them.
import { backoffMs } from "../core/backoff.ts";
import { CloudError } from "./cloud_error.ts";
import type { Clock } from "../world.ts";

/** Waits between polls double: a quick change is noticed quickly, a slow one is polled rarely. */
const POLLS = { firstMs: 60, capMs: 2_000 };
/** An operation that takes longer than this is given up. */
export const OPERATION_TIMEOUT_MS = 60_000;

/** State of an operation. */
export type Progress =
  | { readonly done: boolean }
  /** `open`: the cloud has given up waiting for the change, which may still be made. */
  | { readonly failed: string; readonly retryable: boolean; readonly open?: boolean };

/** Polls until the operation is done; throws when it fails or does not end. */
export async function finish(
  first: Progress,
  { title, poll, clock, signal }: {
    title: string;
    poll: () => Promise<Progress>;
    clock: Clock;
    signal: AbortSignal;
  },
): Promise<void> {
  const endAtMs = clock.nowMs() + OPERATION_TIMEOUT_MS;
  let progress = first;
  for (let repeats = 0;; repeats++) {
    if ("failed" in progress) {
      const { failed, retryable, open: mayArrive = false } = progress;
      throw new CloudError("operation-failed", `${title}: ${failed}`, { retryable, mayArrive });
    }
    if (progress.done) return;
    if (clock.nowMs() >= endAtMs) {
      const text = `${title}: still pending after ${OPERATION_TIMEOUT_MS / 1000} s`;
      throw new CloudError("operation-endless", text);
    }
    await clock.sleep(backoffMs(POLLS, repeats), signal);
    if (signal.aborted) throw new CloudError("aborted", `${title}: given up`);
    progress = await poll();
  }
}
