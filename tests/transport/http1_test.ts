// Answers in every form of a server, in the chunks of a network.
import { assertEquals, assertRejects } from "@std/assert";
import fc from "../support/fast_check.ts";
import {
  Incoming,
  readBody,
  readHead,
  type Stream,
  writeRequest,
} from "../../src/transport/http1.ts";

/** A connection that delivers these chunks, and then ends. */
function arriving(pieces: readonly Uint8Array[]): Stream & { readonly written: string } {
  const rest = [...pieces], written: number[] = [];
  return {
    get written() {
      return new TextDecoder().decode(new Uint8Array(written));
    },
    read(buffer) {
      const piece = rest.shift();
      if (!piece) return Promise.resolve(null);
      const part = piece.subarray(0, buffer.length);
      buffer.set(part);
      if (part.length < piece.length) rest.unshift(piece.subarray(part.length));
      return Promise.resolve(part.length);
    },
    // A kernel takes what it has room for.
    write(bytes) {
      const part = bytes.subarray(0, 7);
      written.push(...part);
      return Promise.resolve(part.length);
    },
    close() {},
  };
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

async function read(pieces: readonly Uint8Array[], method = "GET") {
  const incoming = new Incoming(arriving(pieces));
  const head = await readHead(incoming, method);
  const parts: number[] = [];
  for await (const piece of readBody(incoming, head.body)) parts.push(...piece);
  const text = new TextDecoder().decode(new Uint8Array(parts));
  return { status: head.status, keepsOpen: head.keepsOpen, text, quiet: incoming.quiet };
}

const readText = (text: string, method?: string) => read([bytesOf(text)], method);

const GOOD: [title: string, answer: string, status: number, text: string, keepsOpen: boolean][] = [
  ["with a length", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", 200, "hello", true],
  [
    "in chunks",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nt: x\r\n\r\n",
    200,
    "hello",
    true,
  ],
  ["to the end of the connection", "HTTP/1.1 404 No\r\n\r\nhello", 404, "hello", false],
  ["without content", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true],
  [
    "after interim answers",
    "HTTP/1.1 103 E\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    200,
    "",
    true,
  ],
  [
    "that closes",
    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
    200,
    "ok",
    false,
  ],
  ["of HTTP/1.0", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", 200, "ok", false],
  ["with bare line feeds", "HTTP/1.1 200\ncontent-length: 2\n\nok", 200, "ok", true],
  [
    "with both kinds of length, which is not to be trusted",
    "HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    200,
    "ok",
    false,
  ],
];

for (const [title, answer, status, text, keepsOpen] of GOOD) {
  Deno.test(`readHead() and readBody() read an answer ${title}, however it is cut`, async () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 60 });
    await fc.assert(fc.asyncProperty(cuts, async (lengths) => {
      const bytes = bytesOf(answer), pieces: Uint8Array[] = [];
      for (let at = 0, index = 0; at < bytes.length; index++) {
        const end = at + (lengths[index % lengths.length] ?? 1);
        pieces.push(bytes.subarray(at, end));
        at = end;
      }
      const whole = keepsOpen
        ? { status, keepsOpen, text, quiet: true }
        : { status, keepsOpen, text };
      const { quiet, ...rest } = await read(pieces);
      assertEquals(keepsOpen ? { ...rest, quiet } : rest, whole);
    }));
  });
}

const BAD: [title: string, answer: string, reason: string][] = [
  ["nothing", "", "closed before"],
  ["a head that breaks off", "HTTP/1.1 200 OK\r\ncontent-le", "closed before"],
  ["a body that breaks off", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello", "closed before"],
  [
    "chunks that break off",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel",
    "closed before",
  ],
  [
    "no last chunk",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
    "closed before",
  ],
  ["SSH", "SSH-2.0-OpenSSH_9\r\n", "no status line"],
  ["HTTP/2", "HTTP/2 200 OK\r\n\r\n", "no status line"],
  ["a status of 999", "HTTP/1.1 999 X\r\n\r\n", "no status line"],
  [
    "two lengths",
    "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
    "content-length",
  ],
  ["a negative length", "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nx", "content-length"],
  [
    "gzip",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "transfer encoding",
  ],
  [
    "a chunk of no size",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "size of a chunk",
  ],
  [
    "a chunk that runs over",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nok\r\n",
    "does not end",
  ],
  ["a header without a name", "HTTP/1.1 200 OK\r\n: x\r\n\r\n", "header line"],
  ["a switch of protocols", "HTTP/1.1 101 Switching\r\n\r\n", "interim"],
  ["only interim answers", "HTTP/1.1 100 Go on\r\n\r\n".repeat(12), "interim"],
  ["an endless line", `HTTP/1.1 200 OK\r\nx: ${"y".repeat(40_000)}\r\n\r\n`, "too long"],
  [
    "endless headers",
    `HTTP/1.1 200 OK\r\n${"x: yyyyyyyyyyyyyyy\r\n".repeat(4_000)}\r\n`,
    "too long",
  ],
];

for (const [title, answer, reason] of BAD) {
  Deno.test(`readHead() and readBody() refuse ${title}`, async () => {
    await assertRejects(() => readText(answer), Error, reason);
  });
}

Deno.test("readHead() and readBody() throw nothing but what they name, whatever arrives", async () => {
  const noise = fc.array(
    fc.oneof(
      fc.constantFrom("HTTP/1.1 200 OK\r\n", "\r\n", "0\r\n\r\n", "content-length: 3\r\n"),
      fc.constantFrom("transfer-encoding: chunked\r\n", "a\r\n", "connection: close\r\n", "\n\n"),
      fc.string(),
    ),
    { maxLength: 12 },
  );
  await fc.assert(fc.asyncProperty(noise, async (parts) => {
    try {
      await read(parts.filter(Boolean).map(bytesOf));
    } catch (error) {
      assertEquals(["NotHttp", "BrokenOff"].includes((error as Error).name), true, `${error}`);
    }
  }));
});

Deno.test("an answer to CONNECT has no body, though it names a length", async () => {
  const answer = "HTTP/1.1 200 Connected\r\ncontent-length: 5\r\n\r\n";
  assertEquals((await readText(answer, "CONNECT")).text, "");
});

Deno.test("writeRequest() writes all of it, in as many pieces as the kernel takes", async () => {
  const stream = arriving([]);
  const headers = { host: "api.example" };
  await writeRequest(stream, { method: "PUT", target: "/v2/x:attach", headers, body: '{"ü":1}' });
  const wanted =
    'PUT /v2/x:attach HTTP/1.1\r\nhost: api.example\r\ncontent-length: 8\r\n\r\n{"ü":1}';
  assertEquals(stream.written, wanted);
});

Deno.test("Incoming.quiet tells whether an idle connection has said anything, its end included", async () => {
  const said = new Incoming(arriving([bytesOf("HTTP/1.1 408 Timeout\r\n\r\n")]));
  assertEquals(said.quiet, true);
  await new Promise<void>((resolve) => said.watch(resolve));
  assertEquals(said.quiet, false);
  const ended = new Incoming(arriving([]));
  await new Promise<void>((resolve) => ended.watch(resolve));
  assertEquals(ended.quiet, false);
});
