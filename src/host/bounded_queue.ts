// A bounded queue before something slow: the producer never waits, and items that do not fit are dropped and counted.

/** Items kept for a slow consumer; when full, newer ones are dropped. */
const QUEUE_MAX = 1_000;

/** Delivers in order, in the background, one batch at a time. */
export class BoundedQueue<Item> {
  readonly #deliver: (batch: Item[], dropped: number) => Promise<void>;
  #queue: Item[] = [];
  #dropped = 0;
  #delivering: Promise<void> | null = null;

  /** `deliver` gets the number of items dropped since the last batch. It must not reject. */
  constructor(deliver: (batch: Item[], dropped: number) => Promise<void>) {
    this.#deliver = deliver;
  }

  /** Queues one item. */
  push(item: Item): void {
    if (this.#queue.length >= QUEUE_MAX) this.#dropped += 1;
    else this.#queue.push(item);
    this.#delivering ??= this.#drain();
  }

  /** Resolves when all queued items are delivered, at the latest after `withinMs`. */
  async flush(withinMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      if (withinMs < Infinity) timer = setTimeout(resolve, withinMs);
    });
    await Promise.race([this.#delivering, late]);
    clearTimeout(timer);
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue, dropped = this.#dropped;
      this.#queue = [];
      this.#dropped = 0;
      await this.#deliver(batch, dropped);
    }
    this.#delivering = null;
  }
}
