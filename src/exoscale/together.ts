// Two requests at a time. When one fails the other is ended, and nothing of either is left when the failure is told.

/** Longest wait for the other; what heeds no signal is left to itself. */
const ENDING_MS = 100;

/** Both answers; rejects with the first failure, once both have ended or had time to. */
export async function together<One, Other>(
  signal: AbortSignal,
  ask: (signal: AbortSignal) => readonly [Promise<One>, Promise<Other>],
): Promise<[One, Other]> {
  const ending = new AbortController();
  const end = () => ending.abort();
  if (signal.aborted) end();
  signal.addEventListener("abort", end);
  const both = ask(ending.signal);
  try {
    return await Promise.all(both);
  } catch (error) {
    end();
    await settledWithin(both, ENDING_MS);
    throw error;
  } finally {
    signal.removeEventListener("abort", end);
  }
}

async function settledWithin(both: readonly Promise<unknown>[], ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
  await Promise.race([Promise.allSettled(both), over]);
  clearTimeout(timer);
}
