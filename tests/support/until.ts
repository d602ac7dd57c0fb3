// Waits for real processes, sockets and files.

/** Lets real time pass, for tests of what happens, or does not, in just that time. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Tells what a failed wait leaves unsaid. */
export type Witness = () => string;
const witnesses = new Set<Witness>();

/** Adds to the error of every later wait that fails what the witness then tells. */
export function callWitness(witness: Witness): void {
  witnesses.add(witness);
}

/** Resolves when the condition holds; throws, with the title, when it does not within the limit. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { title, withinMs = 60_000, everyMs = 5 }: {
    title: string;
    withinMs?: number;
    /** How often to check the condition. */
    everyMs?: number;
  },
): Promise<void> {
  const endAtMs = performance.now() + withinMs;
  while (!await condition()) {
    if (performance.now() > endAtMs) {
      const told = [...witnesses].map((tell) => `\n${tell()}`);
      throw new Error(`not within ${withinMs} ms: ${title}${told.join("")}`);
    }
    await pause(everyMs);
  }
}
