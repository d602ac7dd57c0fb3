// Asks a running watchdog, one question at a time. Each question has its own number, so that a late answer to an
// earlier one is not taken for the current state.
import { hostText } from "../core/ip.ts";
import type { Snapshot } from "./snapshot.ts";
import { SNAPSHOT_VERSION } from "./snapshot.ts";
import { Fragments, JSON_REQUEST } from "./fragments.ts";
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

/** Asks questions. */
export class InfoClient {
  readonly #socket: UdpSocket;
  readonly #whom: Addressee;
  readonly #reading: Promise<void>;
  #asked = 0;
  #answer: (snapshot: Snapshot) => void = () => {};

  constructor(socket: UdpSocket, whom: Addressee) {
    this.#socket = socket;
    this.#whom = whom;
    this.#reading = this.#read();
  }

  /** For messages. */
  get title(): string {
    return `${hostText(this.#whom.hostname)}:${this.#whom.port}`;
  }

  /** The state in the watchdog's answer; null when it does not answer any attempt. */
  async ask(attempts: number): Promise<Snapshot | null> {
    const { clock, hostname, port } = this.#whom;
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const over = new AbortController();
      const answer = new Promise<Snapshot>((resolve) => this.#answer = resolve);
      this.#asked += 1;
      this.#socket.send(new TextEncoder().encode(`${JSON_REQUEST} ${this.#asked}`), hostname, port);
      const late = clock.sleep(ATTEMPT_MS, over.signal).then(() => null);
      const snapshot = await Promise.race([answer, late]);
      over.abort();
      if (snapshot) return snapshot;
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
      const snapshot = text === null ? null : snapshotOf(text);
      if (snapshot) this.#answer(snapshot);
    }
  }
}

function snapshotOf(text: string): Snapshot | null {
  try {
    const snapshot: Snapshot = JSON.parse(text);
    return snapshot.version === SNAPSHOT_VERSION ? snapshot : null;
  } catch {
    return null;
  }
}
