// Two requests at a time. When one fails the other is ended, and nothing of either is left when the failure is told.

/** Both answers; rejects with the first failure, once both have ended. */
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
    await Promise.allSettled(both);
    throw error;
  } finally {
    signal.removeEventListener("abort", end);
  }
}
