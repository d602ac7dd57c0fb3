// Signals before anything can follow from them: a stop ends whatever is under way, a reload and a change of rank are
// left for the watchdog.
import type { Signals } from "../world.ts";

/** Aborted once we are told to end; the reason is the signal. */
export function endOf(signals: Signals, { watches }: { watches: boolean }): AbortSignal {
  const ending = new AbortController();
  signals.listen((signal) => {
    // A mode that watches nothing has nothing to read again: a terminal that is closed ends it.
    const ends = signal === "stop" || (signal === "reload" && !watches);
    return ends ? ending.abort(signal) : "later";
  });
  return ending.signal;
}

/** What it resolves to; null when we are told to stop before. What is still under way is left alone. */
export async function unlessStopped<Value>(
  work: Promise<Value>,
  signal: AbortSignal,
): Promise<Value | null> {
  // What fails once nobody waits for it any more is nobody's business.
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
