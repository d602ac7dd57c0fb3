// UDP over one socket: it sends from the port it listens on, as the peers' firewalls expect.
import { canonicalIp, isIpv6 } from "../core/ip.ts";
import type { Datagram, Link } from "../world.ts";

/** Longer than any heartbeat or question, so that a longer one is seen to be longer instead of being cut. */
const BUFFER_BYTES = 512;

/** Opens the socket; throws what `Deno.listenDatagram` throws when the address cannot be had. */
export function openLink(hostname: string, port: number, bufferBytes = BUFFER_BYTES): Link {
  // A socket for IPv6 hears IPv4, too, and knows its addresses in IPv6's clothes only.
  const dual = isIpv6(hostname);
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port });
  let closed = false;
  /** The last one on its way to each place: two at once may overtake each other within the runtime. */
  const sending = new Map<string, Promise<unknown>>();
  return {
    localAddresses: ["0.0.0.0", "::"].includes(hostname) ? interfaceAddresses() : [hostname],
    send(bytes, to, toPort) {
      // Unreachable peers are what heartbeats are for; the original ignores these errors, too.
      const target = dual && !to.includes(":") ? `::ffff:${to}` : to;
      const place = `${target} ${toPort}`, before = sending.get(place);
      const send = () => socket.send(bytes, { transport: "udp", hostname: target, port: toPort });
      const sent = (before ? before.then(send) : send()).catch(() => {}).finally(() => {
        if (sending.get(place) === sent) sending.delete(place);
      });
      sending.set(place, sent);
    },
    async close() {
      await Promise.all(sending.values()); // The last word of a node that leaves must get out.
      if (!closed) socket.close();
      closed = true;
    },
    async *[Symbol.asyncIterator](): AsyncGenerator<Datagram> {
      // One for all: nobody keeps a datagram beyond its turn, and a flood leaves no garbage to collect.
      const buffer = new Uint8Array(bufferBytes);
      while (!closed) {
        try {
          const [bytes, sender] = await socket.receive(buffer);
          const { hostname: seen, port: fromPort } = sender as Deno.NetAddr;
          const from = dual ? canonicalIp(seen) ?? seen : seen;
          yield { bytes, from, fromPort };
        } catch (error) {
          // The kernel reports a peer's closed port here on some systems: not the end of the link.
          if (closed || error instanceof Deno.errors.BadResource) return;
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      }
    },
  };
}

function interfaceAddresses(): string[] {
  try {
    return Deno.networkInterfaces().map(({ address }) => canonicalIp(address) ?? address);
  } catch {
    return [];
  }
}
