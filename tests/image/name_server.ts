// A name server that knows some names, or stays silent. Sources: RFC 1035, section 4; RFC 3596 (AAAA).
import { parseIpv4, parseIpv6 } from "../../src/core/ip.ts";

/** How questions about a name are answered; `ipv4Only`: no answer about IPv6. */
export type Answer =
  | readonly string[]
  | "silent"
  | "servfail"
  | { readonly ipv4Only: readonly string[] };

const RCODES = { none: 0, servfail: 2, unknown: 3 } as const;
const TYPE_A = 1, TYPE_AAAA = 28;

/** Answers on UDP port 53 of an address until it is closed. */
export class NameServer {
  /** Names that were asked for, in their order. */
  readonly asked: string[] = [];
  readonly #socket: Deno.DatagramConn;
  readonly #addresses: Readonly<Record<string, string | Answer>>;

  /** `addresses`: by name; they may change while it answers. */
  constructor(hostname: string, addresses: Readonly<Record<string, string | Answer>>) {
    this.#addresses = addresses;
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname, port: 53 });
    void this.#serve();
  }

  /** Stops the service. */
  close(): void {
    this.#socket.close();
  }

  async #serve(): Promise<void> {
    for await (const [query, from] of this.#socket) {
      const answer = this.#answer(query);
      // The client may be gone by now.
      if (answer) await this.#socket.send(answer, from).catch(() => {});
    }
  }

  /** The query with the header of an answer, and the addresses; null for silence. */
  #answer(query: Uint8Array): Uint8Array | null {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(new TextDecoder().decode(query.subarray(at + 1, at + 1 + length)));
      at += 1 + length;
    }
    const name = labels.join(".");
    this.asked.push(name);
    const type = query[at + 2], question = query.slice(0, at + 5);
    const known = this.#addresses[name];
    if (known === "silent") return null;
    const half = typeof known === "object" && "ipv4Only" in known;
    if (half && type !== TYPE_A) return null;
    const given = half ? known.ipv4Only : known;
    const fails = given === "servfail";
    const addresses = given === undefined || fails ? [] : [given].flat();
    // A known name has no address of the other type.
    const parse = type === TYPE_A ? parseIpv4 : type === TYPE_AAAA ? parseIpv6 : () => null;
    const records = addresses.flatMap((address) => {
      const bytes = parse(address);
      return bytes ? [[0xc0, 12, 0, type ?? 0, 0, 1, 0, 0, 0, 60, 0, bytes.length, ...bytes]] : [];
    });
    const code = RCODES[fails ? "servfail" : given === undefined ? "unknown" : "none"];
    question.set([0x81, 0x80 | code, 0, 1, 0, records.length, 0, 0, 0, 0], 2);
    return new Uint8Array([...question, ...records.flat()]);
  }
}
