// A CONNECT proxy for one machine, which can be dead, silent, or have an unknown name.
import { connect, createServer, type Server, type Socket } from "node:net";

const PORT = 3128;
/** Target port of every tunnel. */
const TARGET_PORT = 443;

/** One proxy; `start` it. Its tunnels leave from its own address. */
export class Proxy {
  /** Whether it stays silent after accepting connections. */
  silent = false;
  readonly name: string;
  readonly address: string;
  readonly #target: string;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;

  constructor({ name, address, target }: { name: string; address: string; target: string }) {
    this.name = name;
    this.address = address;
    this.#target = target;
  }

  get url(): string {
    return `http://${this.name}:${PORT}`;
  }

  /** Starts serving. */
  async start(): Promise<void> {
    const server = createServer((socket) => this.#serve(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(PORT, this.address, resolve);
    });
  }

  /** Stops, and closes all connections. */
  stop(): void {
    this.#server?.close();
    this.#server = null;
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  #serve(client: Socket): void {
    this.#keep(client);
    client.once("data", (head) => {
      if (this.silent) return;
      if (!head.toString().startsWith("CONNECT ")) return void client.destroy();
      const upstream = connect({
        host: this.#target,
        port: TARGET_PORT,
        localAddress: this.address,
      });
      this.#keep(upstream);
      upstream.once("connect", () => {
        client.write("HTTP/1.1 200 Connection established\r\n\r\n");
        client.pipe(upstream).pipe(client);
      });
      const end = () => {
        client.destroy();
        upstream.destroy();
      };
      for (const socket of [client, upstream]) socket.once("close", end);
    });
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.on("error", () => socket.destroy());
  }
}
