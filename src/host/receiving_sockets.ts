// The sockets that receive: one, or two where an IPv6 socket takes no IPv4 (net.ipv6.bindv6only, and Windows).
import { canonicalIp, familyOf, isIpv6 } from "../core/ip.ts";
import type { Datagram, Family } from "../world.ts";

/** This machine has no IPv6 at all; the message says what to do. */
export class NoIpv6 extends Error {
  override readonly name = "NoIpv6";
}

/** One socket that receives. */
export class Ear {
  readonly #socket: Deno.DatagramConn;
  readonly #families: readonly Family[];
  /** It knows IPv4 addresses in IPv6's clothes only. */
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

  /** Whether it can send there. */
  reaches(address: string): boolean {
    return this.#families.includes(familyOf(address));
  }

  /** Sends one datagram; rejects with what the system says. */
  send(bytes: Uint8Array, to: string, port: number): Promise<number> {
    const hostname = this.#mapped && familyOf(to) === "IPv4" ? `::ffff:${to}` : to;
    return this.#socket.send(bytes, { transport: "udp", hostname, port });
  }

  /** What comes in, until it is closed. `bufferBytes`: the longest datagram that comes in whole. */
  async *receive(bufferBytes: number): AsyncGenerator<Datagram> {
    // One for all: nobody keeps a datagram beyond its turn, and a flood leaves no garbage to collect.
    const buffer = new Uint8Array(bufferBytes);
    while (!this.#closed) {
      try {
        const [bytes, sender] = await this.#socket.receive(buffer);
        const { hostname: seen, port: fromPort } = sender as Deno.NetAddr;
        const from = this.#mapped ? canonicalIp(seen) ?? seen : seen;
        yield { bytes, from, fromPort };
      } catch (error) {
        // The kernel reports a peer's closed port here on some systems: not the end of the socket.
        if (this.#closed || error instanceof Deno.errors.BadResource) return;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }

  /** Ends it. */
  close(): void {
    if (!this.#closed) this.#socket.close();
    this.#closed = true;
  }
}

/** Opens what listens there; throws what `Deno.listenDatagram` throws when the address cannot be had, and `NoIpv6`. */
export function openEars(hostname: string, port: number): Ear[] {
  const socket = listen(hostname, port);
  if (!isIpv6(hostname)) return [new Ear(socket, { families: ["IPv4"] })];
  try {
    const beside = hostname === "::" ? ipv4Beside(socket) : null;
    const families: Family[] = beside ? ["IPv6"] : ["IPv6", "IPv4"];
    const long = new Ear(socket, { families, mapped: true });
    return beside ? [long, new Ear(beside, { families: ["IPv4"] })] : [long];
  } catch (error) {
    socket.close();
    throw error;
  }
}

/**
 * The socket for IPv4 beside one on `[::]`, null where that takes IPv4 itself: then the system gives nobody the same
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

/** Whether a socket on `[::]` takes IPv4, too, on this machine. */
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

/** What comes in on any of them, one after the other: none receives on while its datagram is being looked at. */
export async function* receiveAll(
  ears: readonly Ear[],
  bufferBytes: number,
): AsyncGenerator<Datagram> {
  const [only, ...others] = ears;
  if (only && others.length === 0) return yield* only.receive(bufferBytes);
  const waiting: { readonly datagram: Datagram; readonly taken: () => void }[] = [];
  let wake = () => {}, open = ears.length;
  for (const ear of ears) {
    const offer = async () => {
      for await (const datagram of ear.receive(bufferBytes)) {
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
