// A network between the first two nodes that can be cut: each node listens on its own port, and reaches the relay at
// the other's address on that port. Heartbeats keep their source address on the way.
import type { BenchCluster } from "./bench_cluster.ts";

/** Forwards heartbeats, both ways. */
export class Relay {
  /** Whether it lets datagrams through. */
  open = true;
  readonly #addresses: readonly [string, string];
  readonly #ports: readonly [number, number];
  readonly #listener: Deno.NetAddr;
  readonly #sockets: readonly [Deno.DatagramConn, Deno.DatagramConn];
  readonly #passing: Promise<unknown>;

  constructor(cluster: BenchCluster) {
    this.#addresses = [cluster.node(1).instance.address, cluster.node(2).instance.address];
    const [first, second] = this.#addresses;
    const hostname = cluster.node(3).instance.address;
    this.#listener = { transport: "udp", hostname, port: cluster.port };
    const bind = (hostname: string, port: number) =>
      Deno.listenDatagram({ transport: "udp", hostname, port });
    // The stand-in for the second node, to which the first one sends; and the other way round.
    const forSecond = bind(second, 0), port = (forSecond.addr as Deno.NetAddr).port;
    const forFirst = bind(first, 0);
    this.#sockets = [forFirst, forSecond];
    this.#ports = [port, (forFirst.addr as Deno.NetAddr).port];
    this.#passing = Promise.all([this.#pass(0), this.#pass(1)]);
  }

  /** The address for `-l` of that node. */
  listenOf(number: number): string {
    const at = number === 1 ? 0 : 1;
    return `${this.#addresses[at]}:${this.#ports[at]}`;
  }

  /** Closes the sockets. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.close();
    await this.#passing;
  }

  /** From the node with that index to the other one. */
  async #pass(from: 0 | 1): Promise<void> {
    const to = from === 0 ? 1 : 0;
    // The first node sends to the stand-in of the second, on the first one's port.
    const [inlet, outlet] = [this.#sockets[to], this.#sockets[from]];
    for await (const [bytes] of inlet) {
      await outlet.send(bytes, this.#listener); // The measuring listener hears both sides.
      if (!this.open) continue;
      const target = { hostname: this.#addresses[to], port: this.#ports[to] };
      await outlet.send(bytes, { transport: "udp", ...target });
    }
  }
}
