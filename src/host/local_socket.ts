// Sends messages to a Unix socket of this machine: at a path, or an abstract one, written `@name` as systemd does. On
// Linux the C library sends them, because it can do what Deno cannot (open stream sockets later on, use abstract names
// before 2.9), never waits, and needs no right once it is open: the rights to read and write can be given up.
import { messageOf } from "../core/message_of.ts";

/** The result of sending: sent, busy (the reader is behind; try later), or why it cannot be sent. */
export type Sent = "sent" | "busy" | { readonly failed: string };

/** Where messages go. */
export interface LocalSocket {
  /** Sends one message. Wait for its result before the next; it never takes long and never rejects. */
  send(message: Uint8Array): Promise<Sent>;
  /** Whether sending needs the right to write; it does when Deno sends. */
  readonly needsRight: boolean;
}

// From Linux's headers, the same on x86-64 and arm64.
const AF_UNIX = 1, STREAM = 1, DATAGRAM = 2, CLOEXEC_NONBLOCK = 0x80800;
const DONTWAIT_NOSIGNAL = 0x4040;
const EAGAIN = 11, EMSGSIZE = 90, EPROTOTYPE = 91, ENOBUFS = 105;
/** Longest path of a socket. */
const PATH_MAX_BYTES = 107;
const REASONS: Readonly<Record<number, string>> = {
  1: "not permitted",
  2: "there is no such socket",
  13: "permission denied",
  20: "there is no such folder",
  [EMSGSIZE]: "the line is too long",
  111: "nobody listens there",
};
/** How long a full stream is kept: its reader may be gone for good while a new one listens. */
const FULL_STREAM_MS = 5_000;

/** Loaded once, for the life of the process; null if there is none. */
let library: ReturnType<typeof openLibrary> | undefined;

/** Opens a socket for that address; the first message shows whether there is a reader. Throws when it cannot. */
export function openLocalSocket(address: string): LocalSocket {
  if (library === undefined) library = openLibrary();
  if (library) return new LinuxSocket(library, address);
  if (address.startsWith("@")) throw new Error("abstract sockets need Linux");
  return openWithDeno(address);
}

function openLibrary() {
  if (Deno.build.os !== "linux") return null;
  try {
    const { symbols } = Deno.dlopen("libc.so.6", {
      socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
      connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
      sendto: {
        parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"],
        result: "isize",
      },
      close: { parameters: ["i32"], result: "i32" },
      __errno_location: { parameters: [], result: "pointer" },
      memcpy: { parameters: ["buffer", "pointer", "usize"], result: "pointer" },
    });
    // Dereferencing a pointer needs the right to load libraries, copying from it does not.
    const place = symbols.__errno_location(), copy = new Int32Array(1);
    const errno = () => (symbols.memcpy(copy, place, 4n), copy[0] ?? 0);
    return { ...symbols, errno };
  } catch {
    return null;
  }
}

type Library = NonNullable<ReturnType<typeof openLibrary>>;

/**
 * Sends datagrams without a connection, so that a restarted reader is found. If the address is a stream socket's, it
 * uses one connection, and makes a new one when that breaks.
 */
class LinuxSocket implements LocalSocket {
  readonly needsRight = false;
  readonly #library: Library;
  readonly #to: Uint8Array<ArrayBuffer>;
  readonly #datagrams: number;
  /** The connection to a stream socket, null without one. */
  #stream: number | null = null;
  /** The rest of a message that the stream has taken only in part. */
  #rest = new Uint8Array();
  #fullSinceMs: number | null = null;

  constructor(library: Library, address: string) {
    const abstract = address.startsWith("@");
    const path = new TextEncoder().encode(abstract ? `\0${address.slice(1)}` : `${address}\0`);
    if (path.length > PATH_MAX_BYTES + 1) throw new Error("the path of the socket is too long");
    this.#library = library;
    this.#to = new Uint8Array([...new Uint8Array(Uint16Array.of(AF_UNIX).buffer), ...path]);
    this.#datagrams = library.socket(AF_UNIX, DATAGRAM | CLOEXEC_NONBLOCK, 0);
    if (this.#datagrams < 0) throw new Error("the system has no socket to give");
  }

  send(message: Uint8Array): Promise<Sent> {
    return Promise.resolve(this.#send(Uint8Array.from(message)));
  }

  #send(message: Uint8Array<ArrayBuffer>): Sent {
    const { errno } = this.#library;
    if (this.#stream !== null) {
      const outcome = this.#append(message);
      if (typeof outcome === "string") return outcome;
      // The reader may have restarted, with either kind of socket.
    }
    if (this.#write(this.#datagrams, message, this.#to) === message.length) return "sent";
    const code = errno();
    if (code !== EPROTOTYPE) return outcomeOf(code);
    const problem = this.#connect();
    return problem ?? this.#append(message);
  }

  #connect(): Sent | null {
    const { socket, connect, close, errno } = this.#library;
    const stream = socket(AF_UNIX, STREAM | CLOEXEC_NONBLOCK, 0);
    if (stream < 0) return { failed: "the system has no socket to give" };
    if (connect(stream, this.#to, this.#to.length) !== 0) {
      const code = errno();
      close(stream);
      return outcomeOf(code);
    }
    [this.#stream, this.#rest, this.#fullSinceMs] = [stream, new Uint8Array(), null];
    return null;
  }

  /** Sends a message to the stream, ended by a line feed, as syslog does on streams. */
  #append(message: Uint8Array<ArrayBuffer>): Sent {
    const before = this.#push(this.#rest);
    if (before !== "sent") return before;
    return this.#push(new Uint8Array([...message, 10]));
  }

  /** "sent" if the stream has taken all, or has taken a part and we keep the rest. */
  #push(bytes: Uint8Array<ArrayBuffer>): Sent {
    if (bytes.length === 0 || this.#stream === null) return "sent";
    const owed = bytes === this.#rest;
    const count = this.#write(this.#stream, bytes, null);
    if (count > 0) {
      this.#fullSinceMs = null;
      this.#rest = bytes.subarray(count);
      return owed && this.#rest.length > 0 ? "busy" : "sent";
    }
    const outcome = outcomeOf(this.#library.errno());
    const nowMs = performance.now();
    if (outcome === "busy" && nowMs < (this.#fullSinceMs ??= nowMs) + FULL_STREAM_MS) return "busy";
    // The next message makes a new connection, or finds a datagram socket instead.
    this.#library.close(this.#stream);
    this.#stream = null;
    return outcome;
  }

  #write(socket: number, bytes: Uint8Array<ArrayBuffer>, to: Uint8Array<ArrayBuffer> | null) {
    const { sendto } = this.#library;
    const size = BigInt(bytes.length);
    return Number(sendto(socket, bytes, size, DONTWAIT_NOSIGNAL, to, to?.length ?? 0));
  }
}

function outcomeOf(code: number): Sent {
  if (code === EAGAIN || code === ENOBUFS) return "busy";
  return { failed: REASONS[code] ?? `error ${code}` };
}

/** Used without a known C library. */
function openWithDeno(address: string): LocalSocket {
  // An empty path binds an unnamed socket: no file, nothing to clean up.
  const socket = Deno.listenDatagram({ transport: "unixpacket", path: "" });
  return {
    needsRight: true,
    async send(message) {
      try {
        await socket.send(message, { transport: "unixpacket", path: address });
        return "sent";
      } catch (error) {
        return { failed: messageOf(error) };
      }
    },
  };
}
