// Asks a running watchdog, one question at a time. Each question has its own number, so that a late answer to an
// earlier one is not taken for the current state.
import { hostText } from "../core/ip.ts";
import type { Snapshot } from "./snapshot.ts";
import { SNAPSHOT_VERSION } from "./snapshot.ts";
import { Fragments, HISTORY_REQUEST, JSON_REQUEST } from "./fragments.ts";
import { type History, HISTORY_VERSION } from "./history/view.ts";
import type { Clock, UdpSocket } from "../world.ts";

/** How long to wait for an answer. */
const ATTEMPT_MS = 500;

/** The watchdog to ask. */
export interface Addressee {
  readonly clock: Clock;
  readonly hostname: string;
  readonly port: number;
}

/** Where to ask a watchdog that listens at that address: every machine has 127.0.0.1, and `[::]` receives it, too. */
export function localAddressOf(hostname: string): string {
  return ["0.0.0.0", "::"].includes(hostname) ? "127.0.0.1" : hostname;
}

/** What to ask, and how to read the answer; null when the text is not an answer. */
export interface Question<Answer> {
  readonly request: string;
  readonly read: (text: string) => Answer | null;
}

/** Asks for the state. */
export const STATUS_QUESTION: Question<Snapshot> = {
  request: JSON_REQUEST,
  read: (text) => versioned<Snapshot>(text, SNAPSHOT_VERSION),
};

/** Asks for the history. */
export const HISTORY_QUESTION: Question<History> = {
  request: HISTORY_REQUEST,
  read: (text) => versioned<History>(text, HISTORY_VERSION),
};

/** Asks questions of one kind. */
export class InfoClient<Answer = Snapshot> {
  readonly #socket: UdpSocket;
  readonly #whom: Addressee;
  readonly #reading: Promise<void>;
  #asked = 0;
  readonly #question: Question<Answer>;
  #answer: (answer: Answer) => void = () => {};

  constructor(socket: UdpSocket, whom: Addressee, question: Question<Answer>) {
    this.#socket = socket;
    this.#whom = whom;
    this.#question = question;
    this.#reading = this.#read();
  }

  /** For messages. */
  get title(): string {
    return `${hostText(this.#whom.hostname)}:${this.#whom.port}`;
  }

  /** The watchdog's answer; null when it does not answer any attempt. */
  async ask(attempts: number): Promise<Answer | null> {
    const { clock, hostname, port } = this.#whom;
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const over = new AbortController();
      const answer = new Promise<Answer>((resolve) => this.#answer = resolve);
      this.#asked += 1;
      const request = `${this.#question.request} ${this.#asked}`;
      this.#socket.send(new TextEncoder().encode(request), hostname, port);
      const late = clock.sleep(ATTEMPT_MS, over.signal).then(() => null);
      const given = await Promise.race([answer, late]);
      over.abort();
      if (given) return given;
    }
    return null;
  }

  /** Closes the socket. */
  async close(): Promise<void> {
    await this.#socket.close();
    await this.#reading;
  }

  async #read(): Promise<void> {
    const fragments = new Fragments();
    for await (const { bytes, from, fromPort } of this.#socket) {
      if (from !== this.#whom.hostname || fromPort !== this.#whom.port) continue;
      const text = fragments.add(bytes, this.#asked);
      const answer = text === null ? null : this.#question.read(text);
      if (answer) this.#answer(answer);
    }
  }
}

/** The answer, if it has that version. */
function versioned<Answer extends { readonly version: number }>(
  text: string,
  version: number,
): Answer | null {
  try {
    const answer: Answer = JSON.parse(text);
    return answer.version === version ? answer : null;
  } catch {
    return null;
  }
}
