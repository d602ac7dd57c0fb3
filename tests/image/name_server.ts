// A name server that knows some names. Source: RFC 1035, section 4.

/** Answers on UDP port 53 of an address until it is closed. */
export class NameServer {
  /** Names that were asked for, in their order. */
  readonly asked: string[] = [];
  readonly #socket: Deno.DatagramConn;
  readonly #addresses: Readonly<Record<string, string>>;

  /** `addresses`: the IPv4 address of each name. */
  constructor(hostname: string, addresses: Readonly<Record<string, string>>) {
    this.#addresses = addresses;
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname, port: 53 });
    void this.#serve();
  }

  /** Ends the service. */
  close(): void {
    this.#socket.close();
  }

  async #serve(): Promise<void> {
    for await (const [query, from] of this.#socket) {
      // Who asked may have gone by now.
      await this.#socket.send(this.#answer(query), from).catch(() => {});
    }
  }

  /** The query with its header turned into that of an answer, and the address if there is one. */
  #answer(query: Uint8Array): Uint8Array {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(new TextDecoder().decode(query.subarray(at + 1, at + 1 + length)));
      at += 1 + length;
    }
    const name = labels.join(".");
    this.asked.push(name);
    const type = query[at + 2], question = query.slice(0, at + 5);
    const address = this.#addresses[name];
    // An address (type 1); of other types a known name has none.
    const bytes = address !== undefined && type === 1 ? address.split(".").map(Number) : null;
    const record = bytes ? [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...bytes] : [];
    const unknown = address === undefined ? 3 : 0;
    question.set([0x81, 0x80 | unknown, 0, 1, 0, bytes ? 1 : 0, 0, 0, 0, 0], 2);
    return new Uint8Array([...question, ...record]);
  }
}
