// A name server for the tests, on UDP and TCP, whose behaviour for each query can be set.
import { answer, NXDOMAIN, parseQuery, type Query, type ResourceRecord } from "./dns_message.ts";

/** A name's entry: addresses, or the name that it is an alias of. */
export interface Entry {
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  readonly cname?: string;
}

/** All known names. */
export type Zone = Record<string, Entry>;

/** A server's reaction to a query: an answer, or null for silence. */
export type Behaviour = (
  query: Query,
  zone: Zone,
) => Uint8Array | null | Promise<Uint8Array | null>;

/** How long records may be cached: short enough to expire before a fault begins. */
const TTL_SECONDS = 2;
/** Longest chain of aliases. */
const CHAIN_MAX = 16;

/** Serves port 53 of an address until it is closed. */
export class NameServer {
  /** The questions asked, in their order. */
  readonly asked: Query[] = [];
  readonly address: string;
  zone: Zone;
  behaviour: Behaviour = truthful;
  readonly #udp: Deno.DatagramConn;
  readonly #tcp: Deno.Listener;
  #closed = false;

  constructor(address: string, zone: Zone) {
    this.address = address;
    this.zone = zone;
    this.#udp = Deno.listenDatagram({ transport: "udp", hostname: address, port: 53 });
    this.#tcp = Deno.listen({ hostname: address, port: 53 });
    void this.#serveUdp();
    void this.#serveTcp();
  }

  /** Works again, with these names. */
  reset(zone: Zone): void {
    this.zone = zone;
    this.behaviour = truthful;
  }

  /** Stops the service. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#udp.close();
    this.#tcp.close();
  }

  async #serveUdp(): Promise<void> {
    for await (const [bytes, address] of this.#udp) {
      const { hostname, port } = address as Deno.NetAddr;
      const reply = this.#react(bytes, { transport: "udp", from: `${hostname}:${port}` });
      // The client or this server may have closed by now.
      void reply.then((each) => each && this.#udp.send(each, address)).catch(() => {});
    }
  }

  async #serveTcp(): Promise<void> {
    for await (const connection of this.#tcp) void this.#converse(connection).catch(() => {});
  }

  /** Queries and answers with a length prefix. */
  async #converse(connection: Deno.Conn): Promise<void> {
    const { hostname, port } = connection.remoteAddr as Deno.NetAddr;
    try {
      const reader = new ExactReader(connection.readable);
      for (;;) {
        const [high = 0, low = 0] = await reader.read(2);
        const bytes = await reader.read(high << 8 | low);
        const reply = await this.#react(bytes, { transport: "tcp", from: `${hostname}:${port}` });
        if (reply === null) continue;
        const framed = new Uint8Array(2 + reply.length);
        framed.set([reply.length >> 8, reply.length & 255]);
        framed.set(reply, 2);
        await connection.write(framed);
      }
    } finally {
      connection.close();
    }
  }

  async #react(
    bytes: Uint8Array,
    where: Pick<Query, "transport" | "from">,
  ): Promise<Uint8Array | null> {
    const query = parseQuery(bytes, { ...where, atMs: performance.now() });
    if (query === null) return null;
    this.asked.push(query);
    return await this.behaviour(query, this.zone);
  }
}

/** The behaviour of a working server. */
export function truthful(query: Query, zone: Zone): Uint8Array {
  const records = recordsFor(query, zone);
  return answer(query, records === null ? { code: NXDOMAIN } : { records });
}

/** The records that answer a query, null when the name is unknown. */
export function recordsFor({ name, type }: Query, zone: Zone): ResourceRecord[] | null {
  const records: ResourceRecord[] = [];
  let current = name;
  for (let step = 0; step < CHAIN_MAX; step++) {
    const entry = zone[current];
    if (entry === undefined) return records.length > 0 ? records : null;
    const record = (kind: ResourceRecord["type"]) => (value: string): ResourceRecord => ({
      name: current,
      type: kind,
      value,
      ttlSeconds: TTL_SECONDS,
    });
    if (entry.cname === undefined) {
      const values = type === "A" ? entry.a : type === "AAAA" ? entry.aaaa : [];
      return [...records, ...(values ?? []).map(record(type === "AAAA" ? "AAAA" : "A"))];
    }
    records.push(record("CNAME")(entry.cname));
    current = entry.cname;
  }
  return records;
}

/** Reads exactly that many bytes; throws at the end of the stream. */
class ExactReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest = new Uint8Array();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  async read(count: number): Promise<Uint8Array> {
    while (this.#rest.length < count) {
      const { value } = await this.#reader.read();
      if (value === undefined) throw new Error("the stream has ended");
      this.#rest = new Uint8Array([...this.#rest, ...value]);
    }
    const bytes = this.#rest.slice(0, count);
    this.#rest = this.#rest.slice(count);
    return bytes;
  }
}
