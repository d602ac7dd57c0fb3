// One connection to one address, and messages that name the party at fault when it fails.
import { failureOf, TransportFailure } from "./failure.ts";
import { Incoming, readHead, type Stream, writeRequest } from "./http1.ts";
import type { Proxy } from "./proxy_route.ts";

/** The far end of a connection. */
export interface Target {
  /** A name, or an address without brackets; the certificate must be for it. */
  readonly hostname: string;
  readonly port: number;
  readonly secure: boolean;
  readonly proxy: Proxy | null;
}

/** One connection to one address: TCP, the proxy's consent, TLS. Throws what the runtime throws. */
export async function connect(
  address: string,
  target: Target,
  { caCerts, signal }: { caCerts: readonly string[]; signal: AbortSignal },
): Promise<Stream> {
  const { hostname, secure, proxy } = target;
  const port = proxy?.port ?? target.port;
  const plain = await Deno.connect({ hostname: address, port, signal });
  let stream: Stream = plain;
  const end = () => close(stream);
  signal.addEventListener("abort", end);
  try {
    signal.throwIfAborted();
    if (proxy) await tunnel(plain, target, proxy);
    if (!secure) return plain;
    const alpnProtocols = ["http/1.1"];
    const tls = await Deno.startTls(plain, { hostname, caCerts: [...caCerts], alpnProtocols });
    stream = tls;
    signal.throwIfAborted();
    await tls.handshake();
    return tls;
  } catch (error) {
    close(stream);
    throw error;
  } finally {
    signal.removeEventListener("abort", end);
  }
}

/** Closes a stream that may be closed already. */
export function close(stream: Stream): void {
  try {
    stream.close();
  } catch {
    // It was closed already.
  }
}

/** Asks the proxy for a connection to the target. Source: RFC 9110 section 9.3.6. */
async function tunnel(stream: Stream, { hostname, port }: Target, proxy: Proxy): Promise<void> {
  const place = `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  const { authorization } = proxy;
  const headers = {
    host: place,
    ...(authorization !== null && { "proxy-authorization": authorization }),
  };
  await writeRequest(stream, { method: "CONNECT", target: place, headers });
  const incoming = new Incoming(stream);
  const { status } = await readHead(incoming, "CONNECT");
  if (status >= 200 && status < 300 && incoming.quiet) return;
  throw new TransportFailure(
    "unreachable",
    `${proxy.title} refuses the connection: HTTP ${status}`,
  );
}

/** The failure, in words that name the party at fault. */
export function asFailure(error: unknown, target: Target, address: string): TransportFailure {
  if (error instanceof TransportFailure) return error;
  const [kind, reason] = failureOf(error);
  const { hostname, proxy } = target;
  const where = address === hostname ? hostname : `${hostname} at ${address}`;
  const text = !proxy
    ? `${reason}: ${where}`
    : kind === "untrusted"
    ? `${reason}: ${hostname} through ${proxy.title}`
    : `${reason}: ${proxy.title}`;
  return new TransportFailure(kind, text, { cause: error });
}
