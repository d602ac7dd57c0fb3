// Asking a real HTTPS server, as the API server is asked, whether a node is cordoned.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { clusterOf, isCordoned } from "../../src/host/kubernetes.ts";
import { rereadTextFile } from "../../src/host/text_file.ts";
import "../support/libraries.ts";
import { Authority } from "../support/tls/authority.ts";

/** A server like the API server: one node, one token. */
class ApiServer implements AsyncDisposable {
  token = "first";
  status = 200;
  body: string | null = null;
  cordoned = false;
  readonly paths: string[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly folder = Deno.makeTempDirSync();

  constructor(authority: Authority, { trusted = authority }: { trusted?: Authority } = {}) {
    const identity = authority.certificate("127.0.0.1");
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, ...identity, onListen() {} },
      (request) => this.#answer(request),
    );
    Deno.writeTextFileSync(`${this.folder}/ca.crt`, trusted.caCert);
    this.rotate("first");
  }

  /** The cluster replaces the token. */
  rotate(token: string): void {
    this.token = token;
    Deno.writeTextFileSync(`${this.folder}/token`, `${token}\n`);
  }

  ask(): Promise<boolean> {
    const env = {
      KUBERNETES_SERVICE_HOST: "127.0.0.1",
      KUBERNETES_SERVICE_PORT: `${this.#server.addr.port}`,
    };
    const cluster = clusterOf(env, { node: "pool-1", read: rereadTextFile });
    assert(!("problem" in cluster));
    return isCordoned({ ...cluster, account: this.folder }, new AbortController().signal);
  }

  #answer(request: Request): Response {
    this.paths.push(new URL(request.url).pathname);
    if (request.headers.get("authorization") !== `Bearer ${this.token}`) {
      return new Response("", { status: 401 });
    }
    const node = { kind: "Node", spec: this.cordoned ? { unschedulable: true } : {} };
    return new Response(this.body ?? JSON.stringify(node), { status: this.status });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("isCordoned() asks with the service account, whose token the cluster replaces", async () => {
  await using authority = await Authority.create();
  await using server = new ApiServer(authority);
  assertEquals(await server.ask(), false);
  server.cordoned = true;
  server.rotate("second");
  assertEquals(await server.ask(), true);
  assertEquals(server.paths, ["/api/v1/nodes/pool-1", "/api/v1/nodes/pool-1"]);
});

Deno.test("isCordoned() says why it does not know", async () => {
  await using authority = await Authority.create();
  await using server = new ApiServer(authority);
  const why = async (status: number, body: string | null = null) => {
    server.status = status;
    server.body = body;
    return (await assertRejects(() => server.ask(), Error)).message;
  };
  assertMatch(await why(403), /may not get node pool-1: it needs the verb get on nodes/);
  assertMatch(await why(404), /no node pool-1/);
  assertMatch(await why(500), /status 500/);
  assertMatch(await why(200, "<html>"), /else than JSON/);
  assertMatch(await why(200, '{"kind":"Status"}'), /else than a node/);
  server.token = "unknown to the pod";
  assertMatch(await why(200), /status 401/);
});

Deno.test("isCordoned() believes no server with a certificate of somebody else", async () => {
  await using authority = await Authority.create();
  await using other = await Authority.create();
  await using server = new ApiServer(authority, { trusted: other });
  await assertRejects(() => server.ask(), Error);
  assertEquals(server.paths, []);
});

Deno.test("clusterOf() says what is missing", () => {
  const found = (env: Record<string, string>, node: string | null) => {
    const cluster = clusterOf(env, { node, read: rereadTextFile });
    return "problem" in cluster ? cluster.problem : "";
  };
  assertMatch(found({}, "pool-1"), /KUBERNETES_SERVICE_HOST is not set/);
  assertMatch(
    found({ KUBERNETES_SERVICE_HOST: "10.0.0.1" }, null),
    /--kubernetes-node, or NODE_NAME/,
  );
  assertEquals(found({ KUBERNETES_SERVICE_HOST: "10.0.0.1" }, "pool-1"), "");
});
