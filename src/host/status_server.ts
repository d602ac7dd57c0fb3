// The HTTP server of --listen-status: Deno's own, which answers beside the loop.

/** Where it listens. */
export interface StatusAddress {
  /** IPv4 or IPv6 address, or `localhost`. */
  readonly hostname: string;
  readonly port: number;
}

/** A server that is running. */
export interface StatusServer {
  readonly port: number;
  /** Ends it and every connection. */
  close(): Promise<void>;
}

/** Answers one request. */
export type StatusHandler = (request: Request) => Response | Promise<Response>;

/** Begins to listen; throws what `Deno.serve` throws when the address cannot be had. */
export function serveStatus(
  { hostname, port }: StatusAddress,
  handler: StatusHandler,
): StatusServer {
  const ending = new AbortController();
  const server = Deno.serve({
    hostname,
    port,
    signal: ending.signal,
    onListen: () => {},
    onError: () => new Response("this should not have happened\n", { status: 500 }),
  }, handler);
  return {
    port: server.addr.port,
    async close() {
      // Whoever still reads is cut off: nobody may keep the process from ending.
      ending.abort();
      await server.finished;
    },
  };
}
