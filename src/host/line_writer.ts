// Writes lines to standard output without ever making the caller wait: a stalled reader, a full disk or a lost terminal
// costs lines, not heartbeats. The number of lost lines is reported once lines get through again.
import { BoundedQueue } from "./bounded_queue.ts";

/** Where bytes go; it may take fewer than it is given. */
export interface Sink {
  write(bytes: Uint8Array): Promise<number>;
}

/** Pause before the next attempt when a non-blocking sink is full. */
const NO_ROOM_MS = 50;
const LINE_FEED = 10;

/** Writes lines in order in the background. */
export class LineWriter {
  readonly #queue: BoundedQueue<string>;
  readonly #sink: Sink;
  #lossLine: (lost: number) => string;
  /** Lines lost since one got through. */
  #lost = 0;
  /** Whether the last line got through only in part. */
  #broken = false;
  #failure: unknown = null;

  /** `lossLine` makes the line that says how many were lost. */
  constructor(
    sink: Sink = Deno.stdout,
    lossLine: (lost: number) => string = (lost) => `exoip [WARNING] log: ${lost} log lines dropped`,
  ) {
    this.#sink = sink;
    this.#lossLine = lossLine;
    this.#queue = new BoundedQueue((lines, dropped) => this.#deliver(lines, dropped));
  }

  /** Queues one line. */
  line(text: string): void {
    this.#queue.push(text);
  }

  /** Replaces `lossLine`. */
  tellLossesAs(lossLine: (lost: number) => string): void {
    this.#lossLine = lossLine;
  }

  /** Why the last write failed, null when it did not. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Resolves when all queued lines are written, at the latest after `withinMs`. */
  flush(withinMs: number): Promise<void> {
    return this.#queue.flush(withinMs);
  }

  /** If the line about lost lines gets lost, too, its lines still count as lost. */
  async #deliver(queued: readonly string[], dropped: number): Promise<void> {
    const loss = (lost: number) => lost > 0 ? [{ text: this.#lossLine(lost), lines: lost }] : [];
    const lines = [
      ...loss(this.#lost),
      ...queued.map((text) => ({ text, lines: 1 })),
      ...loss(dropped),
    ];
    const mend = this.#broken ? "\n" : "";
    const bytes = new TextEncoder().encode(mend + lines.map(({ text }) => `${text}\n`).join(""));
    const written = bytes.subarray(0, await this.#write(bytes));
    const ended = written.filter((byte) => byte === LINE_FEED).length;
    const through = Math.max(ended - mend.length, 0);
    this.#lost = lines.slice(through).reduce((sum, each) => sum + each.lines, 0);
    if (written.length > 0) this.#broken = written.at(-1) !== LINE_FEED;
  }

  /** Writes the bytes; resolves to how many got through. */
  async #write(bytes: Uint8Array): Promise<number> {
    this.#failure = null;
    let done = 0;
    while (done < bytes.length) {
      try {
        done += await this.#sink.write(bytes.subarray(done));
      } catch (error) {
        if (error instanceof Deno.errors.WouldBlock) {
          await new Promise((resolve) => setTimeout(resolve, NO_ROOM_MS));
          continue;
        }
        this.#failure = error;
        break;
      }
    }
    return done;
  }
}
