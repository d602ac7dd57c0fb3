// A link whose datagrams a test puts in by hand.
import type { Datagram, UdpSocket } from "../../src/world.ts";

/** What is received is handed out in order; what is sent goes to whoever extends it. */
export abstract class InboxSocket implements UdpSocket {
  abstract readonly localAddresses: readonly string[];
  #inbox: Datagram[] = [];
  #wake = () => {};
  #closed = false;

  abstract send(bytes: Uint8Array, to: string, port: number): void;

  reply(bytes: Uint8Array, to: string, port: number): void {
    this.send(bytes, to, port);
  }

  sendFrom(..._: Parameters<UdpSocket["sendFrom"]>): void {}

  /** A datagram has come. */
  receive(datagram: Datagram): void {
    this.#inbox.push(datagram);
    this.#wake();
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    return Promise.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Datagram> {
    while (!this.#closed) {
      const datagram = this.#inbox.shift();
      if (datagram) yield datagram;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}
