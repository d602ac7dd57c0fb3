// Real connections to the cloud, with servers that fail in every way.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { TransportFailure } from "../../src/transport/request.ts";
import { NameFailure } from "../../src/transport/names.ts";
import { until } from "../support/until.ts";
import { answer, get, NAME, RawServer, shut, SilentServer, transportTo } from "./lab.ts";

const good = (_request: string, connection: Deno.Conn) => void connection.write(answer());

async function failureOf(work: () => Promise<unknown>): Promise<TransportFailure> {
  return await assertRejects(work, TransportFailure);
}

Deno.test("Transport uses one connection for one request after the other", async () => {
  await using server = new RawServer(good);
  using transport = transportTo(["127.0.0.1"]);
  for (let count = 0; count < 3; count++) assertEquals(await get(transport, server.port), "ok");
  assertEquals(server.connections, 1);
  const head = server.requests[0]?.head ?? "";
  assert(head.startsWith("GET /v2/zone HTTP/1.1\r\n"), head);
  assertStringIncludes(head, `host: ${NAME}:${server.port}\r\nuser-agent: exoip/test\r\n`);
  const route = { address: "127.0.0.1", protocol: "HTTP/1.1", tls: true, proxy: null } as const;
  assertEquals(transport.routeTo(new URL(`https://${NAME}:${server.port}/`)), route);
});

Deno.test("Transport takes the first address that proves who it is, not the first that connects", async () => {
  await using server = new RawServer(good, { hostname: "127.0.0.4" });
  const { port } = server;
  using _silent = new SilentServer({ hostname: "127.0.0.2", port });
  await using _stranger = new RawServer(good, {
    hostname: "127.0.0.3",
    port,
    name: "other.example",
  });
  // Refused, silent after connecting, a wrong certificate, and the right one.
  using transport = transportTo(["127.0.0.5", "127.0.0.2", "127.0.0.3", "127.0.0.4"]);
  assertEquals(await get(transport, port), "ok");
});

Deno.test("Transport keeps the address that worked when the name server fails, lags, or lies", async () => {
  await using server = new RawServer((_, connection) => {
    connection.write(answer("ok", "connection: close\r\n"));
  });
  using _silent = new SilentServer({ hostname: "127.0.0.2", port: server.port });
  let found: () => readonly string[] | Promise<readonly string[]> = () => ["127.0.0.1"];
  using transport = transportTo(() => found());
  await get(transport, server.port);
  found = () => {
    throw new NameFailure("host name not found");
  };
  assertEquals(await get(transport, server.port), "ok");
  const { promise, resolve } = Promise.withResolvers<readonly string[]>();
  found = () => promise;
  assertEquals(await get(transport, server.port), "ok");
  resolve([]);
  found = () => ["127.0.0.2", "127.0.0.3"];
  assertEquals(await get(transport, server.port), "ok");
});

Deno.test("Transport tries an address that leaves requests without an answer after the others", async () => {
  await using unanswering = new RawServer(() => {});
  await using server = new RawServer(
    (_, connection) => void connection.write(answer("ok", "connection: close\r\n")),
    { hostname: "127.0.0.2", port: unanswering.port },
  );
  using transport = transportTo(["127.0.0.1", "127.0.0.2"]);
  const url = new URL(`https://${NAME}:${server.port}/`);
  const giveUp = new AbortController();
  const first = failureOf(() => transport(url, { signal: giveUp.signal }));
  await until(() => unanswering.requests.length === 1, { title: "a request hangs" });
  const second = await transport(url, { fresh: true });
  assertEquals(await second.text(), "ok");
  giveUp.abort();
  await first;
  for (let more = 0; more < 3; more++) assertEquals(await get(transport, server.port), "ok");
  assertEquals(unanswering.requests.length, 1);
});

Deno.test("Transport takes no connection again on which something hangs", async () => {
  // Each connection answers only its first request, like one that a firewall has forgotten.
  const answered = new Set<number>();
  await using server = new RawServer((_, connection, number) => {
    if (!answered.has(number)) connection.write(answer());
    answered.add(number);
  });
  using transport = transportTo(["127.0.0.1"]);
  await get(transport, server.port);
  const given = new AbortController();
  const hanging = failureOf(() => get(transport, server.port, { signal: given.signal }));
  while (server.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(await get(transport, server.port, { fresh: true }), "ok");
  given.abort();
  const { kind, sent } = await hanging;
  assertEquals([kind, sent], ["aborted", true]);
  // The last one is the newest, and would not answer any more either: the cancelled request has condemned it.
  assertEquals(await get(transport, server.port, { fresh: true }), "ok");
  assertEquals(server.connections, 3);
});

Deno.test("Transport does not use a connection that the server has closed at rest", async () => {
  let last: Deno.Conn | null = null;
  await using server = new RawServer((_, connection) => {
    last = connection;
    connection.write(answer());
  });
  using transport = transportTo(["127.0.0.1"]);
  await get(transport, server.port);
  shut(last!);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assertEquals(await get(transport, server.port), "ok");
  assertEquals(server.connections, 2);
});

Deno.test("Transport says when it was a connection from before that broke without a word", async () => {
  await using server = new RawServer((_, connection, number) => {
    if (server.requests.filter((each) => each.connection === number).length > 1) shut(connection);
    else connection.write(answer());
  });
  using transport = transportTo(["127.0.0.1"]);
  await get(transport, server.port);
  const { kind, stale, message } = await failureOf(() => get(transport, server.port));
  assertEquals([kind, stale, message], ["unreachable", true, `connection broke off: ${NAME}`]);
});

Deno.test("Transport names what breaks off, and what is no HTTP", async () => {
  const cases: [text: string, reason: string][] = [
    ["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", "connection broke off"],
    ["", "connection broke off"],
    ["SSH-2.0-OpenSSH_9\r\n\r\n", "not an HTTP answer (no status line)"],
  ];
  for (const [text, reason] of cases) {
    await using server = new RawServer(async (_, connection) => {
      await connection.write(new TextEncoder().encode(text));
      shut(connection);
    });
    using transport = transportTo(["127.0.0.1"]);
    const { kind, message } = await failureOf(() => get(transport, server.port));
    assertEquals([kind, message], ["unreachable", `${reason}: ${NAME}`]);
  }
});

Deno.test("Transport names a refused connection, a missing name, a wrong certificate, no TLS", async () => {
  await using server = new RawServer(good);
  await using other = new RawServer(good, { name: "other.example" });
  const plain = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answering = plain.accept().then(async (connection) => {
    await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad\r\n\r\n"));
    return connection;
  });
  using refused = transportTo(["127.0.0.9"]);
  const at = `${NAME} at 127.0.0`;
  assertStringIncludes(
    (await failureOf(() => get(refused, server.port))).message,
    `refused: ${at}.9`,
  );
  using nameless = transportTo(() => {
    throw new NameFailure(`host name not found: ${NAME}; name servers: 192.0.2.53`);
  });
  const unknown = await failureOf(() => get(nameless, server.port));
  assertEquals([unknown.kind, unknown.sent], ["name-resolution", false]);
  assertStringIncludes(unknown.message, "name servers: 192.0.2.53");
  using transport = transportTo(["127.0.0.1"]);
  const wrong = await failureOf(() => get(transport, other.port));
  assertEquals(wrong.kind, "untrusted");
  assertStringIncludes(wrong.message, "certificate not valid for name");
  const noTls = await failureOf(() => get(transport, plain.addr.port));
  assertStringIncludes(noTls.message, `it does not speak TLS: ${at}.1`);
  shut(await answering);
  const closing = plain.accept().then((connection) => connection.close());
  const closed = await failureOf(() => get(transport, plain.addr.port));
  await closing;
  assertEquals(closed.kind, "unreachable", closed.message);
  assertStringIncludes(closed.message, `connection broke off: ${at}.1`);
  plain.close();
});

Deno.test("Transport asks before anything leaves, and keeps the connection when it may not", async () => {
  await using server = new RawServer(good);
  using transport = transportTo(["127.0.0.1"]);
  let seen = -1;
  const mayLeave = () => {
    seen = server.requests.length;
    return Promise.resolve();
  };
  await get(transport, server.port, { mayLeave });
  assertEquals(seen, 0);
  const refuse = () => Promise.reject(new RangeError("not now"));
  await assertRejects(() => get(transport, server.port, { mayLeave: refuse }), RangeError);
  await get(transport, server.port);
  assertEquals([server.requests.length, server.connections], [2, 1]);
});

Deno.test("Transport ends at the signal, whatever it is doing", async () => {
  using silent = new SilentServer();
  await using unanswering = new RawServer(() => {});
  await using half = new RawServer((_, connection) => {
    connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhal"));
  });
  using transport = transportTo(["127.0.0.1"]);
  using nameless = transportTo(() => new Promise<never>(() => {}));
  const at = `${NAME} at 127.0.0.1`;
  for (
    const [way, port, doing] of [
      [transport, silent.port, `connecting to ${at}`],
      [transport, unanswering.port, `waiting for ${at}`],
      [transport, half.port, `waiting for ${at}`],
      [nameless, 1, `looking up ${NAME}`],
    ] as const
  ) {
    const given = new AbortController();
    const failing = failureOf(() => get(way, port, { signal: given.signal }));
    const server = [unanswering, half].find((each) => each.port === port);
    // The first step takes no time, the others as much as a busy machine lets them have.
    await until(() => server?.requests.length !== 0, { title: "it has come so far", everyMs: 50 });
    given.abort();
    const { kind, message } = await failing;
    assertEquals([kind, message], ["aborted", doing]);
  }
  const early = await failureOf(() =>
    get(transport, unanswering.port, { signal: AbortSignal.abort() })
  );
  assertEquals([early.kind, early.sent], ["aborted", false]);
});

const JSON_HEAD = "content-type: application/json\r\n";
const REFUSALS: [string, string][] = [
  ["503", `HTTP/1.1 503 Bad\r\n${JSON_HEAD}content-length: 2\r\n\r\n{}`],
  ["421", `HTTP/1.1 421 Other\r\n${JSON_HEAD}content-length: 2\r\n\r\n{}`],
  ["a page", "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 4\r\n\r\n<p/>"],
  ["nothing", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"],
];
for (const [what, text] of REFUSALS) {
  Deno.test(`Transport takes no connection again that has answered ${what}`, async () => {
    // The first connection leads to a server that fails from its second request on.
    let firsts = 0;
    await using server = new RawServer((_, connection, number) => {
      const bad = number === 1 && firsts++ > 0;
      void connection.write(bad ? new TextEncoder().encode(text) : answer());
    });
    using transport = transportTo(["127.0.0.1"]);
    const url = new URL(`https://${NAME}:${server.port}/`);
    const kept: number[] = [];
    for (let each = 0; each < 4; each++) {
      await (await transport(url, { onKept: () => kept.push(each) })).text();
      await (await transport(url, { onKept: () => kept.push(each) })).text();
    }
    assert(server.connections >= 2, `${server.connections} connections`);
    assertEquals(firsts, 2, "the first one was used for one bad answer");
    assert(kept.length > 0);
  });
}

Deno.test("Transport waits for its own connection where a server allows one", async () => {
  let open = 0;
  await using server = new RawServer((_, connection) => {
    setTimeout(() => void connection.write(answer()), 50);
  });
  const relay = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const relaying = (async () => {
    for await (const client of relay) {
      if (++open > 1) {
        open -= 1;
        shut(client);
        continue;
      }
      const upstream = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      const ignore = () => {};
      client.readable.pipeTo(upstream.writable).catch(ignore);
      upstream.readable.pipeTo(client.writable).catch(ignore).finally(() => open -= 1);
    }
  })();
  using transport = transportTo(["127.0.0.1"]);
  const { port } = relay.addr;
  assertEquals(await Promise.all([get(transport, port), get(transport, port)]), ["ok", "ok"]);
  transport.close();
  relay.close();
  await relaying;
});

Deno.test("Transport finds the one address of many that does not refuse", async () => {
  await using server = new RawServer(good, { hostname: "127.0.0.40" });
  const addresses = Array.from({ length: 40 }, (_, index) => `127.0.0.${index + 1}`);
  using transport = transportTo(addresses);
  assertEquals(await get(transport, server.port), "ok");
});

Deno.test("Transport makes the headers that live from now on when the request leaves", async () => {
  await using server = new RawServer(good);
  using transport = transportTo(["127.0.0.1"]);
  const steps: string[] = [];
  const response = await transport(new URL(`https://${NAME}:${server.port}/`), {
    mayLeave: () => Promise.resolve(void steps.push("may leave")),
    lateHeaders: () => Promise.resolve((steps.push("signed"), { authorization: "late" })),
  });
  await response.text();
  assertEquals(steps, ["may leave", "signed"]);
  assertStringIncludes(server.requests[0]?.head ?? "", "authorization: late\r\n");
});

Deno.test("Transport leaves a server that begins with HTTP/2, unasked, to the runtime", async () => {
  const settings = new Uint8Array([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  await using server = new RawServer((_, connection) => void connection.write(settings), {
    alpn: ["h2", "http/1.1"],
    // The runtime looks up this name itself.
    name: "localhost",
  });
  using transport = transportTo(["127.0.0.1"]);
  // The server in fact speaks no protocol at all: the test is about which client makes the second request.
  const giveUp = new AbortController();
  const url = new URL(`https://localhost:${server.port}/`);
  const asked = failureOf(() => transport(url, { signal: giveUp.signal }));
  await until(() => server.requests.some(({ head }) => head.startsWith("PRI * HTTP/2.0")), {
    title: "it is asked in HTTP/2",
  });
  giveUp.abort();
  await asked;
});
