// Lines to standard output that never make the writer wait: a reader that stalls costs lines, not heartbeats.
import { Outbox } from "./outbox.ts";

/** Where bytes go; may take fewer than it is given. */
export interface Sink {
  write(bytes: Uint8Array): Promise<number>;
}

/** Writes lines in order in the background. */
export class LineWriter {
  readonly #outbox: Outbox<string>;

  /** `onDrop` is the line that tells how many were lost. */
  constructor(
    sink: Sink = Deno.stdout,
    onDrop: (dropped: number) => string = (dropped) =>
      `exoip [WARNING] log: ${dropped} log lines dropped`,
  ) {
    this.#outbox = new Outbox((lines, dropped) =>
      writeLines(sink, dropped > 0 ? [...lines, onDrop(dropped)] : lines)
    );
  }

  /** Queues one line. */
  line(text: string): void {
    this.#outbox.push(text);
  }

  /** Resolves when all that was queued is written, or after the time at the latest. */
  flush(withinMs: number): Promise<void> {
    return this.#outbox.flush(withinMs);
  }
}

async function writeLines(sink: Sink, lines: string[]): Promise<void> {
  let bytes = new TextEncoder().encode(lines.map((line) => line + "\n").join(""));
  try {
    while (bytes.length > 0) bytes = bytes.subarray(await sink.write(bytes));
  } catch {
    // Nobody reads any more.
  }
}
