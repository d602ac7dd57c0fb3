// Chooses which mutants to try: a sample in which each mutant's chance depends on that mutant alone.
import type { Mutant } from "./find.ts";

/**
 * Chooses `count` of them, in their order. Each gets a number from the seed and its own text, and the lowest numbers
 * win: a change in one place does not affect the choice elsewhere.
 */
export function choose(
  mutants: readonly Mutant[],
  { seed, sample }: { seed: number; sample: number },
): Mutant[] {
  const drawn = mutants.map(({ file, before, after }, index) => ({
    index,
    lot: lotOf(`${seed}\n${file}\n${before}\n${after}`),
  }));
  drawn.sort((one, other) => one.lot - other.lot || one.index - other.index);
  const kept = new Set(drawn.slice(0, sample).map(({ index }) => index));
  return mutants.filter((_, index) => kept.has(index));
}

/** A number from 0 to 2 ** 32 - 1 that depends on every character: FNV-1a, with its bits mixed once more at the end. */
function lotOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return (hash ^ (hash >>> 16)) >>> 0;
}
