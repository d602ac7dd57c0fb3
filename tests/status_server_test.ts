// The HTTP server by itself: what it understands, and that nothing makes it hold more than it may.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CONNECTIONS_MAX, serveStatus, type StatusServer } from "../src/host/status_server.ts";

/** Runs a server that tells what it was asked. */
async function serving(
  body: (server: StatusServer, asked: Request[]) => Promise<void>,
  limits: { connectionMs?: number } = {},
) {
  const asked: Request[] = [];
  const server = serveStatus({ hostname: "127.0.0.1", port: 0 }, (request) => {
    asked.push(request);
    return new Response("here\n", { headers: { "x-own": "yes" } });
  }, limits);
  try {
    await body(server, asked);
  } finally {
    await server.close();
  }
}

/** Sends those bytes and reads to the end. */
async function say(port: number, text: string): Promise<string> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(text));
  return await new Response(connection.readable).text();
}

Deno.test("serveStatus() answers a request, with its own headers, and HEAD without a body", () =>
  serving(async ({ port }, asked) => {
    const response = await fetch(`http://127.0.0.1:${port}/x?y=1`);
    assertEquals([response.status, await response.text()], [200, "here\n"]);
    assertEquals(response.headers.get("x-own"), "yes");
    assertEquals(asked[0]?.url, `http://127.0.0.1:${port}/x?y=1`);
    const head = await fetch(`http://127.0.0.1:${port}/`, { method: "HEAD" });
    assertEquals([await head.text(), head.headers.get("content-length")], ["", "5"]);
    assertEquals(asked[1]?.method, "HEAD");
  }));

Deno.test("serveStatus() refuses what is no request, and what is too long", () =>
  serving(async ({ port }, asked) => {
    const rows = ["hello\r\n\r\n", "GET / HTTP/3\r\n\r\n", "GET http://a/ HTTP/1.1\r\n\r\n"];
    rows.push("CONNECT /x HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nhost: [\r\n\r\n");
    rows.push(`GET /${"x".repeat(9_000)} HTTP/1.1`);
    for (const row of rows) assertStringIncludes(await say(port, row), "HTTP/1.1 400", row);
    assertEquals(asked.length, 0);
  }));

Deno.test("serveStatus() serves whoever comes beyond its limit in the place of the oldest", () =>
  serving(async ({ port }) => {
    const idle: Deno.TcpConn[] = [];
    for (let count = 0; count < CONNECTIONS_MAX; count++) {
      idle.push(await Deno.connect({ hostname: "127.0.0.1", port }));
    }
    assertEquals(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "here\n");
    const [oldest, ...others] = idle;
    const count = await oldest?.read(new Uint8Array(1)).catch(() => null);
    assertEquals(count, null, "the oldest has gone");
    oldest?.close();
    for (const connection of others) connection.close();
    // No connection ends by its age here.
  }, { connectionMs: 3_600_000 }));

Deno.test("serveStatus() ends a connection that says nothing", () =>
  serving(async ({ port }) => {
    const idle = await Deno.connect({ hostname: "127.0.0.1", port });
    const count = await idle.read(new Uint8Array(1)).catch(() => null);
    assert(count === null, "the other end has closed");
    idle.close();
  }));
