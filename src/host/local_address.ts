// Whether an address is local to the kernel, found without listing addresses: a socket can be bound only to a local
// address. This takes some 30 µs however many interfaces there are, and needs only the right to the network.
const NOBODYS_IPV4 = "240.0.0.1", NOBODYS_IPV6 = "100::1";

/**
 * Whether traffic to the address is delivered on this machine. Null when unknown: no socket can be opened, or the
 * kernel lets any address be bound (`net.ipv4.ip_nonlocal_bind`, common on proxies).
 */
export function isLocalAddress(address: string): boolean | null {
  const bound = binds(address);
  if (bound !== true) return bound;
  return binds(address.includes(":") ? NOBODYS_IPV6 : NOBODYS_IPV4) === false ? true : null;
}

function binds(hostname: string): boolean | null {
  try {
    Deno.listenDatagram({ transport: "udp", hostname, port: 0 }).close();
    return true;
  } catch (error) {
    return error instanceof Deno.errors.AddrNotAvailable ? false : null;
  }
}
