// The in-memory socket of the tests: a test provides the incoming datagrams, and reads or answers the outgoing ones.
import type { Datagram, UdpSocket } from "../../src/world.ts";

/** An outgoing datagram. */
export interface Sent {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly to: string;
  readonly port: number;
  readonly atMs: number;
}

/** A socket without a network. */
export class MemorySocket implements UdpSocket {
  /** A test may change them, as a machine's addresses change. */
  readonly localAddresses: string[];
  readonly sent: Sent[] = [];
  /** The addresses passed to `sendFrom`. */
  from: readonly string[] = [];
  readonly #nowMs: () => number;
  readonly #onSent: (sent: Sent) => void;
  readonly #incoming: Iterator<Datagram>[] = [];
  #wake = () => {};
  #drained = () => {};
  #closed = false;

  constructor(
    { localAddresses = [], nowMs = () => 0, onSent = () => {} }: {
      localAddresses?: readonly string[];
      /** The clock for the times in `sent`. */
      nowMs?: () => number;
      /** Called with each outgoing datagram. */
      onSent?: (sent: Sent) => void;
    } = {},
  ) {
    this.localAddresses = [...localAddresses];
    this.#nowMs = nowMs;
    this.#onSent = onSent;
  }

  send(bytes: Uint8Array, to: string, port: number, _source?: string | null): void {
    const sent = { bytes: Uint8Array.from(bytes), to, port, atMs: this.#nowMs() };
    this.sent.push(sent);
    this.#onSent(sent);
  }

  reply(bytes: Uint8Array, to: string, port: number): void {
    this.send(bytes, to, port);
  }

  sendFrom(addresses: readonly string[], _: Parameters<UdpSocket["sendFrom"]>[1]): void {
    this.from = addresses;
  }

  /** Delivers a datagram. */
  receive(datagram: Datagram): void {
    this.pour([datagram]);
  }

  /** Delivers a datagram from a port that is not a node's. */
  hear(text: string | Uint8Array, from: string): void {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    this.receive({ bytes, from, fromPort: 4_242 });
  }

  /** Delivers datagrams as fast as they are taken; resolves when none are left. */
  pour(datagrams: Iterable<Datagram>): Promise<void> {
    this.#incoming.push(datagrams[Symbol.iterator]());
    this.#wake();
    return new Promise((resolve) => this.#drained = resolve);
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    return Promise.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Datagram> {
    while (!this.#closed) {
      const next = this.#incoming[0]?.next();
      if (next === undefined) {
        this.#drained();
        await new Promise<void>((resolve) => this.#wake = resolve);
      } else if (next.done) this.#incoming.shift();
      else yield next.value;
    }
  }
}
