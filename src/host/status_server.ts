// The HTTP server of --listen-status: so small that all of it has a bound. Deno's own neither limits connections nor
// ends idle ones (2.7.11, 2.9.6), and a process that others can bring to its last file cannot reach the cloud any more.
// One request for each connection, without a body; the answer ends it.

import { LINES_MAX, requestOf } from "./status_request.ts";

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

/** What becomes of a request before it is looked at closely: an answer is made, these bytes are one, or none is. */
export type Admission = "answer" | "close" | Uint8Array;

/** How much it serves. */
export interface ServeOptions {
  /** Longest life of a connection; 5 s unless given. */
  readonly connectionMs?: number;
  /** Asked with the first line of a request, empty for what is none; all are answered unless given. */
  readonly admit?: (line: string) => Admission;
}

/** Connections at a time; whoever comes beyond takes the place of one that has asked nothing yet. */
export const CONNECTIONS_MAX = 64;
/** Connections that are taken each second, in slices of a turn's length; the system keeps who waits. */
const ACCEPTED_PER_SECOND = 4_000, SLICE_MS = 10;
/** Time to ask in for whoever was accepted, however many wait for the place. */
const GRACE_MS = 20;
/** Longest life of a connection. */
const CONNECTION_MS = 5_000;
/** Longest head of a request. */
const HEAD_MAX_BYTES = 8 * 1_024;
/** Wait before the next connection is taken when the system has none to give. */
const RETRY_MS = 100;

/** One connection. */
interface Talk {
  readonly connection: Deno.TcpConn;
  /** From this machine: neither side can take the other's places. */
  readonly local: boolean;
  readonly acceptedAtMs: number;
  /** It has had its time to ask. */
  due: boolean;
  /** It has asked, and is being answered. */
  asked: boolean;
}

/** Begins to listen; throws what `Deno.listen` throws when the address cannot be had. */
export function serveStatus(
  { hostname, port }: StatusAddress,
  handler: StatusHandler,
  { connectionMs = CONNECTION_MS, admit = () => "answer" }: ServeOptions = {},
): StatusServer {
  const listener = Deno.listen({ hostname, port, transport: "tcp" });
  const open = new Map<Talk, Promise<void>>();
  let closed = false;
  const turn = new Turns();
  const accept = async () => {
    while (!closed) {
      try {
        await turn.take();
        const connection = await listener.accept();
        const local = isLocal(connection);
        await makeRoom(open, local);
        if (closed) return close(connection);
        const acceptedAtMs = performance.now();
        const talk: Talk = { connection, local, acceptedAtMs, due: false, asked: false };
        const talking = converse(talk, { handler, admit, connectionMs });
        open.set(talk, talking.finally(() => open.delete(talk)));
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
      for (const { connection } of open.keys()) close(connection);
      await Promise.all([accepting, ...open.values()]);
    },
  };
}

/** So many connections in each slice of time. */
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

/** Ends connections that had their time to ask, or waits for some: no more are taken than can be heard. */
async function makeRoom(open: Map<Talk, Promise<void>>, local: boolean): Promise<void> {
  while (open.size >= CONNECTIONS_MAX) {
    const victim = victimAmong([...open.keys()], local);
    if (victim.due) {
      open.delete(victim);
      close(victim.connection);
      continue;
    }
    await wait(victim.acceptedAtMs + GRACE_MS - performance.now());
    const dueAtMs = performance.now() - GRACE_MS;
    for (const talk of open.keys()) talk.due ||= talk.acceptedAtMs <= dueAtMs;
    // What has come in while this process had no turn is read first.
    await wait(0);
  }
}

/** Who has to make room: the oldest that has asked nothing, on the side that has more than its half. */
function victimAmong(talks: readonly Talk[], local: boolean): Talk {
  const own = talks.filter((talk) => talk.local === local);
  const side = own.length >= CONNECTIONS_MAX / 2
    ? own
    : talks.filter((talk) => talk.local !== local);
  const [first] = side;
  const idle = side.find(({ asked }) => !asked) ?? first;
  if (!idle) throw new Error("more connections than any side has");
  return idle;
}

function isLocal(connection: Deno.TcpConn): boolean {
  const { hostname } = connection.remoteAddr as Deno.NetAddr;
  return /^(?:::ffff:)?127\.|^::1$/.test(hostname);
}

/** One request and its answer; whatever goes wrong ends the connection and nothing else. */
async function converse(
  talk: Talk,
  { handler, admit, connectionMs }: { handler: StatusHandler } & Required<ServeOptions>,
): Promise<void> {
  const { connection } = talk;
  const timer = setTimeout(() => close(connection), connectionMs);
  try {
    const head = await readHead(connection);
    // Who says nothing is answered nothing.
    if (head === null) return;
    talk.asked = true;
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
    // Gone, or too late.
  } finally {
    clearTimeout(timer);
    close(connection);
  }
}

const CARRIAGE_RETURN = 13, LINE_FEED = 10;
const DECODER = new TextDecoder("latin1");

/** Up to the empty line; empty when it is too long, null when it never comes. Each byte is looked at once. */
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

/** Where the head ends whose last byte is at that place or behind it. */
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
    // It was already.
  }
}
