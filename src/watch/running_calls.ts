// The calls that a loop has started and does not wait for.

/** Remembers calls until they have ended. */
export class RunningCalls {
  readonly #running = new Set<Promise<void>>();

  /** A call that has begun. */
  add(call: Promise<void>): void {
    const running = call.finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when all of them have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#running);
  }
}
