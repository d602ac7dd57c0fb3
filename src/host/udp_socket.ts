// UDP: sockets that receive on the port of all nodes and answer from it, and for each family one that sends heartbeats
// from our own address. One socket receives, or two where an IPv6 socket does not accept IPv4 (net.ipv6.bindv6only, and
// Windows).
import { canonicalIp, familyOf, isIpv6 } from "../core/ip.ts";
import type { Datagram, Family, HeartbeatSource, UdpSocket } from "../world.ts";
import { OwnSource } from "./own_source.ts";

/**
 * Longer than any heartbeat or question, so that a longer datagram is noticed instead of being cut to a valid length.
 */
const BUFFER_BYTES = 512;
const WILDCARDS: readonly string[] = ["0.0.0.0", "::"];

/** This machine has no IPv6; the message says what to do. */
export class NoIpv6 extends Error {
  override readonly name = "NoIpv6";
}

/** Opens the sockets; throws what `Deno.listenDatagram` throws when the address cannot be bound, and `NoIpv6`. */
export function openSocket(hostname: string, port: number, bufferBytes = BUFFER_BYTES): UdpSocket {
  return new SystemUdpSocket(hostname, openReceivers(hostname, port), bufferBytes);
}

class SystemUdpSocket implements UdpSocket {
  readonly localAddresses: readonly string[];
  readonly #receivers: readonly ReceivingSocket[];
  readonly #bufferBytes: number;
  /** The address of `-l`, null for every address. */
  readonly #fixed: string | null;
  /** Null until our addresses are known, and if `-l` sets the address. */
  #sources: ReadonlyMap<Family, OwnSource> | null = null;
  #own: readonly string[] = [];
  #report: (source: HeartbeatSource) => void = () => {};
  /** Our addresses in private networks, once a heartbeat has left for one. */
  readonly #inside = new Map<string, OwnSource>();
  /** Families, and own addresses in private networks, for which another source address was reported. */
  readonly #troubled = new Set<string>();
  /** The last send under way to each destination: two at once may overtake each other within the runtime. */
  readonly #sending = new Map<string, Promise<unknown>>();

  constructor(hostname: string, receivers: readonly ReceivingSocket[], bufferBytes: number) {
    this.#receivers = receivers;
    this.#bufferBytes = bufferBytes;
    this.#fixed = WILDCARDS.includes(hostname) ? null : hostname;
    this.localAddresses = this.#fixed === null ? interfaceAddresses() : [this.#fixed];
  }

  send(bytes: Uint8Array, to: string, port: number, source?: string | null): void {
    const send = source === undefined
      ? () => this.#sendOwn(bytes, to, port)
      : () => this.#sendInside(bytes, to, { port, source });
    this.#queue(`${to} ${port}`, send);
  }

  reply(bytes: Uint8Array, to: string, port: number): void {
    this.#queue(`${to} ${port}`, () => this.#sendAny(bytes, to, port));
  }

  sendFrom(addresses: readonly string[], report: (source: HeartbeatSource) => void): void {
    // A new listener has not got any report yet.
    if (report !== this.#report) this.#troubled.clear();
    this.#report = report;
    const known = this.#sources !== null && addresses.join() === this.#own.join();
    this.#own = addresses;
    if (this.#fixed !== null) return this.#tellOfFixed(this.#fixed);
    if (known) return;
    for (const [address, source] of this.#inside) {
      if (addresses.includes(address)) continue;
      source.close();
      this.#inside.delete(address);
    }
    const before = this.#sources;
    this.#sources = this.#sourcesFor(addresses);
    for (const source of before?.values() ?? []) source.close();
  }

  async close(): Promise<void> {
    await Promise.all(this.#sending.values()); // The last heartbeat of a leaving node must be sent.
    for (const source of this.#sources?.values() ?? []) source.close();
    for (const source of this.#inside.values()) source.close();
    for (const receiver of this.#receivers) receiver.close();
  }

  [Symbol.asyncIterator](): AsyncGenerator<Datagram> {
    return receiveAll(this.#receivers, this.#bufferBytes);
  }

  /** Does not send in a family in which we do not receive: the peers would hear us, but we would not hear them. */
  #sourcesFor(addresses: readonly string[]): Map<Family, OwnSource> {
    const sources = new Map<Family, OwnSource>();
    for (const address of addresses) {
      const family = familyOf(address);
      if (sources.has(family) || !this.#receivers.some((receiver) => receiver.reaches(address))) {
        continue;
      }
      sources.set(family, new OwnSource(address));
    }
    return sources;
  }

  #queue(place: string, send: () => Promise<unknown>): void {
    const before = this.#sending.get(place);
    // Heartbeats exist to detect unreachable peers, so ignore these errors, as the original does.
    const sent = (before ? before.then(send) : send()).catch(() => {}).finally(() => {
      if (this.#sending.get(place) === sent) this.#sending.delete(place);
    });
    this.#sending.set(place, sent);
  }

  async #sendOwn(bytes: Uint8Array, to: string, port: number): Promise<void> {
    if (this.#sources === null) return await this.#sendAny(bytes, to, port);
    const family = familyOf(to);
    const source = this.#sources.get(family);
    const failure = source
      ? await source.send(bytes, to, port)
      : { reason: this.#whyNone(to), missing: true };
    if (failure === null) return this.#tell(family, null);
    // NAT may translate another source address into the right one.
    const left = await this.#sendAny(bytes, to, port).then(() => true, () => false);
    if (left || failure.missing) this.#tell(family, failure.reason);
  }

  /** Sends from our address in the private network of the destination; where it is not known, the routes choose. */
  async #sendInside(
    bytes: Uint8Array,
    to: string,
    { port, source: own }: { port: number; source: string | null },
  ): Promise<void> {
    if (own === null || own === this.#fixed) return await this.#sendAny(bytes, to, port);
    if (this.#fixed !== null) {
      this.#tell(familyOf(own), `-l names ${this.#fixed}, let it name none`, own);
      return await this.#sendAny(bytes, to, port);
    }
    const source = this.#inside.get(own) ?? new OwnSource(own);
    this.#inside.set(own, source);
    const failure = await source.send(bytes, to, port);
    if (failure === null) return this.#tell(familyOf(own), null, own);
    const left = await this.#sendAny(bytes, to, port).then(() => true, () => false);
    if (left || failure.missing) this.#tell(familyOf(own), failure.reason, own);
  }

  #whyNone(to: string): string {
    const family = familyOf(to);
    if (this.#receivers.some((receiver) => receiver.reaches(to))) {
      return `the cloud knows no ${family} address of this instance, give it one`;
    }
    return `-l listens on no ${family} address, let it name one or [::]`;
  }

  async #sendAny(bytes: Uint8Array, to: string, port: number): Promise<void> {
    const receiver = this.#receivers.find((each) => each.reaches(to)) ?? this.#receivers[0];
    await receiver?.send(bytes, to, port);
  }

  #tellOfFixed(address: string): void {
    if (this.#own.includes(address)) return;
    this.#tell(familyOf(address), `-l names ${address}, let it name none`);
  }

  /** `inside`: our address in a private network, if that is what it is about. */
  #tell(family: Family, trouble: string | null, inside?: string): void {
    const key = inside ?? family;
    if (this.#troubled.has(key) === (trouble !== null)) return;
    if (trouble === null) this.#troubled.delete(key);
    else this.#troubled.add(key);
    const own = inside ?? this.#own.find((address) => familyOf(address) === family) ?? null;
    this.#report({ family, own, trouble });
  }
}

function interfaceAddresses(): string[] {
  try {
    return Deno.networkInterfaces().map(({ address }) => canonicalIp(address) ?? address);
  } catch {
    return [];
  }
}

/** One receiving socket. */
class ReceivingSocket {
  readonly #socket: Deno.DatagramConn;
  readonly #families: readonly Family[];
  /** Whether it uses IPv4-mapped IPv6 addresses (`::ffff:1.2.3.4`). */
  readonly #mapped: boolean;
  #closed = false;

  constructor(
    socket: Deno.DatagramConn,
    { families, mapped = false }: { families: readonly Family[]; mapped?: boolean },
  ) {
    this.#socket = socket;
    this.#families = families;
    this.#mapped = mapped;
  }

  /** Whether it can send to that address. */
  reaches(address: string): boolean {
    return this.#families.includes(familyOf(address));
  }

  /** Sends one datagram; rejects with the system's error. */
  send(bytes: Uint8Array, to: string, port: number): Promise<number> {
    const hostname = this.#mapped && familyOf(to) === "IPv4" ? `::ffff:${to}` : to;
    return this.#socket.send(bytes, { transport: "udp", hostname, port });
  }

  /** Received datagrams, until it is closed. `bufferBytes`: the longest datagram that is received whole. */
  async *receive(bufferBytes: number): AsyncGenerator<Datagram> {
    // One buffer for all: no one keeps a datagram beyond its turn, and a flood causes no garbage collection.
    const buffer = new Uint8Array(bufferBytes);
    while (!this.#closed) {
      try {
        const [bytes, sender] = await this.#socket.receive(buffer);
        const { hostname: seen, port: fromPort } = sender as Deno.NetAddr;
        const from = this.#mapped ? canonicalIp(seen) ?? seen : seen;
        yield { bytes, from, fromPort };
      } catch (error) {
        // On some systems the kernel reports a peer's closed port here; the socket goes on.
        if (this.#closed || error instanceof Deno.errors.BadResource) return;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }

  /** Closes the socket. */
  close(): void {
    if (!this.#closed) this.#socket.close();
    this.#closed = true;
  }
}

/** Opens the receiving sockets; throws as `openSocket` does. */
function openReceivers(hostname: string, port: number): ReceivingSocket[] {
  const socket = listen(hostname, port);
  if (!isIpv6(hostname)) return [new ReceivingSocket(socket, { families: ["IPv4"] })];
  try {
    const beside = hostname === "::" ? ipv4Beside(socket) : null;
    const families: Family[] = beside ? ["IPv6"] : ["IPv6", "IPv4"];
    const long = new ReceivingSocket(socket, { families, mapped: true });
    return beside ? [long, new ReceivingSocket(beside, { families: ["IPv4"] })] : [long];
  } catch (error) {
    socket.close();
    throw error;
  }
}

/**
 * The socket for IPv4 beside one on `[::]`. Null where that one accepts IPv4 itself: then the system refuses the same
 * port on 0.0.0.0.
 */
function ipv4Beside(long: Deno.DatagramConn): Deno.DatagramConn | null {
  const port = portOf(long);
  try {
    return listen("0.0.0.0", port);
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse) || takesIpv4()) return null;
    const why = `[::] takes no IPv4 here (net.ipv6.bindv6only), and 0.0.0.0:${port} beside it`;
    throw new Deno.errors.AddrInUse(`${why}: ${error.message}`);
  }
}

/** Whether a socket on `[::]` accepts IPv4 on this machine. */
function takesIpv4(): boolean {
  const long = listen("::", 0);
  try {
    listen("0.0.0.0", portOf(long)).close();
    return false;
  } catch {
    return true;
  } finally {
    long.close();
  }
}

function portOf(socket: Deno.DatagramConn): number {
  return (socket.addr as Deno.NetAddr).port;
}

function listen(hostname: string, port: number): Deno.DatagramConn {
  try {
    return Deno.listenDatagram({ transport: "udp", hostname, port });
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    if (code !== "EAFNOSUPPORT" || !isIpv6(hostname)) throw error;
    throw new NoIpv6(`${message}: this machine has no IPv6, give an IPv4 address or :PORT`);
  }
}

/** Received datagrams of all sockets, one after the other: no socket receives again while its datagram is handled. */
async function* receiveAll(
  receivers: readonly ReceivingSocket[],
  bufferBytes: number,
): AsyncGenerator<Datagram> {
  const [only, ...others] = receivers;
  if (only && others.length === 0) return yield* only.receive(bufferBytes);
  const waiting: { readonly datagram: Datagram; readonly taken: () => void }[] = [];
  let wake = () => {}, open = receivers.length;
  for (const receiver of receivers) {
    const offer = async () => {
      for await (const datagram of receiver.receive(bufferBytes)) {
        await new Promise<void>((taken) => {
          waiting.push({ datagram, taken });
          wake();
        });
      }
    };
    offer().finally(() => {
      open -= 1;
      wake();
    });
  }
  for (;;) {
    const next = waiting.shift();
    if (next) {
      yield next.datagram;
      next.taken();
    } else if (open === 0) return;
    else await new Promise<void>((resolve) => wake = resolve);
  }
}
