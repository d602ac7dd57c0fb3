// Requests through proxies, working ones and others, and to a server that speaks HTTP/2 alone.
import { createSecureServer } from "node:http2";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { TransportFailure } from "../../src/transport/request.ts";
import { NameFailure } from "../../src/transport/names.ts";
import { freeTcpPort } from "../support/ports.ts";
import { identityFor } from "../support/tls/cloud_identity.ts";
import { answer, get, NAME, RawServer, shut, transportTo } from "./lab.ts";

const good = (_request: string, connection: Deno.Conn) => void connection.write(answer());

/** A proxy to one target, whatever the request names, which answers CONNECT with this line. */
class Proxy implements AsyncDisposable {
  readonly asked: string[] = [];
  readonly port: number;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open: Deno.Conn[] = [];
  readonly #serving: Promise<void>;

  constructor(target: number, line = "HTTP/1.1 200 Connected") {
    this.port = this.#listener.addr.port;
    this.#serving = this.#serve(target, line);
  }

  async #serve(target: number, line: string): Promise<void> {
    const piping: Promise<unknown>[] = [];
    for await (const client of this.#listener) {
      const buffer = new Uint8Array(4_096);
      const count = await client.read(buffer) ?? 0;
      this.asked.push(new TextDecoder().decode(buffer.subarray(0, count)));
      await client.write(new TextEncoder().encode(`${line}\r\n\r\n`));
      const server = await Deno.connect({ hostname: "127.0.0.1", port: target });
      this.#open.push(client, server);
      const ignore = () => {};
      piping.push(client.readable.pipeTo(server.writable).catch(ignore));
      piping.push(server.readable.pipeTo(client.writable).catch(ignore));
    }
    await Promise.all(piping);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) shut(connection);
    await this.#serving;
  }
}

Deno.test("Transport goes through the proxy of HTTPS_PROXY, which looks the name up", async () => {
  await using server = new RawServer(good);
  await using proxy = new Proxy(server.port);
  const HTTPS_PROXY = `http://user:secret@127.0.0.1:${proxy.port}`;
  using transport = transportTo(() => {
    throw new NameFailure("the proxy alone knows names");
  }, { HTTPS_PROXY });
  assertEquals(await get(transport, server.port), "ok");
  const [asked = ""] = proxy.asked;
  assertStringIncludes(asked, `CONNECT ${NAME}:${server.port} HTTP/1.1\r\nhost: ${NAME}:`);
  assertStringIncludes(asked, `proxy-authorization: Basic ${btoa("user:secret")}\r\n`);
  const route = transport.routeTo(new URL(`https://${NAME}:${server.port}/`));
  assertEquals(route?.proxy, `the proxy 127.0.0.1:${proxy.port} (HTTPS_PROXY)`);
});

async function complaint(HTTPS_PROXY: string, port = 443): Promise<string> {
  using transport = transportTo(() => {
    throw new NameFailure("host name not found: proxy.test");
  }, { HTTPS_PROXY });
  const { message } = await assertRejects(() => get(transport, port), TransportFailure);
  assertEquals(message.includes("secret"), false, message);
  return message;
}

Deno.test("Transport names the proxy that is dead, unknown, unwilling, or none", async () => {
  const at = `127.0.0.1:${freeTcpPort()}`;
  assertEquals(
    await complaint(`http://u:secret@${at}`),
    `connection refused: the proxy ${at} (HTTPS_PROXY)`,
  );
  const unknown = await complaint("http://proxy.test:3128");
  assertEquals(
    unknown,
    "host name not found: proxy.test (the proxy proxy.test:3128 (HTTPS_PROXY))",
  );
  await using server = new RawServer(good);
  await using unwilling = new Proxy(server.port, "HTTP/1.1 407 Proxy Authentication Required");
  const refuses = `the proxy 127.0.0.1:${unwilling.port} (HTTPS_PROXY) refuses the connection`;
  assertEquals(await complaint(`http://127.0.0.1:${unwilling.port}`), `${refuses}: HTTP 407`);
  assertStringIncludes(await complaint("gopher://secret"), "HTTPS_PROXY is not the address of a");
});

Deno.test("Transport names the proxy when the server behind it is not who it should be", async () => {
  await using server = new RawServer(good, { name: "other.example" });
  await using proxy = new Proxy(server.port);
  const message = await complaint(`http://127.0.0.1:${proxy.port}`, server.port);
  assertStringIncludes(message, `not accepted (certificate not valid for name "${NAME}")`);
  assertStringIncludes(message, `: ${NAME} through the proxy 127.0.0.1:${proxy.port}`);
});

// The HTTP/2 server of older runtimes answers no request; tests/world tries the same with haproxy.
const ignore = Deno.version.deno.startsWith("2.7.");
Deno.test(
  "Transport leaves a server that speaks HTTP/2 alone to the runtime",
  { ignore },
  async () => {
    const { cert, key } = identityFor("localhost");
    const server = createSecureServer({ cert, key, allowHTTP1: false }, (_, response) => {
      response.end("two");
    });
    const listening = new Promise<void>((resolve) => server.on("listening", () => resolve()));
    server.listen(0);
    await listening;
    const { port } = server.address() as { port: number };
    using transport = transportTo(["127.0.0.1"]);
    const url = new URL(`https://localhost:${port}/`);
    try {
      assertEquals(await (await transport(url)).text(), "two");
      assertEquals(transport.routeTo(url)?.protocol, "HTTP/2");
    } finally {
      transport.close();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    }
  },
);
