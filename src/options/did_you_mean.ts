// Typos: which known word was probably meant.

/** How much of an unknown word is compared. */
const WORD_MAX_CHARS = 64;
/** From this length on a prefix is enough, if only one word has it. */
const PREFIX_MIN_CHARS = 3;

/** ` (did you mean WORD?)` if a known word is close, else empty; `shown` writes it as a user would. */
export function didYouMean(
  word: string,
  known: readonly string[],
  shown: (word: string) => string = (each) => each,
): string {
  const near = nearest(word, known);
  return near === null ? "" : ` (did you mean ${shown(near)}?)`;
}

/**
 * The known word that differs only in case or in `_` and `-`, or is the only one with this prefix, or differs in at
 * most a third of the letters; null without one, or when several are equally close.
 */
export function nearest(word: string, known: readonly string[]): string | null {
  const same = known.find((each) => folded(each) === folded(word));
  if (same !== undefined) return same;
  const longer = known.filter((each) => folded(each).startsWith(folded(word)));
  if (word.length >= PREFIX_MIN_CHARS && longer[0] !== undefined && longer.length === 1) {
    return longer[0];
  }
  const most = word.length < PREFIX_MIN_CHARS ? 0 : Math.max(1, Math.floor(word.length / 3));
  return within(most, word, known);
}

/** The known word that needs the fewest changes of letters, at most `most`; null without one, or with several. */
export function within(most: number, word: string, known: readonly string[]): string | null {
  const ranked = known.map((each) => [distance(folded(word), folded(each)), each] as const)
    .filter(([far]) => far <= most).sort(([one], [other]) => one - other);
  const [first, second] = ranked;
  return first && first[0] !== second?.[0] ? first[1] : null;
}

function folded(word: string): string {
  return word.slice(0, WORD_MAX_CHARS).toLowerCase().replaceAll("_", "-");
}

/** How many letters to change, add, leave out, or swap with their neighbour, to turn one word into the other. */
export function distance(one: string, other: string): number {
  const width = other.length + 1;
  let before: number[] = [];
  let row = Array.from({ length: width }, (_, index) => index);
  for (let line = 1; line <= one.length; line++) {
    const next = [line];
    for (let at = 1; at < width; at++) {
      const same = one[line - 1] === other[at - 1];
      const least = Math.min(row[at - 1]! + (same ? 0 : 1), row[at]! + 1, next[at - 1]! + 1);
      const swapped = line > 1 && at > 1 && one[line - 1] === other[at - 2] &&
        one[line - 2] === other[at - 1];
      next.push(swapped ? Math.min(least, before[at - 2]! + 1) : least);
    }
    before = row;
    row = next;
  }
  return row[width - 1]!;
}
