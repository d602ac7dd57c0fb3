// Which mutants are tried: as many as wanted, by a draw that each mutant takes part in alone.
import type { Mutant } from "./find.ts";

/**
 * So many of them, in their order. Each draws a number from the seed and its own text, and the lowest win: a change in
 * one place leaves the choice elsewhere as it was.
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

/** A number from 0 to 2 ** 32 - 1 that every character moves: FNV-1a, its bits mixed once more at the end. */
function lotOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return (hash ^ (hash >>> 16)) >>> 0;
}
