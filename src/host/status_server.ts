// The HTTP server of --listen-status: so small that all of it has a bound. Deno's own neither limits connections nor
// ends idle ones (2.7.11, 2.9.6), and a process that others can bring to its last file cannot reach the cloud any more.
// One request for each connection, without a body; the answer ends it.

/** Where it listens. */
export interface StatusAddress {
  /** IPv4 or IPv6 address. */
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

/** Connections at a time; whoever comes beyond takes the place of the oldest, which has had its time. */
export const CONNECTIONS_MAX = 64;
/** Longest life of a connection. */
const CONNECTION_MS = 5_000;
/** Longest head of a request. */
const HEAD_MAX_BYTES = 8 * 1_024;
/** Wait before the next connection is taken when the system has none to give. */
const RETRY_MS = 100;

/** Begins to listen; throws what `Deno.listen` throws when the address cannot be had. */
export function serveStatus(
  { hostname, port }: StatusAddress,
  handler: StatusHandler,
  { connectionMs = CONNECTION_MS }: { connectionMs?: number } = {},
): StatusServer {
  const listener = Deno.listen({ hostname, port, transport: "tcp" });
  const open = new Map<Deno.TcpConn, Promise<void>>();
  let closed = false;
  const accept = async () => {
    while (!closed) {
      try {
        const connection = await listener.accept();
        const [oldest] = open.keys();
        if (oldest && open.size >= CONNECTIONS_MAX) {
          open.delete(oldest);
          close(oldest);
        }
        const talk = converse(connection, { handler, connectionMs }).finally(() =>
          open.delete(connection)
        );
        open.set(connection, talk);
      } catch {
        // The system may be out of files for a while; the listener stays.
        if (!closed) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  };
  const accepting = accept();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    async close() {
      if (!closed) listener.close();
      closed = true;
      // Whoever still reads is cut off: nobody may keep the process from ending.
      for (const connection of open.keys()) close(connection);
      await Promise.all([accepting, ...open.values()]);
    },
  };
}

/** One request and its answer; whatever goes wrong ends the connection and nothing else. */
async function converse(
  connection: Deno.TcpConn,
  { handler, connectionMs }: { handler: StatusHandler; connectionMs: number },
): Promise<void> {
  const timer = setTimeout(() => close(connection), connectionMs);
  try {
    const head = await readHead(connection);
    const request = head === null ? null : requestOf(head);
    const answer = request
      ? await handler(request)
      : new Response("this is no request that is understood here\n", { status: 400 });
    await write(connection, await bytesOf(answer, request?.method === "HEAD"));
  } catch {
    // Gone, or too late.
  } finally {
    clearTimeout(timer);
    close(connection);
  }
}

/** Up to the empty line; null when it is too long or never comes. */
async function readHead(connection: Deno.TcpConn): Promise<string | null> {
  const buffer = new Uint8Array(HEAD_MAX_BYTES);
  const decoder = new TextDecoder("latin1");
  for (let size = 0; size < buffer.length;) {
    const count = await connection.read(buffer.subarray(size));
    if (count === null) return null;
    size += count;
    const text = decoder.decode(buffer.subarray(0, size));
    const end = text.indexOf("\r\n\r\n");
    if (end >= 0) return text.slice(0, end);
  }
  return null;
}

/** Method, path and host; null when that is no request. */
function requestOf(head: string): Request | null {
  const [line = "", ...fields] = head.split("\r\n");
  const [, method = "", target = ""] = /^([A-Z]{1,16}) (\/\S*) HTTP\/1\.[01]$/.exec(line) ?? [];
  const host = fields.map((field) => /^host:\s*(\S+)\s*$/i.exec(field)?.[1]).find(Boolean);
  const url = `http://${host ?? "127.0.0.1"}${target}`;
  if (target === "" || ["CONNECT", "TRACE", "TRACK"].includes(method) || !URL.canParse(url)) {
    return null;
  }
  return new Request(url, { method });
}

async function bytesOf(answer: Response, headOnly: boolean): Promise<Uint8Array> {
  const body = new Uint8Array(await answer.arrayBuffer());
  answer.headers.set("content-length", `${body.length}`);
  answer.headers.set("connection", "close");
  const fields = [...answer.headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const head = new TextEncoder().encode(`HTTP/1.1 ${answer.status} \r\n${fields}\r\n`);
  if (headOnly) return head;
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}

async function write(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
  await connection.closeWrite();
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It was already.
  }
}
