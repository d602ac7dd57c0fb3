// Waiting for what can only be asked for.

/** Resolves when the condition holds; throws, with the title, when it does not within half a minute. */
export async function eventually(
  condition: () => Promise<boolean>,
  title: string,
): Promise<void> {
  const endAtMs = performance.now() + 30_000;
  while (!await condition()) {
    if (performance.now() > endAtMs) throw new Error(`not within 30 s: ${title}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
