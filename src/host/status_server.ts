// The HTTP server of --listen-status: small, with a bound on everything. Deno's own server neither limits connections
// nor closes idle ones (2.7.11, 2.9.6), and if clients use up the process's file descriptors, it cannot reach the cloud
// any more. One request per connection, without a body; the answer ends the connection.

import { LINES_MAX, requestOf } from "./status_request.ts";

/** Where the server listens. */
export interface StatusAddress {
  /** IPv4 or IPv6 address. */
  readonly hostname: string;
  readonly port: number;
}

/** A running server. */
export interface StatusServer {
  readonly port: number;
  /** Closes the server and every connection. */
  close(): Promise<void>;
}

/** Answers one request. */
export type StatusHandler = (request: Request) => Response | Promise<Response>;

/** The decision about a request before it is parsed: answer it, send these bytes as the answer, or do not answer. */
export type Admission = "answer" | "close" | Uint8Array;

/** Limits of the server. */
export interface ServeOptions {
  /** Longest life of a connection; default 5 s. */
  readonly connectionMs?: number;
  /** Time in which an accepted connection may send its request, however many others wait; default 20 ms. */
  readonly graceMs?: number;
  /** Called with the first line of a request, empty if it is invalid. Default: all are answered. */
  readonly admit?: (line: string) => Admission;
}

/** Most open connections; a further one replaces one that has sent no request yet. */
export const CONNECTIONS_MAX = 64;
/** Connections accepted per second, in slices of SLICE_MS; the system's backlog keeps the others. */
const ACCEPTED_PER_SECOND = 4_000, SLICE_MS = 10;
/** Defaults of the limits. */
const CONNECTION_MS = 5_000, GRACE_MS = 20;
/** Longest head of a request. */
const HEAD_MAX_BYTES = 8 * 1_024;
/** Wait after the system failed to accept a connection. */
const RETRY_MS = 100;

/** One connection. */
interface Client {
  readonly connection: Deno.TcpConn;
  /** Whether the client is on this machine. Local and remote clients cannot displace each other. */
  readonly local: boolean;
  readonly acceptedAtMs: number;
  /** Whether its time to send a request is over. */
  due: boolean;
  /** Whether it has sent its request, and is being answered. */
  asked: boolean;
}

/** Begins to listen; throws what `Deno.listen` throws when it cannot bind the address. */
export function serveStatus(
  { hostname, port }: StatusAddress,
  handler: StatusHandler,
  { connectionMs = CONNECTION_MS, graceMs = GRACE_MS, admit = () => "answer" }: ServeOptions = {},
): StatusServer {
  const listener = Deno.listen({ hostname, port, transport: "tcp" });
  const open = new Map<Client, Promise<void>>();
  let closed = false;
  const turn = new Turns();
  const accept = async () => {
    while (!closed) {
      try {
        await turn.take();
        const connection = await listener.accept();
        const local = isLocal(connection);
        await makeRoom(open, { local, graceMs });
        if (closed) return close(connection);
        const acceptedAtMs = performance.now();
        const client: Client = { connection, local, acceptedAtMs, due: false, asked: false };
        const talking = converse(client, { handler, admit, connectionMs });
        open.set(client, talking.finally(() => open.delete(client)));
      } catch {
        // The system may be out of file descriptors for a while; keep the listener.
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
      // Close connections that are still in use: no client may keep the process from ending.
      for (const { connection } of open.keys()) close(connection);
      await Promise.all([accepting, ...open.values()]);
    },
  };
}

/** Limits the connections per slice of time. */
class Turns {
  #beganAtMs = -Infinity;
  #left = 0;

  async take(): Promise<void> {
    const nowMs = performance.now(), endsAtMs = this.#beganAtMs + SLICE_MS;
    if (nowMs < endsAtMs && this.#left > 0) return void this.#left--;
    if (nowMs < endsAtMs) await wait(endsAtMs - nowMs);
    this.#beganAtMs = performance.now();
    this.#left = ACCEPTED_PER_SECOND * SLICE_MS / 1_000 - 1;
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}

/**
 * Closes connections whose time to send a request is over, or waits until there are some, so that every accepted
 * connection gets its time.
 */
async function makeRoom(
  open: Map<Client, Promise<void>>,
  { local, graceMs }: { local: boolean; graceMs: number },
): Promise<void> {
  while (open.size >= CONNECTIONS_MAX) {
    const victim = victimAmong([...open.keys()], local);
    if (victim.due) {
      open.delete(victim);
      close(victim.connection);
      continue;
    }
    await wait(victim.acceptedAtMs + graceMs - performance.now());
    const dueAtMs = performance.now() - graceMs;
    for (const client of open.keys()) client.due ||= client.acceptedAtMs <= dueAtMs;
    // First read data that arrived while this process did not run.
    await wait(0);
  }
}

/**
 * The connection to close: the oldest without a request, on the side (local or remote) that uses more than its half.
 */
function victimAmong(clients: readonly Client[], local: boolean): Client {
  const own = clients.filter((client) => client.local === local);
  const side = own.length >= CONNECTIONS_MAX / 2
    ? own
    : clients.filter((client) => client.local !== local);
  const [first] = side;
  const idle = side.find(({ asked }) => !asked) ?? first;
  if (!idle) throw new Error("more connections than any side has");
  return idle;
}

function isLocal(connection: Deno.TcpConn): boolean {
  const { hostname } = connection.remoteAddr as Deno.NetAddr;
  return /^(?:::ffff:)?127\.|^::1$/.test(hostname);
}

/** Handles one request and its answer; any failure ends the connection and nothing else. */
async function converse(
  client: Client,
  { handler, admit, connectionMs }:
    & { handler: StatusHandler }
    & Required<Pick<ServeOptions, "admit" | "connectionMs">>,
): Promise<void> {
  const { connection } = client;
  const timer = setTimeout(() => close(connection), connectionMs);
  try {
    const head = await readHead(connection);
    // No request, no answer.
    if (head === null) return;
    client.asked = true;
    const lines = head.split("\r\n", LINES_MAX + 1);
    const admission = admit(lines[0] ?? "");
    if (admission === "close") return;
    if (admission !== "answer") return await write(connection, admission);
    const request = requestOf(lines);
    const answer = request
      ? await handler(request)
      : new Response("this is no request that is understood here\n", { status: 400 });
    await write(connection, await bytesOf(answer, request?.method === "HEAD"));
  } catch {
    // The client is gone, or was too late.
  } finally {
    clearTimeout(timer);
    close(connection);
  }
}

const CARRIAGE_RETURN = 13, LINE_FEED = 10;
const DECODER = new TextDecoder("latin1");

/** Reads up to the empty line. Empty when the head is too long, null when it never ends. Scans each byte once. */
async function readHead(connection: Deno.TcpConn): Promise<string | null> {
  const buffer = new Uint8Array(HEAD_MAX_BYTES);
  for (let size = 0; size < buffer.length;) {
    const count = await connection.read(buffer.subarray(size));
    if (count === null) return null;
    const end = endIn(buffer.subarray(0, size + count), Math.max(3, size));
    size += count;
    if (end !== null) return DECODER.decode(buffer.subarray(0, end));
  }
  return "";
}

/** Where the head ends, searched from that position on; null if it does not end yet. */
function endIn(bytes: Uint8Array, from: number): number | null {
  for (let at = from; at < bytes.length; at++) {
    if (bytes[at] !== LINE_FEED || bytes[at - 2] !== LINE_FEED) continue;
    if (bytes[at - 1] === CARRIAGE_RETURN && bytes[at - 3] === CARRIAGE_RETURN) return at - 3;
  }
  return null;
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
    // It was closed already.
  }
}
