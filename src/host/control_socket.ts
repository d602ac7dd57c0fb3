// The control socket: a Unix socket on which the watchdog answers commands of this machine. Only its owner and root can
// connect, because the file's mode is 0600. One connection brings one line and gets one line; everything has a limit. A
// listener that is open needs no right: the rights to read and write can be given up (2.7.11, 2.9.6).
import { messageOf } from "../core/message_of.ts";

/** Most open connections; further ones are closed at once. */
const CONNECTIONS_MAX = 16;
/** Longest life of a connection. */
const CONNECTION_MS = 2_000;
/** Longest request, and longest answer that is read. */
const REQUEST_MAX_BYTES = 4_096, ANSWER_MAX_BYTES = 1024 * 1024;
/** Wait after the system failed to accept a connection. */
const RETRY_MS = 100;
/** How long a process may take to accept, before its socket counts as one that nobody serves. */
const PROBE_MS = 500;
/** Only the owner can connect. */
const MODE = 0o600, OTHERS = 0o177;

/** An open control socket. It answers once `serve` was called; until then connections wait. */
export interface ControlListener {
  /** Answers each line with a line. The handler must not wait. */
  serve(handler: (line: string) => string): void;
  /** Closes the socket and every connection. */
  close(): Promise<void>;
}

/** Why no watchdog could be asked. */
export class NobodyListens extends Error {
  override readonly name = "NobodyListens";
}

/** Control sockets of this machine. */
export interface ControlSockets {
  /**
   * Listens at that path. Makes the folder if only that is missing, and replaces the socket of a process that has
   * ended.
   * Rejects with the reason when the path is in use, is no socket, or may not be written.
   */
  open(path: string): Promise<ControlListener>;
  /** Sends one line and resolves to the answer. Rejects with `NobodyListens` if there is no watchdog, else with why. */
  ask(path: string, line: string): Promise<string>;
}

/** Those of the real machine. */
export const controlSockets: ControlSockets = {
  async open(path) {
    await makeFolder(path);
    await removeStale(path);
    return new Listener(listenAt(path));
  },
  ask: (path, line) => within(CONNECTION_MS, path, (signal) => exchange(path, line, signal)),
};

async function makeFolder(path: string): Promise<void> {
  const folder = path.slice(0, path.lastIndexOf("/")) || "/";
  try {
    await Deno.mkdir(folder, { mode: 0o755 });
  } catch {
    // It exists, or listening fails and says why.
  }
}

/** Removes the socket of a process that has ended; throws if one answers there, or if the file is something else. */
async function removeStale(path: string): Promise<void> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (!info.isSocket) throw new Error("a file that is no socket is in the way");
  try {
    const connection = await within(
      PROBE_MS,
      path,
      () => Deno.connect({ transport: "unix", path }),
    );
    connection.close();
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return await Deno.remove(path);
    throw error;
  }
  throw new Error("another process listens there");
}

/** Synchronous, so that no other file is made with this mask. */
function listenAt(path: string): Deno.UnixListener {
  const before = Deno.umask(OTHERS);
  try {
    const listener = Deno.listen({ transport: "unix", path });
    Deno.chmodSync(path, MODE);
    return listener;
  } finally {
    Deno.umask(before);
  }
}

class Listener implements ControlListener {
  readonly #listener: Deno.UnixListener;
  readonly #open = new Map<Deno.UnixConn, Promise<void>>();
  #accepting: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(listener: Deno.UnixListener) {
    this.#listener = listener;
  }

  serve(handler: (line: string) => string): void {
    this.#accepting = this.#accept(handler);
  }

  async close(): Promise<void> {
    if (!this.#closed) this.#listener.close();
    this.#closed = true;
    for (const connection of this.#open.keys()) shut(connection);
    await Promise.all([this.#accepting, ...this.#open.values()]);
  }

  async #accept(handler: (line: string) => string): Promise<void> {
    while (!this.#closed) {
      try {
        const connection = await this.#listener.accept();
        if (this.#closed || this.#open.size >= CONNECTIONS_MAX) shut(connection);
        else {
          const talking = converse(connection, handler);
          this.#open.set(connection, talking.finally(() => this.#open.delete(connection)));
        }
      } catch {
        // The system may be out of file descriptors for a while; keep the listener.
        if (!this.#closed) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }
}

/** One request and its answer; any failure ends the connection and nothing else. */
async function converse(
  connection: Deno.UnixConn,
  handler: (line: string) => string,
): Promise<void> {
  const timer = setTimeout(() => shut(connection), CONNECTION_MS);
  try {
    const line = await readLine(connection, REQUEST_MAX_BYTES);
    if (line !== null) await writeLine(connection, handler(line));
  } catch {
    // The other side is gone, or was too late.
  } finally {
    clearTimeout(timer);
    shut(connection);
  }
}

async function exchange(path: string, line: string, signal: AbortSignal): Promise<string> {
  let connection: Deno.UnixConn;
  try {
    connection = await Deno.connect({ transport: "unix", path });
  } catch (error) {
    const { NotFound, ConnectionRefused } = Deno.errors;
    const nobody = error instanceof NotFound || error instanceof ConnectionRefused;
    if (nobody) throw new NobodyListens("nobody listens there");
    throw error instanceof Deno.errors.PermissionDenied
      ? new Error("permission denied: only root and the watchdog's own user may use it")
      : error;
  }
  signal.addEventListener("abort", () => shut(connection));
  try {
    await writeLine(connection, line);
    const answer = await readLine(connection, ANSWER_MAX_BYTES);
    if (answer === null) throw new Error("it closed the connection without an answer");
    return answer;
  } finally {
    shut(connection);
  }
}

const LINE_FEED = 10;

/** Null if the connection ends first, or the line is longer than that. */
async function readLine(connection: Deno.UnixConn, maxBytes: number): Promise<string | null> {
  let buffer = new Uint8Array(Math.min(maxBytes, REQUEST_MAX_BYTES));
  for (let size = 0;;) {
    if (size === maxBytes) return null;
    if (size === buffer.length) {
      const larger = new Uint8Array(Math.min(maxBytes, 2 * size));
      larger.set(buffer);
      buffer = larger;
    }
    const count = await connection.read(buffer.subarray(size));
    if (count === null) return null;
    const end = buffer.subarray(0, size + count).indexOf(LINE_FEED, size);
    size += count;
    if (end >= 0) return new TextDecoder().decode(buffer.subarray(0, end));
  }
}

async function writeLine(connection: Deno.UnixConn, line: string): Promise<void> {
  let rest = new TextEncoder().encode(`${line}\n`);
  while (rest.length > 0) rest = rest.subarray(await connection.write(rest));
}

async function within<Value>(
  limitMs: number,
  path: string,
  work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const ending = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${path} does not answer within ${limitMs / 1_000} s`)),
      limitMs,
    );
  });
  const working = work(ending.signal);
  working.catch(() => {});
  try {
    return await Promise.race([working, late]);
  } catch (error) {
    throw error instanceof Error ? error : new Error(messageOf(error));
  } finally {
    clearTimeout(timer);
    ending.abort();
  }
}

function shut(connection: Deno.UnixConn): void {
  try {
    connection.close();
  } catch {
    // It was closed already.
  }
}
