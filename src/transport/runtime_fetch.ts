// The runtime's own `fetch`, for what our connections do not speak: HTTP/2 alone, proxies by TLS or SOCKS. It keeps a
// dead connection for ever, so whatever goes wrong ends the client, and the next request begins with another.
import { failureOf, TransportFailure } from "./failure.ts";
import type { Proxy } from "./proxy_route.ts";
import type { TransportInit } from "./transport.ts";

/** Requests through the runtime. */
export class RuntimeFetch {
  readonly #caCerts: readonly string[];
  readonly #userAgent: string;
  #client: Deno.HttpClient | null = null;

  constructor({ caCerts, userAgent }: { caCerts: readonly string[]; userAgent: string }) {
    this.#caCerts = caCerts;
    this.#userAgent = userAgent;
  }

  /** As `fetch`; throws `TransportFailure`. */
  async send(url: URL, init: TransportInit, proxy: Proxy | null): Promise<Response> {
    const { fresh, mayLeave, headers, ...rest } = init;
    await mayLeave?.();
    if (fresh) this.close();
    const client = this.#client ??= Deno.createHttpClient({ caCerts: [...this.#caCerts] });
    const forget = () => void (this.#client === client && this.close());
    // A time-out resets the stream only: the connection would be used again.
    init.signal?.addEventListener("abort", forget, { once: true });
    try {
      const named = { "user-agent": this.#userAgent, ...Object.fromEntries(new Headers(headers)) };
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

  /** Ends the client. */
  close(): void {
    this.#client?.close();
    this.#client = null;
  }
}
