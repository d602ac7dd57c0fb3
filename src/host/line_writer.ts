// Lines to standard output that never make the writer wait: a reader that stalls costs lines, not heartbeats.

/** Lines kept for a slow reader; older ones stay, newer ones are dropped and counted. */
const QUEUE_MAX = 1_000;

/** Writes lines in order in the background. */
export class LineWriter {
  readonly #sink: { write(bytes: Uint8Array): Promise<number> };
  #queue: string[] = [];
  #dropped = 0;
  #writing: Promise<void> | null = null;

  constructor(sink: { write(bytes: Uint8Array): Promise<number> } = Deno.stdout) {
    this.#sink = sink;
  }

  /** Queues one line. */
  line(text: string): void {
    if (this.#queue.length >= QUEUE_MAX) this.#dropped += 1;
    else this.#queue.push(text);
    this.#writing ??= this.#drain();
  }

  /** Resolves when all that was queued is written, or after the time at the latest. */
  async flush(withinMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, withinMs));
    await Promise.race([this.#writing, late]);
    clearTimeout(timer);
  }

  async #drain(): Promise<void> {
    const encoder = new TextEncoder();
    while (this.#queue.length > 0) {
      const lines = this.#queue;
      this.#queue = [];
      if (this.#dropped > 0) lines.push(`exoip [WARNING] ${this.#dropped} log lines dropped`);
      this.#dropped = 0;
      let bytes = encoder.encode(lines.map((line) => line + "\n").join(""));
      try {
        while (bytes.length > 0) bytes = bytes.subarray(await this.#sink.write(bytes));
      } catch {
        break; // Nobody reads any more.
      }
    }
    this.#writing = null;
  }
}
