// An abort that also follows another signal, for one piece of work. `AbortSignal.any` would do the same, but each of
// its signals keeps something as long as the other one lives, and Deno 2.7 may collect it with its listeners: the work
// then never ends.

/** Ends with `abort()`, or when the other signal aborts, until it is disposed. */
export class LinkedAbort implements Disposable {
  readonly #own = new AbortController();
  readonly #other: AbortSignal | undefined;
  readonly #end = () => this.#own.abort();

  constructor(other?: AbortSignal) {
    this.#other = other;
    other?.addEventListener("abort", this.#end);
    if (other?.aborted) this.#end();
  }

  get signal(): AbortSignal {
    return this.#own.signal;
  }

  abort(reason?: unknown): void {
    this.#own.abort(reason);
  }

  [Symbol.dispose](): void {
    this.#other?.removeEventListener("abort", this.#end);
  }
}
