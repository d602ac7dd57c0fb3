// Answers `info`, `info json` and `info history`, from this machine only. The state is read a limited number of times a
// second; requests in between get the last result. So a client that asks all the time costs little and keeps no other
// from an answer. Answers are not logged.
import type { Snapshot } from "./snapshot.ts";
import { fittedLines } from "./text.ts";
import { ANSWERS_PER_SECOND, TokenBucket } from "./token_bucket.ts";
import { datagramsOf, fitted, requestedHistory, requestedNumber } from "./fragments.ts";
import { fittedHistory } from "./history/fitted.ts";
import type { History } from "./history/view.ts";
import type { Clock, UdpSocket } from "../world.ts";

/** The longest request. */
const REQUEST_MAX_BYTES = 24;
/** How long an answer is reused. */
const FRESH_MS = 1_000 / ANSWERS_PER_SECOND;
/** The history is longer, and costs more. */
const HISTORY_FRESH_MS = 1_000;
/** Answers a second to all, and to one socket. */
const SENT_PER_SECOND = 1_000, SENT_PER_SENDER = 50;
/** Most sockets whose answers are counted separately. */
const SENDERS_MAX = 1_024;

/** What answering needs of the watchdog. */
export interface AnswerOptions {
  readonly clock: Clock;
  readonly socket: UdpSocket;
  readonly snapshot: () => Snapshot;
  readonly history: () => History;
}

/** Answers. */
export class InfoResponder {
  readonly #options: AnswerOptions;
  readonly #bucket: TokenBucket;
  readonly #text: Cached;
  readonly #json: Cached;
  readonly #history: Cached;
  #senders = new Map<string, number>();
  #countedSinceMs = -Infinity;

  constructor(options: AnswerOptions) {
    const { clock, snapshot, history } = this.#options = options;
    this.#bucket = new TokenBucket(clock, SENT_PER_SECOND);
    const lines = () => fittedLines(snapshot()).join("\n") + "\n";
    this.#text = new Cached(clock, () => new TextEncoder().encode(lines()));
    this.#json = new Cached(clock, () => fitted(snapshot()));
    this.#history = new Cached(clock, () => fittedHistory(history()), HISTORY_FRESH_MS);
  }

  /** Null when it is not a request; else why it was refused, or that it was answered. */
  answer(
    bytes: Uint8Array,
    { from, fromPort }: { from: string; fromPort: number },
  ): "answered" | "remote-info" | "info-flood" | null {
    if (bytes.length > REQUEST_MAX_BYTES) return null;
    const text = new TextDecoder().decode(bytes).trim();
    const number = requestedNumber(text);
    const history = requestedHistory(text);
    if (text !== "info" && number === null && history === null) return null;
    const { socket } = this.#options;
    const loopback = from.startsWith("127.") || from === "::1";
    if (!loopback && !socket.localAddresses.includes(from)) return "remote-info";
    if (!this.#within(`${from} ${fromPort}`)) return "info-flood";
    const datagrams = history !== null
      ? datagramsOf(this.#history.bytes, history)
      : number === null
      ? [this.#text.bytes]
      : datagramsOf(this.#json.bytes, number);
    for (const datagram of datagrams) socket.reply(datagram, from, fromPort);
    return "answered";
  }

  /** Whether one more answer to that sender is within the limits. */
  #within(sender: string): boolean {
    const nowMs = this.#options.clock.nowMs();
    if (nowMs >= this.#countedSinceMs + 1_000 || this.#senders.size >= SENDERS_MAX) {
      this.#countedSinceMs = nowMs;
      this.#senders = new Map();
    }
    const count = (this.#senders.get(sender) ?? 0) + 1;
    this.#senders.set(sender, count);
    return count <= SENT_PER_SENDER && this.#bucket.take();
  }
}

/** An answer that is made on demand when the last one is too old. */
class Cached {
  readonly #clock: Clock;
  readonly #freshMs: number;
  readonly #make: () => Uint8Array;
  #bytes: Uint8Array = new Uint8Array();
  #madeAtMs = -Infinity;

  constructor(clock: Clock, make: () => Uint8Array, freshMs = FRESH_MS) {
    this.#freshMs = freshMs;
    this.#clock = clock;
    this.#make = make;
  }

  get bytes(): Uint8Array {
    const nowMs = this.#clock.nowMs();
    if (nowMs >= this.#madeAtMs + this.#freshMs) {
      this.#bytes = this.#make();
      this.#madeAtMs = nowMs;
    }
    return this.#bytes;
  }
}
