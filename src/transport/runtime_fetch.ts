// The runtime's own `fetch`, for what our connections do not support: HTTP/2 alone, proxies by TLS or SOCKS. It keeps a
// dead connection for ever, so any failure ends the client, and the next request starts another one.
import type { Proxy } from "./proxy_route.ts";
import { failureOf, type Protocol, TransportFailure, type TransportInit } from "./request.ts";

/** Requests through the runtime. */
export class RuntimeFetch {
  readonly #caCerts: readonly string[];
  readonly #userAgent: string;
  /** One client that speaks HTTP/2 alone, and one that speaks HTTP/1.1 alone. */
  readonly #clients = new Map<Protocol, Deno.HttpClient>();

  constructor({ caCerts, userAgent }: { caCerts: readonly string[]; userAgent: string }) {
    this.#caCerts = caCerts;
    this.#userAgent = userAgent;
  }

  /** Like `fetch`; throws `TransportFailure`. */
  async send(
    url: URL,
    init: TransportInit,
    { proxy, protocol }: { proxy: Proxy | null; protocol: Protocol },
  ): Promise<Response> {
    const { fresh, alone, onKept, lateHeaders, mayLeave, headers, ...rest } = init;
    await mayLeave?.();
    const late = await lateHeaders?.();
    // A client does not tell which connection it uses; a client made for this request has no earlier ones.
    if (fresh || alone) this.#forget(protocol);
    else if (this.#clients.has(protocol)) onKept?.();
    const client = this.#clientFor(protocol);
    const forget = () => void (this.#clients.get(protocol) === client && this.#forget(protocol));
    // A timeout resets the stream only: the connection would be used again.
    init.signal?.addEventListener("abort", forget, { once: true });
    try {
      const given = { ...Object.fromEntries(new Headers(headers)), ...late };
      const named = { "user-agent": this.#userAgent, ...given };
      return await fetch(url, { ...rest, headers: named, client });
    } catch (error) {
      forget();
      if (init.signal?.aborted) {
        const through = proxy ? ` through ${proxy.title}` : "";
        const text = `waiting for ${url.hostname}${through}`;
        throw new TransportFailure("aborted", text, { sent: true });
      }
      const [kind, reason] = failureOf(error);
      const text = proxy ? `${reason}: ${proxy.title}` : `${reason}: ${url.hostname}`;
      throw new TransportFailure(kind, text, { sent: true, cause: error });
    }
  }

  /** Ends the clients. */
  close(): void {
    for (const protocol of [...this.#clients.keys()]) this.#forget(protocol);
  }

  #clientFor(protocol: Protocol): Deno.HttpClient {
    const http2 = protocol === "HTTP/2";
    const client = this.#clients.get(protocol) ??
      Deno.createHttpClient({ caCerts: [...this.#caCerts], http1: !http2, http2 });
    this.#clients.set(protocol, client);
    return client;
  }

  #forget(protocol: Protocol): void {
    this.#clients.get(protocol)?.close();
    this.#clients.delete(protocol);
  }
}
