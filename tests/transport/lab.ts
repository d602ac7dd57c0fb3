// Badly behaved servers on loopback, and a transport that knows their names.
import { systemClock } from "../../src/host/clock.ts";
import type { ProxyVariables } from "../../src/transport/proxy_route.ts";
import { openTransport, type Transport } from "../../src/transport/transport.ts";
import { CLOUD_AUTHORITY, identityFor } from "../support/tls/cloud_identity.ts";

/** The name of all servers here. */
export const NAME = "api.example";

/** Handles a request: answers it, or does something to the connection. */
export type Handler = (request: string, connection: Deno.Conn, number: number) => void;

/** An HTTP/1.1 answer with that text. */
export function answer(text = "ok", headers = ""): Uint8Array {
  const head =
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${headers}content-length: ${text.length}\r\n\r\n`;
  return new TextEncoder().encode(head + text);
}

/** A TLS server that passes each request (only its head) to the handler, with the number of its connection. */
export class RawServer implements AsyncDisposable {
  readonly requests: { readonly head: string; readonly connection: number }[] = [];
  readonly port: number;
  connections = 0;
  readonly #listener: Deno.TlsListener;
  readonly #open = new Set<Deno.Conn>();
  readonly #serving: Promise<void>;

  constructor(
    handler: Handler,
    { hostname = "127.0.0.1", port = 0, name = NAME, alpn = ["http/1.1"] } = {},
  ) {
    const identity = identityFor(name);
    this.#listener = Deno.listenTls({ hostname, port, alpnProtocols: alpn, ...identity });
    this.port = (this.#listener.addr as Deno.NetAddr).port;
    this.#serving = this.#serve(handler);
  }

  async #serve(handler: Handler): Promise<void> {
    const serving: Promise<void>[] = [];
    try {
      for await (const connection of this.#listener) {
        serving.push(this.#attend(connection, ++this.connections, handler));
      }
    } catch {
      // In some versions, a failed handshake ends the iteration: the listener is then closed, too.
    }
    await Promise.all(serving);
  }

  async #attend(connection: Deno.Conn, number: number, handler: Handler): Promise<void> {
    this.#open.add(connection);
    const buffer = new Uint8Array(4_096);
    try {
      for (let count; (count = await connection.read(buffer)) !== null;) {
        const head = new TextDecoder().decode(buffer.subarray(0, count));
        this.requests.push({ head, connection: number });
        handler(head, connection, number);
      }
    } catch {
      // The client has gone, or the handler has closed it.
    }
    shut(connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    shut(this.#listener);
    for (const connection of this.#open) shut(connection);
    await this.#serving;
  }
}

/** Closes a resource that may be closed already. */
export function shut(resource: { close(): void }): void {
  try {
    resource.close();
  } catch {
    // It was closed already.
  }
}

/** A listener that accepts connections and stays silent. */
export class SilentServer implements Disposable {
  readonly port: number;
  readonly #listener: Deno.TcpListener;

  constructor({ hostname = "127.0.0.1", port = 0 } = {}) {
    this.#listener = Deno.listen({ hostname, port });
    this.port = this.#listener.addr.port;
  }

  [Symbol.dispose](): void {
    this.#listener.close();
  }
}

/** A transport with these addresses for the name; a function is called for each lookup. */
export function transportTo(
  addresses: readonly string[] | (() => readonly string[] | Promise<readonly string[]>),
  variables: ProxyVariables = {},
): Transport & Disposable {
  const transport = openTransport({
    clock: systemClock,
    lookUp: async () => await (typeof addresses === "function" ? addresses() : addresses),
    variables,
    caCerts: [CLOUD_AUTHORITY],
    userAgent: "exoip/test",
  });
  return Object.assign(transport, { [Symbol.dispose]: () => transport.close() });
}

/** The answer's text. */
export async function get(
  transport: Transport,
  port: number,
  init: Parameters<Transport>[1] = {},
): Promise<string> {
  const response = await transport(new URL(`https://${NAME}:${port}/v2/zone`), init);
  return await response.text();
}
