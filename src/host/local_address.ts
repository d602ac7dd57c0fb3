// Whether the kernel takes an address for its own, asked without listing any: it lets a socket be bound to such an
// address only. That takes some 30 µs however many interfaces there are, and no right but that to the network.
const NOBODYS_IPV4 = "240.0.0.1", NOBODYS_IPV6 = "100::1";

/**
 * Whether what is sent to the address is delivered on this machine; null when that cannot be told: no socket can be
 * opened, or the kernel lets any address be bound (`net.ipv4.ip_nonlocal_bind`, which proxies like to have).
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
