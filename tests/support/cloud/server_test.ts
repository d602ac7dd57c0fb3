// The simulated cloud itself: its protocols, and each fault under both of them.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { CLOUD_AUTHORITY, identityFor } from "../tls/cloud_identity.ts";
import { until } from "../until.ts";
import { CloudModel } from "./model.ts";
import { type Call, CloudServer, type Fault, type ServerOptions } from "./server.ts";
import { cloudFetch } from "./cloud_fixture.ts";

type Protocol = Call["protocol"];
const PROTOCOLS: readonly Protocol[] = ["HTTP/1.1", "HTTP/2"];

/** A server, and a client that speaks one protocol. */
class Pair implements AsyncDisposable {
  readonly server: CloudServer;
  readonly #client: Deno.HttpClient;

  constructor(protocol: Protocol, options: ServerOptions = {}) {
    this.server = new CloudServer(new CloudModel(), options);
    this.server.latencyMs = 0;
    const http2 = protocol === "HTTP/2";
    this.#client = Deno.createHttpClient({ caCerts: [CLOUD_AUTHORITY], http1: !http2, http2 });
  }

  /** Requests the list of zones, which needs no signature. */
  ask(init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.server.endpoint("v2")}/zone`, { ...init, client: this.#client });
  }

  /** Text of a good answer without a fault. */
  async good(): Promise<string> {
    this.server.fault = () => null;
    return await (await this.ask()).text();
  }

  /** From now on every call has this fault. */
  spoil(fault: Fault): void {
    this.server.fault = () => fault;
  }

  /** Source ports of the calls, one per connection. */
  get ports(): number[] {
    return this.server.calls.map(({ fromPort }) => fromPort);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
    await this.server.close();
  }
}

for (const protocol of PROTOCOLS) {
  for (const hostname of ["127.0.0.1", "127.8.7.6", "::1"]) {
    Deno.test(`the simulated cloud speaks ${protocol} over TLS at ${hostname}`, async () => {
      await using pair = new Pair(protocol, { hostname });
      assert(pair.server.endpoint("v1").startsWith("https://"));
      assert((await pair.good()).startsWith('{"zones":['));
      await pair.good();
      assertEquals(pair.server.calls.map((call) => call.protocol), [protocol, protocol]);
      assertEquals(new Set(pair.ports).size, 1, "one connection");
    });
  }

  Deno.test(`an answer that breaks off or is lost over ${protocol} has begun and fails`, async () => {
    for (const fault of ["break-off", "lost"] as const) {
      await using pair = new Pair(protocol);
      await pair.good();
      pair.spoil(fault);
      const answer = await pair.ask();
      assertEquals(answer.status, 200);
      await assertRejects(() => answer.text(), Error);
      assertEquals(pair.server.calls.length, 2, "sent once");
      // HTTP/2 loses a stream, HTTP/1.1 the whole connection.
      await pair.good();
      const [first, second, third] = pair.ports;
      assertEquals([second === first, third === first], [true, protocol === "HTTP/2"], fault);
    }
  });

  Deno.test(`a call that hangs over ${protocol} gets no answer and holds up no other`, async () => {
    await using pair = new Pair(protocol);
    await pair.good();
    pair.server.fault = () => pair.server.calls.length === 2 ? "hang" : null;
    const giveUp = new AbortController();
    let answered = false;
    const hanging = pair.ask({ signal: giveUp.signal }).then(() => answered = true);
    await until(() => pair.server.calls.length === 2, { title: "it has arrived" });
    await (await pair.ask()).text();
    assertEquals([answered, pair.server.calls.length], [false, 3]);
    const [, second, third] = pair.ports;
    assertEquals(second === third, protocol === "HTTP/2", "beside it on the same connection");
    giveUp.abort();
    await assertRejects(() => hanging, DOMException);
  });

  Deno.test(`an endless answer over ${protocol} goes on and on`, async () => {
    await using pair = new Pair(protocol);
    pair.spoil("endless");
    const { body } = await pair.ask();
    let parts = 0;
    for await (const part of body ?? []) {
      assertEquals([...part].every((byte) => byte === 32), true);
      if (++parts === 5) break;
    }
    assertEquals(parts, 5);
  });

  Deno.test(`close() over ${protocol} cuts what hangs and waits for nobody`, async () => {
    const pair = new Pair(protocol);
    await pair.good();
    pair.spoil("hang");
    const hanging = assertRejects(() => pair.ask(), Error);
    await until(() => pair.server.calls.length === 2, { title: "it hangs" });
    await pair[Symbol.asyncDispose]();
    await hanging;
  });
}

Deno.test("the simulated cloud speaks HTTP/2 with a client that speaks both", async () => {
  const server = new CloudServer();
  using client = Deno.createHttpClient({ caCerts: [CLOUD_AUTHORITY] });
  await (await fetch(`${server.endpoint("v2")}/zone`, { client })).text();
  assertEquals(server.calls[0]?.protocol, "HTTP/2");
  await server.close();
});

Deno.test("the simulated cloud speaks plain HTTP where that is asked for", async () => {
  await using pair = new Pair("HTTP/1.1", { tls: false });
  assertEquals(pair.server.args("v2"), ["-xe", pair.server.endpoint("v2")]);
  assert(pair.server.endpoint("v2").startsWith("http://"));
  await pair.good();
  assertEquals(pair.server.calls[0]?.protocol, "HTTP/1.1");
});

Deno.test("the file with the cloud's authority is there until the cloud is closed", async () => {
  const server = new CloudServer();
  const { caFile } = server;
  assertEquals(server.args("v1"), ["-xe", server.endpoint("v1"), "--ca-file", caFile]);
  assertEquals(await Deno.readTextFile(caFile), CLOUD_AUTHORITY);
  await server.close();
  await assertRejects(() => Deno.stat(caFile), Deno.errors.NotFound);
});

Deno.test("the program's own fetch trusts the simulated cloud by its names alone", async () => {
  const called = new CloudServer(new CloudModel(), { names: ["localhost"] });
  const other = new CloudServer(new CloudModel(), { identity: identityFor("127.0.0.2") });
  const at = (server: CloudServer, host: string) =>
    new URL(server.endpoint("v2").replace("127.0.0.1", host) + "/zone");
  try {
    for (const host of ["127.0.0.1", "localhost"]) {
      assertEquals((await (await cloudFetch(at(called, host), {})).json()).zones.length, 1);
    }
    await assertRejects(() => cloudFetch(at(other, "127.0.0.1"), {}), Error);
    assertEquals([called.calls.length, other.calls.length], [2, 0]);
  } finally {
    await called.close();
    await other.close();
  }
});
