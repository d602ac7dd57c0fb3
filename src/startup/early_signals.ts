// Signals before the watchdog runs: a stop ends whatever is under way; a reload or a change of rank is left for the
// watchdog.
import type { Signals } from "../world.ts";

/** Aborted once the process is told to end; the reason is the signal. */
export function endOf(signals: Signals, { watches }: { watches: boolean }): AbortSignal {
  const ending = new AbortController();
  signals.listen((signal) => {
    // Only a watchdog has something to reload: in other modes, closing the terminal ends the process.
    const ends = signal === "stop" || (signal === "reload" && !watches);
    return ends ? ending.abort(signal) : "later";
  });
  return ending.signal;
}

/**
 * The result of `work`; null when the process is told to stop first. Work that is still under way goes on unobserved.
 */
export async function unlessStopped<Value>(
  work: Promise<Value>,
  signal: AbortSignal,
): Promise<Value | null> {
  // After the stop, nothing waits for the result, so a failure is ignored.
  work.catch(() => {});
  if (signal.aborted) return null;
  const stopped = Promise.withResolvers<null>();
  const stop = () => stopped.resolve(null);
  signal.addEventListener("abort", stop);
  try {
    return await Promise.race([work, stopped.promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
