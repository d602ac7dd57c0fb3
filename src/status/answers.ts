// What is answered to `info` and `info json`: to this machine only, and not more often than the budget allows.
import type { Snapshot } from "../core/snapshot.ts";
import { fittedLines } from "../core/status.ts";
import { Budget } from "./budget.ts";
import { requestedNumber, split } from "./parts.ts";
import type { Clock, Link, Log } from "../world.ts";

/** The longest request. */
const REQUEST_MAX_BYTES = 24;
/** Shortest time between two answers in the log. */
const LOG_EVERY_MS = 1_000;

/** What answering needs of the watchdog. */
export interface AnswerOptions {
  readonly clock: Clock;
  readonly link: Link;
  readonly log: Log;
  readonly snapshot: () => Snapshot;
}

/** Answers. */
export class Answers {
  readonly #options: AnswerOptions;
  readonly #budget: Budget;
  #loggedAtMs = -Infinity;

  constructor(options: AnswerOptions) {
    this.#options = options;
    this.#budget = new Budget(options.clock);
  }

  /** Null when it is no request; else why it was refused, or that it was answered. */
  answer(
    bytes: Uint8Array,
    { from, fromPort }: { from: string; fromPort: number },
  ): "answered" | "remote-info" | "info-flood" | null {
    if (bytes.length > REQUEST_MAX_BYTES) return null;
    const text = new TextDecoder().decode(bytes).trim();
    const number = requestedNumber(text);
    if (text !== "info" && number === null) return null;
    const { link } = this.#options;
    const loopback = from.startsWith("127.") || from === "::1";
    if (!loopback && !link.localAddresses.includes(from)) return "remote-info";
    if (!this.#budget.take()) return "info-flood";
    const datagrams = number === null ? [this.#text()] : split(this.#options.snapshot(), number);
    for (const datagram of datagrams) link.reply(datagram, from, fromPort);
    return "answered";
  }

  #text(): Uint8Array {
    const { clock, log, snapshot } = this.#options;
    const lines = fittedLines(snapshot());
    // Who asks ten times a second is answered as often, but fills no log.
    if (clock.nowMs() >= this.#loggedAtMs + LOG_EVERY_MS) {
      this.#loggedAtMs = clock.nowMs();
      for (const line of lines) log.write("info", "status", line);
    }
    return new TextEncoder().encode(lines.join("\n") + "\n");
  }
}
