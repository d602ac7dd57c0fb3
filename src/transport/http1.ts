// One HTTP/1.1 exchange on a connection of our own, which neither `fetch` nor `node:https` allows (see
// ARCHITECTURE.md). Sources: RFC 9110, RFC 9112.

/** What we need of a connection. */
export interface Stream {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** Closes a stream that may be closed already. */
export function close(stream: Stream): void {
  try {
    stream.close();
  } catch {
    // It was closed already.
  }
}

/** A request that is complete before it is sent. */
export interface Request1 {
  readonly method: string;
  /** Path and query, or the host and port for CONNECT. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The head of an answer, and how long its body is. */
export interface Head {
  readonly status: number;
  readonly headers: Headers;
  /** Length in bytes, or what else marks its end. */
  readonly body: number | "chunked" | "close";
  /** Whether the server will answer another request on this connection. */
  readonly keepsOpen: boolean;
}

/** The answer was not HTTP/1.1. */
export class NotHttp extends Error {
  override readonly name = "NotHttp";
}

/** Longest head of an answer, longest line in it, and interim answers (100 to 199) before the real one. */
const HEAD_MAX_BYTES = 32_768, LINE_MAX_BYTES = 16_384, INTERIM_MAX = 8;
const PIECE_BYTES = 16_384;
const CR = 0x0d, LF = 0x0a;

/** Sends the whole request. */
export async function writeRequest(stream: Stream, request: Request1): Promise<void> {
  const { method, target, headers, body } = request;
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const bytes = new TextEncoder().encode(body ?? "");
  const length = body === undefined ? "" : `content-length: ${bytes.length}\r\n`;
  const head = `${method} ${target} HTTP/1.1\r\n${lines.join("")}${length}\r\n`;
  await writeAll(stream, new TextEncoder().encode(head + (body ?? "")));
}

async function writeAll(stream: Stream, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
}

/**
 * The incoming data. Reads ahead by at most one chunk, even when no request waits: that shows when the server closes.
 */
export class Incoming {
  readonly #stream: Stream;
  readonly #piece = new Uint8Array(PIECE_BYTES);
  #bytes: Uint8Array = new Uint8Array();
  #reading: Promise<void> | null = null;
  #ended = false;
  #heard = false;
  #failure: unknown = null;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** Whether nothing has arrived since the last answer, not even the end. */
  get quiet(): boolean {
    return !this.#ended && this.#bytes.length === 0;
  }

  /** Whether the server has sent nothing since the last answer. */
  get silent(): boolean {
    return this.#bytes.length === 0 && !this.#heard;
  }

  /** From now on the next answer is expected. */
  expect(): void {
    this.#heard = this.#bytes.length > 0;
  }

  /** Resolves when something has arrived, or the end. Throws what the connection throws. */
  async more(): Promise<boolean> {
    if (!this.#ended) await (this.#reading ??= this.#read());
    if (this.#failure) throw this.#failure;
    return !this.#ended;
  }

  /** Reads ahead while no request waits. */
  watch(onArrival: () => void): void {
    this.more().then(onArrival, onArrival);
  }

  async #read(): Promise<void> {
    try {
      const count = await this.#stream.read(this.#piece);
      if (count === null) this.#ended = true;
      else this.#append(this.#piece.subarray(0, count));
      this.#heard ||= count !== null;
    } catch (error) {
      this.#ended = true;
      this.#failure = error;
    } finally {
      this.#reading = null;
    }
  }

  #append(piece: Uint8Array): void {
    const joined = new Uint8Array(this.#bytes.length + piece.length);
    joined.set(this.#bytes);
    joined.set(piece, this.#bytes.length);
    this.#bytes = joined;
  }

  /** At most this many bytes, at least one; null at the end. */
  async some(most: number): Promise<Uint8Array | null> {
    while (this.#bytes.length === 0) if (!await this.more()) return null;
    return this.#take(Math.min(most, this.#bytes.length));
  }

  /** The data that has arrived and was not taken yet: at least one byte, unless that was all. */
  async beginning(): Promise<Uint8Array> {
    while (this.#bytes.length === 0) if (!await this.more()) break;
    return this.#bytes;
  }

  /** One line without its end. */
  async line(): Promise<string> {
    for (let from = 0;;) {
      const at = this.#bytes.indexOf(LF, from);
      if (at > LINE_MAX_BYTES || (at < 0 && this.#bytes.length > LINE_MAX_BYTES)) {
        throw new NotHttp("a line is too long");
      }
      if (at >= 0) {
        const line = this.#take(at + 1);
        return new TextDecoder().decode(
          line.subarray(0, at > 0 && line[at - 1] === CR ? at - 1 : at),
        );
      }
      from = this.#bytes.length;
      if (!await this.more()) throw new BrokenOff();
    }
  }

  #take(count: number): Uint8Array {
    const taken = this.#bytes.slice(0, count);
    this.#bytes = this.#bytes.slice(count);
    return taken;
  }
}

/** The connection ended in the middle of an answer, or before one. */
export class BrokenOff extends Error {
  override readonly name = "BrokenOff";

  constructor() {
    super("connection closed before the answer was complete");
  }
}

/** Reads the head of the answer to a request with this method, past interim ones. */
export async function readHead(incoming: Incoming, method: string): Promise<Head> {
  for (let interim = 0; interim <= INTERIM_MAX; interim++) {
    const head = await readOneHead(incoming, method);
    if (head.status >= 200) return head;
    if (head.status === 101) break;
  }
  throw new NotHttp("only interim answers");
}

/** The first frame of a server that speaks HTTP/2 without having been asked to (RFC 9113 section 3.4): SETTINGS. */
const SETTINGS_TYPE = 4, FRAME_HEAD_BYTES = 9;

function beginsHttp2(bytes: Uint8Array): boolean {
  return bytes.length >= FRAME_HEAD_BYTES && bytes[0] === 0 && bytes[3] === SETTINGS_TYPE &&
    bytes.subarray(5, FRAME_HEAD_BYTES).every((byte) => byte === 0);
}

async function readOneHead(incoming: Incoming, method: string): Promise<Head> {
  if (beginsHttp2(await incoming.beginning())) throw new NotHttp("it speaks HTTP/2 alone");
  const line = await incoming.line();
  const [, minor, code] = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(line) ?? [];
  const status = Number(code);
  if (code === undefined || status < 100 || status > 599) throw new NotHttp("no status line");
  const headers = await readHeaders(incoming);
  const coding = headers.get("transfer-encoding")?.trim().toLowerCase() ?? null;
  const lengths = new Set(headers.get("content-length")?.split(",").map((each) => each.trim()));
  const closes = /\bclose\b/i.test(headers.get("connection") ?? "") || minor === "0";
  const empty = status < 200 || status === 204 || status === 304 ||
    (method === "CONNECT" && status < 300);
  const body = empty ? 0 : bodyOf(coding, lengths);
  // An answer with both is an attack or a mistake: do not trust what follows it on the connection.
  const doubtful = coding !== null && lengths.size > 0;
  return { status, headers, body, keepsOpen: !closes && !doubtful && body !== "close" };
}

function bodyOf(coding: string | null, lengths: ReadonlySet<string>): Head["body"] {
  if (coding !== null) {
    if (coding === "chunked") return "chunked";
    throw new NotHttp(`transfer encoding ${JSON.stringify(coding.slice(0, 40))}`);
  }
  if (lengths.size === 0) return "close";
  const [length = ""] = lengths;
  if (lengths.size > 1 || !/^\d{1,15}$/.test(length)) throw new NotHttp("no usable content-length");
  return Number(length);
}

async function readHeaders(incoming: Incoming): Promise<Headers> {
  const headers = new Headers();
  for (let bytes = 0;;) {
    const line = await incoming.line();
    if (line === "") return headers;
    bytes += line.length;
    if (bytes > HEAD_MAX_BYTES) throw new NotHttp("the head of the answer is too long");
    const colon = line.indexOf(":");
    try {
      headers.append(line.slice(0, Math.max(0, colon)), line.slice(colon + 1).trim());
    } catch {
      throw new NotHttp("a header line is malformed");
    }
  }
}

/** The answer as `fetch` gives it; its body is read from the connection on demand. */
export function responseOf(
  { status, headers, body }: Head,
  incoming: Incoming,
  { finished, failure }: {
    finished: (whole: boolean) => void;
    failure: (error: unknown) => Error;
  },
): Response {
  if (body === 0) {
    finished(true);
    return new Response(null, { status, headers });
  }
  const pieces = readBody(incoming, body);
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await pieces.next();
        if (!done) return controller.enqueue(value);
        finished(true);
        controller.close();
      } catch (error) {
        const told = failure(error);
        finished(false);
        controller.error(told);
      }
    },
    cancel: () => finished(false),
  });
  return new Response(unpacked(stream, headers), { status, headers });
}

/** We ask for no compression, but some servers compress anyway. */
function unpacked(stream: ReadableStream<Uint8Array>, headers: Headers): ReadableStream {
  const coding = headers.get("content-encoding")?.trim().toLowerCase();
  if (coding !== "gzip" && coding !== "deflate") return stream;
  return stream.pipeThrough(new DecompressionStream(coding) as TransformStream<Uint8Array>);
}

/** The chunks of the body. Throws `BrokenOff` when it ends too early. */
export async function* readBody(
  incoming: Incoming,
  body: Head["body"],
): AsyncGenerator<Uint8Array> {
  if (body === "chunked") return yield* readChunks(incoming);
  if (body === "close") {
    for (let piece; (piece = await incoming.some(PIECE_BYTES)) !== null;) yield piece;
    return;
  }
  yield* readLength(incoming, body);
}

async function* readLength(incoming: Incoming, length: number): AsyncGenerator<Uint8Array> {
  for (let left = length; left > 0;) {
    const piece = await incoming.some(Math.min(left, PIECE_BYTES));
    if (piece === null) throw new BrokenOff();
    left -= piece.length;
    yield piece;
  }
}

async function* readChunks(incoming: Incoming): AsyncGenerator<Uint8Array> {
  for (;;) {
    const size = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?$/i.exec(await incoming.line())?.[1];
    if (size === undefined) throw new NotHttp("the size of a chunk is malformed");
    const length = parseInt(size, 16);
    if (length === 0) break;
    yield* readLength(incoming, length);
    if (await incoming.line() !== "") throw new NotHttp("a chunk does not end where it should");
  }
  await readHeaders(incoming); // Trailers are ignored.
}
