// The HTTP server alone: what it accepts, and that no client makes it hold more than its limits.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CONNECTIONS_MAX, serveStatus, type StatusServer } from "../../src/host/status_server.ts";

/** Runs a server that echoes the request. */
async function serving(
  body: (server: StatusServer, asked: Request[]) => Promise<void>,
  limits: { connectionMs?: number; graceMs?: number } = {},
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
    rows.push(`GET /${"x".repeat(9_000)} HTTP/1.1`, "GET / HTTP/1.1\r\n\r\n");
    const hosts = [
      "Host : evil",
      "host:a\r\nhost:b",
      "Host: a\r\n b",
      "host: a\nx: b",
      "host\t: a",
    ];
    hosts.push("host: me@127.0.0.1", "host: evil/x", "host: 127.0.0.1#", "ho\0st: a", "host:");
    for (const host of hosts) rows.push(`GET / HTTP/1.1\r\n${host}\r\n\r\n`);
    rows.push(`GET / HTTP/1.1\r\nhost: a\r\n${"x: y\r\n".repeat(200)}\r\n`);
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
    // No connection ends because of its age here.
  }, { connectionMs: 3_600_000 }));

Deno.test("serveStatus() gives each connection time for its request, however many others come", () =>
  serving(async ({ port }) => {
    const client = await Deno.connect({ hostname: "127.0.0.1", port });
    const others: Deno.TcpConn[] = [];
    for (let count = 0; count < CONNECTIONS_MAX; count++) {
      others.push(await Deno.connect({ hostname: "127.0.0.1", port }));
    }
    // A server without grace would have closed the first one before it answers this one.
    const late = say(port, "GET / HTTP/1.0\r\n\r\n");
    await Promise.race([late, new Promise((resolve) => setTimeout(resolve, 300))]);
    await client.write(new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"));
    assertStringIncludes(await new Response(client.readable).text(), "HTTP/1.1 200");
    assertStringIncludes(await late, "HTTP/1.1 200");
    for (const connection of others) connection.close();
  }, { graceMs: 3_000 }));

Deno.test("serveStatus() ends a connection that says nothing", () =>
  serving(async ({ port }) => {
    const idle = await Deno.connect({ hostname: "127.0.0.1", port });
    const count = await idle.read(new Uint8Array(1)).catch(() => null);
    assert(count === null, "the other end has closed");
    idle.close();
  }));

Deno.test("serveStatus() reads one byte at a time, each once", () =>
  serving(async ({ port }) => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay(true);
    const text = `GET / HTTP/1.0\r\nx: ${"y".repeat(4_000)}\r\n\r\n`;
    for (const byte of new TextEncoder().encode(text)) await connection.write(Uint8Array.of(byte));
    assertStringIncludes(await new Response(connection.readable).text(), "HTTP/1.1 200");
  }, { connectionMs: 60_000 }));

Deno.test("serveStatus() answers nobody who says nothing, and whom it is told to close", async () => {
  const lines: string[] = [];
  const server = serveStatus({ hostname: "127.0.0.1", port: 0 }, () => new Response("here\n"), {
    admit: (line) => {
      lines.push(line);
      return line.includes("/no") ? "close" : new TextEncoder().encode("HTTP/1.1 299 \r\n\r\n");
    },
  });
  try {
    const silent = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await silent.closeWrite();
    assertEquals(await new Response(silent.readable).text(), "");
    assertEquals(await say(server.port, "GET /no HTTP/1.1\r\n\r\n").catch(() => ""), "");
    assertStringIncludes(await say(server.port, "GET /x HTTP/1.1\r\n\r\n"), "HTTP/1.1 299");
    assertEquals(lines, ["GET /no HTTP/1.1", "GET /x HTTP/1.1"]);
  } finally {
    await server.close();
  }
});
