// Virtual time: runs work in order of its instants, and in planning order at the same instant.

interface Planned {
  readonly atMs: number;
  readonly order: number;
  /** Null once it is cancelled. */
  work: (() => void) | null;
}

/** More work than this at one instant means that a deadline never passes. */
const STANDSTILL_MAX = 20_000;

/** A queue of planned work; time jumps from one instant to the next. */
export class Timeline {
  nowMs = 0;
  readonly #heap: Planned[] = [];
  #count = 0;
  #standstill = 0;
  #planned = 0;

  /** Amount of planned work. */
  get planned(): number {
    return this.#planned;
  }

  /** Plans work, unless the signal aborts before; an instant in the past means now. */
  at(atMs: number, work: () => void, signal?: AbortSignal): void {
    if (signal?.aborted) return;
    const planned: Planned = { atMs: Math.max(atMs, this.nowMs), order: this.#count++, work };
    this.#planned += 1;
    this.#push(planned);
    signal?.addEventListener("abort", () => {
      if (planned.work !== null) this.#planned -= 1;
      planned.work = null;
    }, { once: true });
  }

  #push(planned: Planned): void {
    const heap = this.#heap;
    let index = heap.push(planned) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (before(heap[parent]!, planned)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = planned;
  }

  /** Runs everything up to that instant, which is then the current one; stops early if `over` says so. */
  runUntil(endMs: number, over: () => boolean = () => false): void {
    while (!over() && this.#next(endMs));
    if (!over()) this.nowMs = Math.max(this.nowMs, endMs);
  }

  /**
   * Like `runUntil`, for work that continues in promises: `settle` runs after each piece. Without an end it runs until
   * no work is left.
   */
  async runSettled(
    endMs: number | null,
    { over, settle }: { over: () => boolean; settle: () => Promise<void> },
  ): Promise<void> {
    await settle();
    while (!over() && this.#next(endMs ?? Infinity)) await settle();
    if (!over() && endMs !== null) this.nowMs = Math.max(this.nowMs, endMs);
  }

  /** Runs one piece of work, unless none is left until then. */
  #next(endMs: number): boolean {
    while (this.#heap[0]?.work === null) this.#pop();
    const first = this.#heap[0];
    if (!first?.work || first.atMs > endMs) return false;
    this.#pop();
    this.#standstill = first.atMs > this.nowMs ? 0 : this.#standstill + 1;
    if (this.#standstill > STANDSTILL_MAX) throw new Error(`time stands still at ${this.nowMs} ms`);
    this.nowMs = Math.max(this.nowMs, first.atMs);
    const { work } = first;
    first.work = null;
    this.#planned -= 1;
    work();
    return true;
  }

  #pop(): Planned {
    const heap = this.#heap;
    const first = heap[0]!, last = heap.pop()!;
    if (heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (before(last, heap[child]!)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function before(one: Planned, other: Planned): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
