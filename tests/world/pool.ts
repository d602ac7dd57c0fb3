// Many cells in parallel, but not all at once: together they take a few times the half minute of a single one.

/**
 * Runs work for each item, a limited number at a time, in their order. Each promise belongs to the item with its index.
 */
export function pooled<Item, Result>(
  items: readonly Item[],
  { atOnce, run }: { atOnce: number; run: (item: Item) => Promise<Result> },
): Promise<Result>[] {
  const free = Array.from({ length: atOnce }, () => Promise.resolve());
  let next = 0;
  const turns = items.map(() => Promise.withResolvers<Result>());
  for (const slot of free) void slot.then(work);
  return turns.map(({ promise }) => promise);

  async function work(): Promise<void> {
    for (let index = next++; index < items.length; index = next++) {
      const item = items[index] as Item, turn = turns[index];
      await run(item).then(turn?.resolve, turn?.reject);
    }
  }
}

/** Lets a limited number through at a time; the others wait in their order. */
export class Gate {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(width: number) {
    this.#free = width;
  }

  /** Runs the work when it is its turn. */
  async through<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}
