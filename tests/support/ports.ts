// Ports that are free now, and that the system gives to nobody else until they are used.

/** A TCP port that is free on loopback. */
export function freeTcpPort(hostname = "127.0.0.1"): number {
  return free((port) => Deno.listen({ hostname, port }).close());
}

/** A UDP port that is free on loopback; on `::` for both families. */
export function freeUdpPort(hostname = "127.0.0.1"): number {
  return free((port) => Deno.listenDatagram({ transport: "udp", hostname, port }).close());
}

/**
 * A port that `bind` can have. Below those that systems give to connections and to whoever asks for any: between here
 * and its use it would get lost to one of them, as would that of a process that is down for a while.
 */
function free(bind: (port: number) => void): number {
  for (;;) {
    const port = 20_000 + crypto.getRandomValues(new Uint16Array(1))[0]! % 12_000;
    try {
      bind(port);
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
