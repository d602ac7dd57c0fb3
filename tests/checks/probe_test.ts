// Every kind of check against real servers: good, bad, hanging and endless ones.
import { assert, assertEquals } from "@std/assert";
import { parseCheck } from "../../src/checks/spec.ts";
import { runCommand } from "../../src/host/command.ts";
import { probeWith } from "../../src/checks/probe.ts";
import { freeTcpPort } from "../support/ports.ts";
import { skippableTest } from "../support/skippable.ts";

const probe = probeWith(runCommand, { env: { PATH: Deno.env.get("PATH") ?? "" } });
const NO_SHELL = Deno.build.os === "windows" ? "needs a POSIX shell" : null;

/** Why a check fails, empty when it passes. */
async function outcome(text: string, signal = new AbortController().signal): Promise<string> {
  const parsed = parseCheck(text);
  assert("spec" in parsed, JSON.stringify(parsed));
  return await probe(parsed.spec, signal).then(() => "", (error: Error) => error.message);
}

/** Runs the body with a server that answers by path. */
async function withServer(
  handler: (request: Request) => Response | Promise<Response>,
  body: (port: number) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  try {
    await body(server.addr.port);
  } finally {
    await server.shutdown();
  }
}

for (const hostname of ["127.0.0.1", "::1"]) {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  Deno.test(`a tcp check of ${host} passes while somebody listens`, async () => {
    // Nobody else gets this port once it is closed.
    const port = freeTcpPort(hostname), listener = Deno.listen({ hostname, port });
    try {
      assertEquals(await outcome(`tcp://${host}:${port}`), "");
    } finally {
      listener.close();
    }
    assertEquals(await outcome(`tcp://${host}:${port}`), "connection refused");
  });
}

Deno.test("a host that has no address is named as the reason", async () => {
  assertEquals(await outcome("tcp://nonesuch.invalid:80"), "host name not found");
  assertEquals(await outcome("http://nonesuch.invalid/"), "host name not found");
});

skippableTest(
  "a tcp check that gets no answer ends when it is told to",
  Deno.build.os === "linux" ? null : "needs Linux, where a full queue of connections is silent",
  async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    const open: Deno.Conn[] = [];
    try {
      let silent = 0;
      // The server accepts nothing: after some hundreds the kernel no longer answers. A single one may only be late.
      while (silent < 4 && open.length < 8_000) {
        const signal = AbortSignal.timeout(500);
        const connection = Deno.connect({ hostname: "127.0.0.1", port, signal });
        await connection.then((each) => {
          open.push(each);
          silent = 0;
        }, () => silent++);
      }
      assert(silent >= 4, `the queue took ${open.length}`);
      const over = new AbortController();
      const ended = outcome(`tcp://127.0.0.1:${port}`, over.signal);
      const early = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 200))]);
      assertEquals(early, undefined);
      over.abort();
      assert(await ended !== "");
    } finally {
      for (const connection of open) connection.close();
      listener.close();
    }
  },
);

Deno.test("an http check wants 2xx or 3xx and follows no redirection", async () => {
  const asked: string[] = [];
  await withServer((request) => {
    const { pathname } = new URL(request.url);
    asked.push(pathname);
    const status = Number(pathname.slice(1));
    return new Response(null, { status, headers: { location: "/500" } });
  }, async (port) => {
    const url = (path: string) => `http://127.0.0.1:${port}/${path}`;
    for (const status of [200, 204, 301, 302, 399]) {
      assertEquals(await outcome(url(`${status}`)), "");
    }
    for (const status of [400, 404, 503]) {
      assertEquals(await outcome(url(`${status}`)), `status ${status}, wanted 200-399`);
    }
    assertEquals(await outcome(url("404?status=404")), "");
    const wanted = "status 301, wanted 200-204, 404";
    assertEquals(await outcome(url("301?status=200-204,404")), wanted);
  });
  assert(!asked.includes("/500"), asked.join(" "));
});

Deno.test("an http check asks for what is written, without what is ours, and signs in", async () => {
  await withServer((request) => {
    const { pathname, search } = new URL(request.url);
    return new Response(`${pathname}${search} ${request.headers.get("authorization")}`);
  }, async (port) => {
    const secret = btoa("me:pass");
    const asked = `http://me:pass@127.0.0.1:${port}/a?x=1&status=200&%73tatus=2&body=`;
    const expected = encodeURIComponent(`/a?x=1&%73tatus=2 Basic ${secret}`);
    assertEquals(await outcome(asked + expected), "");
  });
});

Deno.test("an http check looks for the text in the beginning of the answer only", async () => {
  const parts = ["the pool", " is", " up"];
  const pad = (size: number) => "x".repeat(size);
  const answers: Record<string, () => BodyInit> = {
    "/good": () => "the pool is up",
    "/split": () =>
      new ReadableStream({
        pull(controller) {
          const part = parts.shift();
          if (part === undefined) return controller.close();
          controller.enqueue(new TextEncoder().encode(part));
        },
      }),
    "/bad": () => "the pool is down",
    "/long": () => pad(255 * 1024) + "pool is up",
    "/longer": () => pad(256 * 1024) + "pool is up",
    "/empty": () => "",
    "/endless": () =>
      new ReadableStream({
        pull: (controller) => controller.enqueue(new TextEncoder().encode(pad(65_536))),
      }),
  };
  const handler = (request: Request) => new Response(answers[new URL(request.url).pathname]?.());
  await withServer(handler, async (port) => {
    const found = (path: string) => outcome(`http://127.0.0.1:${port}/${path}?body=pool+is+up`);
    for (const path of ["good", "split", "long"]) assertEquals(await found(path), "", path);
    const missing = "status 200, but the text is not in the answer's first 256 KiB";
    for (const path of ["bad", "longer", "empty", "endless"]) {
      assertEquals(await found(path), missing, path);
    }
    assertEquals(await outcome(`http://127.0.0.1:${port}/endless`), "", "status alone");
  });
});

Deno.test("an http check opens a connection for each run, so that it sees a server that went away", async () => {
  const hostname = "127.0.0.1", port = freeTcpPort();
  const listener = Deno.listen({ hostname, port });
  const url = `http://${hostname}:${port}/`;
  const answer = "HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok";
  const open: Deno.Conn[] = [];
  const serve = (async () => {
    for await (const connection of listener) {
      open.push(connection);
      await connection.read(new Uint8Array(1_024));
      await connection.write(new TextEncoder().encode(answer));
    }
  })();
  try {
    assertEquals([await outcome(url), await outcome(url)], ["", ""]);
    assertEquals(open.length, 2);
  } finally {
    listener.close();
    await serve;
  }
  // The server's connections are still open.
  assertEquals(await outcome(url), "connection refused");
  for (const connection of open) connection.close();
});

Deno.test("an http check of one that is silent, hangs up, or speaks no TLS fails", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const held: Deno.Conn[] = [];
  const hangUp = (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(1_024)).catch(() => {});
      connection.close();
    }
  })();
  const hold = (async () => {
    for await (const connection of silent) held.push(connection);
  })();
  try {
    const url = `://127.0.0.1:${listener.addr.port}/`;
    assertEquals(await outcome(`http${url}`), "connection closed without an answer");
    assertEquals(await outcome(`https${url}`), "no TLS");
    assertEquals(await outcome(`http://127.0.0.1:${freeTcpPort()}/`), "connection refused");
    const over = new AbortController();
    const ended = outcome(`http://127.0.0.1:${silent.addr.port}/`, over.signal);
    const early = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 200))]);
    assertEquals(early, undefined);
    over.abort();
    assert(await ended !== "");
  } finally {
    listener.close();
    silent.close();
    await Promise.all([hangUp, hold]);
    for (const connection of held) connection.close();
  }
});

skippableTest("an exec check passes when its command exits with 0", NO_SHELL, async () => {
  assertEquals(await outcome("exec:true"), "");
  assertEquals(await outcome("exec:false"), "exit code 1");
  assertEquals(await outcome(`exec:sh -c 'echo "no pool" >&2; exit 2'`), "exit code 2: no pool");
  assertEquals(await outcome("exec:nonesuch-check"), "cannot run nonesuch-check: not found");
});

Deno.test("a reason shows no password", async () => {
  const reason = await outcome(`http://me:s3cret@127.0.0.1:${freeTcpPort()}/?x=s3cret`);
  assertEquals(reason, "connection refused");
});
