// Several endpoints, and what stands there instead of etcd.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../../src/host/clock.ts";
import { Etcd, etcdMissing } from "../../support/etcd.ts";
import { freeTcpPort } from "../../support/ports.ts";
import { skippableTest } from "../../support/skippable.ts";
import { acquire, ANNA, failureOf, openStore, soon } from "./fixture.ts";
import { StoreError } from "../../../src/leases/store_error.ts";

const missing = etcdMissing();
/** A time to live, for servers that are no etcd. */
const SHORT = { ttlMs: 3_000 } as const;
/** An answer's header. */
const header = { revision: "7", raft_term: "2" };

skippableTest("the first endpoint is dead: the next call goes to the second", missing, async () => {
  await using etcd = await Etcd.start();
  using store = openStore([`http://127.0.0.1:${freeTcpPort()}`, ...etcd.endpoints]);
  assertMatch(store.name, /^etcd at http:.*, http:.*, keys below \/exoip\/198.51.100.7\/$/);
  await failureOf(store.read(soon()), "unreachable");
  assertEquals((await store.read(soon())).record, null);
  assertEquals((await store.read(soon())).record, null, "it stays there");
});

skippableTest("the first endpoint is silent: the signal ends the wait", missing, async () => {
  await using etcd = await Etcd.start();
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${(silent.addr as Deno.NetAddr).port}`;
  using store = openStore([url, ...etcd.endpoints]);
  const patience = new AbortController();
  const reading = failureOf(store.read(patience.signal), "unreachable");
  using connection = await silent.accept();
  patience.abort(new DOMException("late", "TimeoutError"));
  assertMatch(await reading, /127.*no answer in time/);
  await acquire(store, ANNA);
  assert(connection);
});

Deno.test("a signal that has aborted already, or does so later, is named", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using store = openStore([`http://127.0.0.1:${(silent.addr as Deno.NetAddr).port}`]);
  await failureOf(store.read(AbortSignal.abort()), "aborted");
  const ending = new AbortController();
  const reading = store.read(ending.signal);
  using connection = await silent.accept();
  ending.abort();
  await failureOf(reading, "aborted");
  assert(connection);
  await store.watch(() => {}, AbortSignal.abort());
});

skippableTest(
  "an endpoint of another etcd is refused for a minute after the last answer",
  missing,
  async () => {
    await using other = await Etcd.start();
    let aheadMs = 0;
    const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs };
    const first = await Etcd.start();
    using store = openStore([...first.endpoints, ...other.endpoints], { clock });
    assertEquals((await store.read(soon())).record, null);
    const [place] = first.endpoints;
    await first[Symbol.asyncDispose]();
    await failureOf(store.read(soon()), "unreachable");
    const text = await failureOf(store.acquire(ANNA, null, soon()), "odd-answer");
    assertMatch(text, /it comes from etcd cluster [0-9a-f]+, not from [0-9a-f]+ like http/);
    assertStringIncludes(text, `${other.endpoints[0]}: `);
    assertStringIncludes(text, `like ${place}: all endpoints must be of one cluster`);
    assertEquals(await other.ctl("get", "", "--prefix", "--keys-only"), "", "nothing was written");
    await failureOf(store.read(soon()), "unreachable");
    aheadMs = 60_000;
    assertEquals(
      (await store.read(soon())).record,
      null,
      "it has taken the place of the first one",
    );
  },
);

skippableTest("a single endpoint may become another etcd at any time", missing, async () => {
  await using etcd = await Etcd.start();
  await using other = await Etcd.start();
  let [target] = etcd.endpoints;
  await using proxy = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      return await fetch(target + pathname, { method: "POST", body: await request.text() });
    },
  );
  using store = openStore([`http://127.0.0.1:${proxy.addr.port}`]);
  await store.read(soon());
  [target] = other.endpoints;
  assertEquals((await store.read(soon())).record, null);
});

/** An HTTP server that gives these answers, one after the other. */
function answering(...answers: readonly (string | Response)[]) {
  const paths: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) => {
    const answer = answers[paths.length];
    paths.push(new URL(url).pathname);
    return answer instanceof Response ? answer : new Response(answer ?? "too many requests");
  });
  return {
    paths,
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const ODD: Readonly<Record<string, () => string | Response>> = {
  "no JSON": () => "<html>hello</html>",
  "a list": () => "[]",
  "nothing": () => "",
  "no header": () => "{}",
  "a revision too large": () => JSON.stringify({ header: { revision: "9223372036854775807" } }),
  "keys that are no list": () => JSON.stringify({ header, kvs: {} }),
  "a key without a name": () => JSON.stringify({ header, kvs: [{}] }),
  "a redirect": () => Response.redirect("https://example.com/", 307),
  "another server": () => new Response("not found", { status: 404 }),
  "an unknown error": () => Response.json({ code: 12, message: "no" }, { status: 501 - 101 }),
};

for (const [title, answer] of Object.entries(ODD)) {
  Deno.test(`an answer that no etcd gives is named: ${title}`, async () => {
    await using server = answering(answer());
    using store = openStore([server.url]);
    const text = await failureOf(store.read(soon()), "odd-answer");
    assert(text.startsWith(`etcd at ${server.url}: `), text);
  });
}

Deno.test("a store that cannot serve is named, in the words of each version", async () => {
  const words = "etcdserver: no leader";
  for (
    const answer of [
      Response.json({ error: words, message: words, code: 14 }, { status: 503 }),
      Response.json({ code: 14, message: words, details: [] }, { status: 503 }),
      Response.json({ error: { grpc_code: 14, http_code: 503, message: words } }),
      Response.json({ error: { code: 14, message: words } }),
      Response.json({ code: 8, message: `${words}: mvcc: database space exceeded` }, {
        status: 429,
      }),
      new Response(words, { status: 502 }),
    ]
  ) {
    const plain = answer.status === 502;
    await using server = answering(answer);
    using store = openStore([server.url]);
    assertMatch(
      await failureOf(store.read(soon()), "unavailable"),
      plain ? /HTTP status 502/ : /no leader/,
    );
  }
});

Deno.test("a renewal counts only if no other leader was elected meanwhile", async () => {
  const lease = "5", token = JSON.stringify({ lease, instanceId: "a", sinceWallMs: 1 });
  const kept = JSON.stringify({ result: { header, ID: lease, TTL: "10" } });
  const kvs = [{ key: btoa("/exoip/198.51.100.7/holder"), lease, mod_revision: "7" }];
  const there = (term: string) => JSON.stringify({ header: { ...header, raft_term: term }, kvs });
  await using server = answering(kept, there("3"), kept, there("2"), kept, "{}");
  using store = openStore([server.url]);
  assertMatch(await failureOf(store.renew(token, soon()), "unavailable"), /another member leads/);
  assertEquals(await store.renew(token, soon()), true);
  await failureOf(store.renew(token, soon()), "odd-answer");
});

Deno.test("a lease that is shorter than asked for is refused", async () => {
  await using server = answering(JSON.stringify({ header, ID: "5", TTL: "2" }));
  using store = openStore([server.url], SHORT);
  assertMatch(await failureOf(store.acquire(ANNA, null, soon()), "odd-answer"), /2 s, wanted 3 s/);
});

Deno.test("an acquisition that the connection has repeated is still ours", async () => {
  const value = btoa(JSON.stringify({ instanceId: "a", sinceWallMs: 1 }));
  const kvs = [{ key: btoa("/exoip/198.51.100.7/holder"), value, lease: "5", mod_revision: "7" }];
  const granted = JSON.stringify({ header, ID: "5", TTL: "3" });
  const lost = JSON.stringify({ header, responses: [{ response_range: { kvs, count: "1" } }] });
  await using server = answering(granted, lost);
  using store = openStore([server.url], SHORT);
  assert((await store.acquire(ANNA, null, soon())).token !== null);
});

Deno.test("the lines of a watch may come in any pieces", async () => {
  const kv = { key: btoa("/exoip/198.51.100.7/candidates/a"), value: "", mod_revision: "8" };
  const lines = [{ created: true }, { events: [{ kv }] }, { header }]
    .map((result) => JSON.stringify({ result: { header, ...result } })).join("\n") + "\n\n";
  const bytes = new TextEncoder().encode(lines);
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      for (const byte of bytes) {
        controller.enqueue(new Uint8Array([byte]));
        await Promise.resolve();
      }
      controller.close();
    },
  });
  await using server = answering(JSON.stringify({ header }), new Response(body));
  using store = openStore([server.url]);
  const versions: number[] = [];
  const watching = store.watch(({ version }) => versions.push(version), soon());
  await failureOf(watching, "unreachable");
  assertEquals(versions, [7, 8]);
});

Deno.test("a watch that etcd ends is an error, in its words", async () => {
  for (
    const [reason, kind] of [["permission denied", "denied"], ["no space", "unavailable"]] as const
  ) {
    const canceled = JSON.stringify({ result: { header, canceled: true, cancel_reason: reason } });
    await using server = answering(JSON.stringify({ header }), canceled + "\n");
    using store = openStore([server.url]);
    const watching = store.watch(() => {}, soon());
    const error = await watching.then(() => null, (thrown) => thrown);
    assert(error instanceof StoreError);
    assertEquals([error.kind, error.message.includes(reason)], [kind, true]);
  }
});

Deno.test("a store that drops every change at once is not asked for ever", async () => {
  const dropped = JSON.stringify({ result: { header, canceled: true, compact_revision: "9" } });
  const answers = Array.from({ length: 20 }, () => [JSON.stringify({ header }), `${dropped}\n`]);
  await using server = answering(...answers.flat());
  using store = openStore([server.url]);
  assertMatch(await failureOf(store.watch(() => {}, soon()), "unavailable"), /drops changes/);
  assertEquals(server.paths.length, 12);
});
