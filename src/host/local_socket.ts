// Messages to a socket of this machine: one that a path names, or an abstract one, written `@name` as systemd does. On
// Linux the C library sends them. It takes what Deno does not (stream sockets later on, abstract names before 2.9),
// never waits, and needs no right any more once it is open: the rights to read and write can be given up.
import { messageOf } from "../core/message_of.ts";

/** What became of a message: it left, the reader is behind (later it may be taken), or why it cannot leave. */
export type Sent = "sent" | "busy" | { readonly failed: string };

/** Where messages go. */
export interface LocalSocket {
  /** Sends one message. Wait for each before the next; none takes long, and none rejects. */
  send(message: Uint8Array): Promise<Sent>;
  /** Whether sending needs the right to write, as everything does that goes through Deno. */
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
/** How long a stream that is full is kept: its reader may be gone for good while a new one listens. */
const FULL_STREAM_MS = 5_000;

/** Loaded once, and for the life of the process; null where there is none. */
let library: ReturnType<typeof openLibrary> | undefined;

/** Opens what sends to that address; the first message shows whether anybody is there. Throws when it cannot be. */
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
    // Looking through a pointer needs the right to load libraries, copying from it does not.
    const place = symbols.__errno_location(), copy = new Int32Array(1);
    const errno = () => (symbols.memcpy(copy, place, 4n), copy[0] ?? 0);
    return { ...symbols, errno };
  } catch {
    return null;
  }
}

type Library = NonNullable<ReturnType<typeof openLibrary>>;

/**
 * Datagrams, each to whoever has the address just then, so that a reader that begins again is found; where the address
 * is a stream's, one connection, made again when it breaks.
 */
class LinuxSocket implements LocalSocket {
  readonly needsRight = false;
  readonly #library: Library;
  readonly #to: Uint8Array<ArrayBuffer>;
  readonly #datagrams: number;
  /** The connection to a stream, null without one. */
  #stream: number | null = null;
  /** What a stream has yet to take of a message that it began to take. */
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
      // The reader may have begun again, as either kind.
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

  /** A message to the stream, ended as syslog's are there: by a line feed. */
  #append(message: Uint8Array<ArrayBuffer>): Sent {
    const before = this.#push(this.#rest);
    if (before !== "sent") return before;
    return this.#push(new Uint8Array([...message, 10]));
  }

  /** "sent" once the stream has taken all, or the beginning and we keep the rest. */
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
    // The next message makes a new connection, or finds datagrams instead.
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

/** Where there is no C library that we know. */
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
